// One person: sign-ins, sessions, devices, what their sign-in said, and why something is closed.
import { useState } from 'react';
import { useParams } from '@tanstack/react-router';
import { FlaskIcon } from '@phosphor-icons/react';
import { $api, ApiError, at } from '../../api/client';
import { toHref } from '../../parts/address';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { Failed } from '../../parts/failed';
import { Badge, Empty, LayerCard, Link, LinkButton, SkeletonLine } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page, Section } from '../../parts/page';
import { reasonTitle } from '../../parts/reasons.ts';
import { searchApplications, Suggest } from '../../parts/suggest';
import { EvidenceCard } from '../devices/evidence';
import { kUsers } from '../devices/paths.ts';
import { RevokeAll, Sessions, useLoginMethods, useSessions } from './sessions';

const kUser = `${kUsers}/{user_id}` as const;

function WhyClosed({ email }: { email: string }) {
  const [application, setApplication] = useState('');
  return (
    <LayerCard className="flex flex-wrap items-end gap-3 p-4">
      <div className="min-w-64 flex-1">
        <Suggest
          label="Application"
          placeholder="Name or address"
          queryKey="applications"
          search={searchApplications}
          value={application}
          onChange={setApplication}
        />
      </div>
      <LinkButton
        variant="secondary"
        icon={FlaskIcon}
        href={toHref('/access/tester', {
          user: email,
          evidence: 'session',
          app: application.trim() || undefined,
        })}
      >
        Test in the policy tester
      </LinkButton>
    </LayerCard>
  );
}

// Groups come as words or as objects, by provider.
const groupName = (group: unknown): string => {
  if (typeof group === 'string') return group;
  const { name, id, email } = group as Record<string, unknown>;
  return String(name ?? email ?? id ?? '');
};

function LastIdentity({ id, loginMethods }: { id: string; loginMethods: Map<string, string> }) {
  const identity = $api.useQuery('get', `${kUser}/last_seen_identity`, {
    params: { path: at({ user_id: id }) },
  });
  if (identity.error) {
    const isNone = identity.error instanceof ApiError && identity.error.status === 404;
    return isNone ? (
      <p className="m-0 text-sm text-kumo-subtle">No sign-in is remembered.</p>
    ) : (
      <Failed error={identity.error} retry={() => void identity.refetch()} />
    );
  }
  const seen = identity.data?.result;
  if (!seen) return <SkeletonLine />;
  const groups = (seen.groups ?? []).map(groupName).filter(Boolean);
  const claims = Object.entries(seen.oidc_fields ?? {});
  return (
    <LayerCard className="p-4">
      <Details
        items={[
          ['Name', seen.name || 'not said'],
          [
            'Login method',
            loginMethods.get(seen.idp?.id ?? '') ?? seen.idp?.type ?? 'not known any more',
          ],
          [
            'Groups',
            groups.length > 0 ? (
              <span key="groups" className="flex flex-wrap gap-1.5">
                {groups.map((group) => (
                  <Badge key={group} variant="secondary">
                    {group}
                  </Badge>
                ))}
              </span>
            ) : (
              'none were said'
            ),
          ],
          ['Sign-in methods (amr)', (seen.amr ?? []).join(', ') || 'not said'],
          ...claims.map(
            ([name, value]) =>
              [name, typeof value === 'string' ? value : JSON.stringify(value)] as [string, string],
          ),
          ['From', [seen.ip, seen.geo?.country].filter(Boolean).join(', ') || 'not known'],
        ]}
      />
    </LayerCard>
  );
}

interface Failure {
  datetime?: string;
  app_name?: string;
  ip_address?: string;
  reason?: string;
}

function FailedSignIns({ id }: { id: string }) {
  const failures = $api.useQuery('get', `${kUser}/failed_logins`, {
    params: { path: at({ user_id: id }) },
  });
  return (
    <DataTable<Failure>
      label="Failed sign-ins of this user"
      rows={failures.data?.result?.map(({ metadata }) => metadata as Failure)}
      rowKey={({ datetime, app_name, reason }) => `${datetime} ${app_name} ${reason}`}
      error={failures.error}
      retry={() => void failures.refetch()}
      isLoading={failures.isFetching}
      columns={[
        { title: 'When', cell: ({ datetime }) => <Age at={datetime} /> },
        { title: 'Why', cell: ({ reason }) => reasonTitle(reason ?? '') },
        { title: 'Application', cell: ({ app_name }) => app_name || 'none' },
        { title: 'Address', wide: true, cell: ({ ip_address }) => ip_address },
      ]}
      empty={<p className="m-0 p-4 text-sm text-kumo-subtle">None of late.</p>}
    />
  );
}

export function UserPage() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const user = $api.useQuery('get', kUser, { params: { path: at({ user_id: id }) } });
  const sessions = useSessions(id);
  const loginMethods = useLoginMethods();
  const crumbs = [{ label: 'Users', href: '/users' }];
  if (user.error instanceof ApiError && user.error.status === 404) {
    return (
      <Page title="Unknown user" crumbs={crumbs}>
        <Empty
          title="There is no such user"
          description="They may have been removed. They appear again at their next sign-in."
          contents={<LinkButton href="/users">All users</LinkButton>}
        />
      </Page>
    );
  }
  if (user.error) return <Failed error={user.error} retry={() => void user.refetch()} />;
  const person = user.data?.result;
  if (!person) {
    return (
      <Page title="User" crumbs={crumbs}>
        <SkeletonLine />
        <SkeletonLine />
      </Page>
    );
  }
  const evidence = new Map(
    (sessions.data?.result ?? [])
      .flatMap(({ devices }) => devices)
      .toSorted((one, other) => other.age_seconds - one.age_seconds)
      .map((one) => [`${one.integration_id} ${one.device_id}`, one]),
  );
  return (
    <Page
      title={person.email}
      description={
        <>
          {person.name && person.name !== person.email ? `${person.name}. ` : ''}Last signed in{' '}
          <Age at={person.last_successful_login} />, known since <Age at={person.created_at} />.
        </>
      }
      crumbs={crumbs}
      actions={
        <>
          <LinkButton variant="secondary" href={toHref('/logs/decisions', { email: person.email })}>
            Decisions about them
          </LinkButton>
          <RevokeAll user={id} name={person.email} count={sessions.data?.result?.length} />
        </>
      }
    >
      <Section title="Sessions" description="Where they are signed in now.">
        <Sessions user={id} name={person.email} sessions={sessions} loginMethods={loginMethods} />
      </Section>
      <Section
        title="Why can they not open an application?"
        description="Asks the gateway with the evidence of their live session, and changes nothing."
      >
        <WhyClosed email={person.email} />
      </Section>
      <Section title="Devices" description="What is known of them from live sessions.">
        {evidence.size === 0 ? (
          <p className="m-0 text-sm text-kumo-subtle">No session has evidence of a device.</p>
        ) : (
          [...evidence.entries()].map(([key, one]) => (
            <div key={key} className="flex flex-col gap-1">
              <Link href={`/devices/${encodeURIComponent(one.device_id)}`}>
                {one.hostname || one.device_id}
              </Link>
              <EvidenceCard evidence={one} />
            </div>
          ))
        )}
      </Section>
      <Section title="Identity" description="What their last sign-in said about them.">
        <LastIdentity id={id} loginMethods={loginMethods} />
      </Section>
      <Section title="Failed sign-ins">
        <FailedSignIns id={id} />
      </Section>
    </Page>
  );
}
