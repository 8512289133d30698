// The three logs, each with an address of its own.
import { useNavigate } from '@tanstack/react-router';
import { Tabs } from '../../parts/kumo';

const kTabs = [
  { value: '/logs/decisions', label: 'Decisions' },
  { value: '/logs/sign-ins', label: 'Sign-ins' },
  { value: '/logs/audit', label: 'Audit' },
];

export function LogTabs({ now }: { now: string }) {
  const navigate = useNavigate();
  return (
    <Tabs
      variant="underline"
      tabs={kTabs}
      value={now}
      onValueChange={(to) => void navigate({ to })}
    />
  );
}
