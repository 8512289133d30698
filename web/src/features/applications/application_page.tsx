// One application: its settings by theme, each with an address of its own.
import type { ComponentType } from 'react';
import { useNavigate, useParams } from '@tanstack/react-router';
import { ArrowSquareOutIcon } from '@phosphor-icons/react';
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { LinkButton, Tabs } from '../../parts/kumo';
import { Page } from '../../parts/page';
import { Pending, useResource, type Read } from '../../parts/resource';
import { domainsOf, nameOf, typeLabel, type Application } from './application.ts';
import { kApplications, RemoveApplication } from './applications';
import type { TabProperties } from './edit_application';
import { AppearanceTab } from './appearance_tab';
import { AuthenticationTab } from './authentication_tab';
import { CorsTab } from './cors_tab';
import { OriginTab } from './origin_tab';
import { PoliciesTab } from './policies_tab';
import { SessionsTab } from './sessions_tab';
import { SettingsTab } from './settings_tab';

interface Tab {
  value: string;
  label: string;
  // Types that have it; absent: all.
  types?: readonly string[];
  content: ComponentType<TabProperties>;
}
const kDecided = ['self_hosted', 'dash_sso'];
const kTabs: readonly Tab[] = [
  { value: 'settings', label: 'Settings', content: SettingsTab },
  { value: 'policies', label: 'Policies', types: kDecided, content: PoliciesTab },
  { value: 'authentication', label: 'Authentication', types: kDecided, content: AuthenticationTab },
  { value: 'sessions', label: 'Sessions and cookies', types: kDecided, content: SessionsTab },
  { value: 'cors', label: 'CORS', types: ['self_hosted'], content: CorsTab },
  { value: 'appearance', label: 'Appearance', content: AppearanceTab },
  { value: 'origin', label: 'Origin', types: ['self_hosted'], content: OriginTab },
];
const kCrumbs = [{ label: 'Applications', href: '/access/applications' }];

export const useApplication = (id: string) =>
  useResource(['application', id], () =>
    client.GET(`${kApplications}/{app_id}`, { params: { path: at({ app_id: id }) } }),
  );

export function ApplicationPage() {
  const { id = '', tab = 'settings' } = useParams({ strict: false }) as {
    id?: string;
    tab?: string;
  };
  const navigate = useNavigate();
  const mayWrite = useMayWrite();
  const query = useApplication(id);
  if (!query.data)
    return (
      <Page title="Application" crumbs={kCrumbs}>
        <Pending query={query} />
      </Page>
    );
  const application = query.data.value;
  const tabs = kTabs.filter(({ types }) => types?.includes(application.type) ?? true);
  const shown = tabs.find(({ value }) => value === tab) ?? (tabs[0] as Tab);
  const [domain = ''] = domainsOf(application);
  const Content = shown.content;
  return (
    <Page
      title={nameOf(application)}
      description={`${typeLabel(application.type)} application at ${domainsOf(application).join(', ')}`}
      crumbs={kCrumbs}
      actions={
        <>
          {domain && !domain.includes('*') && (
            <LinkButton
              variant="secondary"
              href={`https://${domain}`}
              target="_blank"
              rel="noopener"
              icon={ArrowSquareOutIcon}
            >
              Open
            </LinkButton>
          )}
          {mayWrite && (
            <RemoveApplication
              application={application}
              onRemoved={() => void navigate({ to: '/access/applications' })}
            />
          )}
        </>
      }
    >
      <div className="overflow-x-auto">
        <Tabs
          variant="underline"
          tabs={tabs.map(({ value, label }) => ({ value, label }))}
          value={shown.value}
          onValueChange={(value) =>
            void navigate({ to: `/access/applications/${id}/${value}` })
          }
        />
      </div>
      <div key={`${id} ${shown.value}`} role="tabpanel" aria-label={shown.label}>
        <Content
          read={query.data}
          reload={async () =>
            (await query.refetch({ throwOnError: true })).data as Read<Application>
          }
        />
      </div>
    </Page>
  );
}
