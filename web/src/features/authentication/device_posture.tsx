// The tab Device Posture: who says what about a device, and the checks that policies can require.
import { useQueryClient } from '@tanstack/react-query';
import { DevicesIcon, ListChecksIcon } from '@phosphor-icons/react';
import { $api, at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Badge, Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page, Section } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { parseDuration, toDuration } from '../../parts/time.ts';
import { AuthenticationFrame, kCrumbs, kDevicePosture } from './frame';
import { KindList } from './kinds';
import {
  describeCheck,
  kProviderKinds,
  providerKind,
  type Check,
  type Provider,
} from './posture.ts';
import { TestButton } from './test_run';
import { CheckUsers, ProviderUsers } from './uses';

export const kProvidersPath = '/accounts/{account_id}/devices/posture/integration' as const;
export const kChecksPath = '/accounts/{account_id}/devices/posture' as const;

export const useProviders = () =>
  $api.useQuery('get', kProvidersPath, { params: { path: at() } });
export const useChecks = () => $api.useQuery('get', kChecksPath, { params: { path: at() } });
export function useRefreshPosture() {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: ['get', kProvidersPath] });
    await queries.invalidateQueries({ queryKey: ['get', kChecksPath] });
  };
}

interface Removed {
  onRemoved?: () => void;
  icon?: boolean;
}
export function RemoveProvider({ provider, ...rest }: Removed & { provider: Provider }) {
  const refresh = useRefreshPosture();
  return (
    <Remove
      what="device posture provider"
      name={provider.name}
      consequence={<ProviderUsers provider={provider} />}
      remove={async () => {
        await client.DELETE(`${kProvidersPath}/{integration_id}`, {
          params: { path: at({ integration_id: provider.id }) },
        });
        await refresh();
      }}
      {...rest}
    />
  );
}
export function RemoveCheck({ check, ...rest }: Removed & { check: Check }) {
  const refresh = useRefreshPosture();
  return (
    <Remove
      what="device check"
      name={check.name}
      consequence={<CheckUsers id={check.id} />}
      remove={async () => {
        await client.DELETE(`${kChecksPath}/{rule_id}`, {
          params: { path: at({ rule_id: check.id }) },
        });
        await refresh();
      }}
      {...rest}
    />
  );
}

const inWords = (duration: string) => toDuration(parseDuration(duration) ?? 0);

export function DevicePosture() {
  const mayWrite = useMayWrite();
  const providers = useProviders();
  const checks = useChecks();
  const nameOf = (id: unknown) => providers.data?.result?.find((one) => one.id === id)?.name;
  const hasTanium = providers.data?.result?.some(({ type }) => type === 'tanium') ?? false;
  const add = mayWrite && (
    <LinkButton href={`${kDevicePosture}/add`} variant="primary">
      + Add
    </LinkButton>
  );
  const newCheck = mayWrite && hasTanium && (
    <LinkButton href={`${kDevicePosture}/checks/new`} variant="secondary">New check</LinkButton>
  );
  return (
    <AuthenticationFrame tab={kDevicePosture} actions={add}>
      <Section title="Providers" description="Who says, verifiably, what a device is like.">
        <DataTable
          label="Device posture providers"
          rows={providers.data?.result}
          rowKey={(provider) => provider.id}
          error={providers.error}
          retry={() => void providers.refetch()}
          isLoading={providers.isFetching}
          columns={[
            {
              title: 'Name',
              className: 'font-medium',
              cell: (provider) => (
                <Link href={`${kDevicePosture}/${provider.id}`}>{provider.name}</Link>
              ),
            },
            {
              title: 'Provider',
              wide: true,
              cell: ({ type }) => (
                <span className="flex flex-wrap items-center gap-2">
                  {providerKind(type)?.name ?? type}
                  {!providerKind(type)?.works && <Badge variant="outline">kept, without effect</Badge>}
                </span>
              ),
            },
            {
              title: '',
              className: 'text-end',
              cell: (provider) =>
                mayWrite && (
                  <span className="flex items-center justify-end gap-1">
                    {providerKind(provider.type)?.works && (
                      <TestButton kind="device" id={provider.id} name={provider.name} />
                    )}
                    <RemoveProvider provider={provider} icon />
                  </span>
                ),
            },
          ]}
          empty={
            <Empty
              icon={<DevicesIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="Nobody says anything about devices yet"
              description="Add a provider, such as Tanium; then policies can require a managed device."
              contents={add || undefined}
            />
          }
        />
      </Section>
      <Section
        title="Checks"
        description="What policies can require of a device, as Device Posture in their rules."
        actions={newCheck}
      >
        <DataTable
          label="Device checks"
          rows={checks.data?.result}
          rowKey={(check) => check.id}
          error={checks.error}
          retry={() => void checks.refetch()}
          isLoading={checks.isFetching}
          columns={[
            {
              title: 'Name',
              className: 'font-medium',
              cell: (check) => (
                <Link href={`${kDevicePosture}/checks/${check.id}`}>{check.name}</Link>
              ),
            },
            { title: 'Provider', wide: true, cell: (check) => nameOf(check.input?.connection_id) ?? '' },
            { title: 'Passes when', cell: (check) => describeCheck(check, inWords) },
            {
              title: '',
              className: 'text-end',
              cell: (check) => mayWrite && <RemoveCheck check={check} icon />,
            },
          ]}
          empty={
            <Empty
              icon={<ListChecksIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No checks yet"
              description={
                hasTanium
                  ? 'Make one, and require it in a policy.'
                  : 'Add a provider first: a check says what of its answer has to be true.'
              }
              contents={newCheck || undefined}
            />
          }
        />
      </Section>
    </AuthenticationFrame>
  );
}

export function AddProvider() {
  const idle = kProviderKinds.filter(({ works }) => !works);
  return (
    <Page
      title="Add a device posture provider"
      description="Choose who says what your devices are like."
      crumbs={kCrumbs.posture}
    >
      <KindList
        label="Providers that can be added"
        kinds={kProviderKinds.filter(({ works }) => works)}
        hrefOf={(type) => `${kDevicePosture}/add/${type}`}
      />
      <Section
        title="Without effect"
        description="The API keeps their configurations, for programs that write them. Nothing is asked of them and no device ever passes a check of theirs, so they are not offered here."
      >
        <p className="m-0 text-kumo-strong">{idle.map(({ name }) => name).join(', ')}</p>
      </Section>
    </Page>
  );
}
