// Access > Authentication: how people and how devices prove themselves, as two tabs with addresses of
// their own.
import type { ReactNode } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { Tabs } from '../../parts/kumo';
import { Page } from '../../parts/page';

export const kLoginMethods = '/access/authentication/login-methods';
export const kDevicePosture = '/access/authentication/device-posture';
export const kCrumbs = {
  methods: [
    { label: 'Authentication', href: '/access/authentication' },
    { label: 'Login methods', href: kLoginMethods },
  ],
  posture: [
    { label: 'Authentication', href: '/access/authentication' },
    { label: 'Device Posture', href: kDevicePosture },
  ],
};

export function AuthenticationFrame({
  tab,
  actions,
  children,
}: {
  tab: string;
  actions: ReactNode;
  children: ReactNode;
}) {
  const navigate = useNavigate();
  return (
    <Page
      title="Authentication"
      description="How people prove who they are, and how their devices prove what they are."
      actions={actions}
    >
      <Tabs
        variant="underline"
        value={tab}
        onValueChange={(to) => void navigate({ to })}
        tabs={[
          { value: kLoginMethods, label: 'Login methods' },
          { value: kDevicePosture, label: 'Device Posture' },
        ]}
      />
      {children}
    </Page>
  );
}
