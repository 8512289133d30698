// Where a person is signed in, and ending it.
import { useQueryClient } from '@tanstack/react-query';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayRevoke } from '../../shell/me';
import { Age } from '../../parts/age';
import { Badge, Link } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Remove } from '../../parts/remove';
import { SignalList, sourceOf } from '../devices/evidence';
import { kDevices, kSessions, kUsers } from '../devices/paths.ts';

type Session = Schemas['Session'];

function useRefresh() {
  const queries = useQueryClient();
  return () =>
    Promise.all(
      [kSessions, kDevices, kUsers, `${kUsers}/{user_id}/active_sessions`].map((path) =>
        queries.invalidateQueries({ queryKey: ['get', path] }),
      ),
    );
}

// The applications that a session has opened.
export function useOpened(user: string) {
  const sessions = $api.useQuery('get', `${kUsers}/{user_id}/active_sessions`, {
    params: { path: at({ user_id: user }) },
  });
  return (nonce?: string): string[] => [
    ...new Set(
      (sessions.data?.result ?? [])
        .filter(({ name }) => nonce === undefined || name === nonce)
        .flatMap(({ metadata }) => Object.values(metadata.apps ?? {}).map(({ name = '' }) => name)),
    ),
  ];
}

export function Sessions({
  user,
  name,
  sessions,
  loginMethods,
}: {
  user: string;
  name: string;
  sessions: ReturnType<typeof useSessions>;
  loginMethods: Map<string, string>;
}) {
  const refresh = useRefresh();
  const mayRevoke = useMayRevoke();
  const opened = useOpened(user);
  return (
    <DataTable<Session>
      label="Sessions of this user"
      rows={sessions.data?.result}
      rowKey={({ nonce }) => nonce}
      error={sessions.error}
      retry={() => void sessions.refetch()}
      isLoading={sessions.isFetching}
      columns={[
        {
          title: 'Signed in',
          cell: ({ created_at, login_method }) => (
            <span className="flex flex-col">
              <Age at={created_at} />
              <span className="text-xs text-kumo-subtle">
                {loginMethods.get(login_method) ?? 'a login method that was removed'}
              </span>
            </span>
          ),
        },
        { title: 'Ends', wide: true, cell: ({ expires_at }) => <Age at={expires_at} /> },
        {
          title: 'Applications',
          wide: true,
          cell: ({ nonce }) => opened(nonce).join(', ') || 'none yet',
        },
        {
          title: 'Device',
          cell: ({ devices }) =>
            devices.length === 0 ? (
              <span className="text-kumo-subtle">not checked</span>
            ) : (
              <span className="flex flex-col gap-1">
                {devices.map((device) => (
                  <span key={device.integration_id} className="flex flex-col gap-0.5">
                    <Link href={`/devices/${encodeURIComponent(device.device_id)}`}>
                      {device.hostname || device.device_id}
                    </Link>
                    <SignalList signals={device.signals} />
                    <span className="text-xs text-kumo-subtle">
                      {sourceOf(device)}, <Age at={device.established_at} />
                    </span>
                  </span>
                ))}
              </span>
            ),
        },
        {
          title: '',
          className: 'text-end',
          cell: ({ nonce }) => {
            const applications = opened(nonce);
            return (
              mayRevoke && (
                <Remove
                  label="Revoke"
                  what="session of"
                  name={name}
                  consequence={
                    applications.length > 0
                      ? `${name} is signed out of ${applications.join(', ')} from the next request on. Signing in again is possible.`
                      : `${name} has to sign in again there. No application was opened with this session.`
                  }
                  remove={async () => {
                    await client.DELETE('/accounts/{account_id}/gatehouse/sessions/{nonce}', {
                      params: { path: at({ nonce }) },
                    });
                    await refresh();
                  }}
                />
              )
            );
          },
        },
      ]}
      empty={<p className="m-0 p-4 text-sm text-kumo-subtle">Not signed in anywhere now.</p>}
    />
  );
}

export function useSessions(user: string) {
  return $api.useQuery('get', kSessions, {
    params: { path: at(), query: { user, per_page: 100 } },
  });
}

// The name of each login method.
export function useLoginMethods(): Map<string, string> {
  const methods = $api.useQuery('get', '/accounts/{account_id}/access/identity_providers', {
    params: { path: at() },
  });
  return new Map((methods.data?.result ?? []).map(({ id, name = '' }) => [id ?? '', name]));
}

export function RevokeAll({
  user,
  name,
  count,
}: {
  user: string;
  name: string;
  count: number | undefined;
}) {
  const refresh = useRefresh();
  const mayRevoke = useMayRevoke();
  const applications = useOpened(user)();
  if (!mayRevoke || !count) return null;
  return (
    <Remove
      label="Revoke all sessions"
      what="of"
      name={name}
      consequence={`${name} is signed out everywhere (${count} ${count === 1 ? 'session' : 'sessions'})${applications.length > 0 ? ` and loses ${applications.join(', ')} from the next request on` : ''}. Signing in again is possible, unless a policy forbids it.`}
      remove={async () => {
        await client.POST('/accounts/{account_id}/gatehouse/revocations', {
          params: { path: at() },
          body: { user },
        });
        await refresh();
      }}
    />
  );
}

export const Count = ({ count }: { count: number | undefined }) =>
  count ? <Badge variant="success">{count}</Badge> : <span className="text-kumo-subtle">0</span>;
