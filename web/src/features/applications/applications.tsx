// What is protected: every application, searched and paged by the gateway.
import { useState } from 'react';
import { AppWindowIcon, PlusIcon } from '@phosphor-icons/react';
import { useQueryClient } from '@tanstack/react-query';
import { $api, at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Badge, Checkbox, Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { useChangeIngress } from '../ingress/ingress';
import { withoutRule } from '../ingress/rules.ts';
import { domainsOf, hostsOf, nameOf, typeLabel, type Application } from './application.ts';

export const kApplications = '/accounts/{account_id}/access/apps' as const;

// Hosts that no other application has: nothing needs to go there any more.
async function hostsOfNobodyElse(application: Application): Promise<string[]> {
  const left: string[] = [];
  for (const host of hostsOf(application)) {
    const { data } = await client.GET(kApplications, {
      params: { path: at(), query: { domain: host, per_page: 1000 } },
    });
    const others = (data?.result ?? []).filter(({ id }) => id !== application.id);
    if (!others.some((other) => hostsOf(other).includes(host))) left.push(host);
  }
  return left;
}

export function RemoveApplication({
  application,
  onRemoved,
}: {
  application: Application;
  onRemoved?: () => void;
}) {
  const queries = useQueryClient();
  const change = useChangeIngress();
  const [isWithRoutes, setWithRoutes] = useState(true);
  const isDashboard = application.type === 'dash_sso';
  const hasRoutes = application.type === 'self_hosted';
  const own = (application.policies ?? []).filter(({ reusable }) => !reusable);
  return (
    <Remove
      icon={onRemoved === undefined}
      what="application"
      name={nameOf(application)}
      typed={isDashboard}
      consequence={
        <div className="flex flex-col gap-3">
          {isDashboard && (
            <p className="m-0">
              This is the dashboard itself: you and everybody else will be locked out of it. It can
              be made again on the gateway only.
            </p>
          )}
          <p className="m-0">From the next request on, nobody reaches:</p>
          <ul className="m-0 ps-5">
            {domainsOf(application).map((domain) => (
              <li key={domain} className="break-all">
                {domain}
              </li>
            ))}
          </ul>
          {own.length > 0 && (
            <p className="m-0">
              Its own {own.length === 1 ? 'policy is' : 'policies are'} deleted with it:{' '}
              {own.map(({ name }) => name).join(', ')}.
            </p>
          )}
          {hasRoutes && (
            <Checkbox
              label="Also forget where the requests of its hosts went, unless another application has them"
              checked={isWithRoutes}
              onCheckedChange={(on) => setWithRoutes(on === true)}
            />
          )}
        </div>
      }
      remove={async () => {
        const hosts = hasRoutes && isWithRoutes ? await hostsOfNobodyElse(application) : [];
        await client.DELETE(`${kApplications}/{app_id}`, {
          params: { path: at({ app_id: application.id }) },
        });
        await queries.invalidateQueries({ queryKey: ['get', kApplications] });
        if (hosts.length > 0) await change((rules) => hosts.reduce(withoutRule, rules));
      }}
      onRemoved={onRemoved}
    />
  );
}

export function Applications() {
  const list = useListSearch();
  const mayWrite = useMayWrite();
  const applications = $api.useQuery('get', kApplications, {
    params: { path: at(), query: list.query },
  });
  const methods = $api.useQuery('get', '/accounts/{account_id}/access/identity_providers', {
    params: { path: at(), query: { per_page: 1000 } },
  });
  const methodName = (id: string) =>
    methods.data?.result?.find((method) => method.id === id)?.name ?? id;
  const create = mayWrite && (
    <LinkButton variant="primary" icon={PlusIcon} href="/access/applications/new">
      Add an application
    </LinkButton>
  );
  return (
    <Page
      title="Applications"
      description="Web applications behind this gateway. Each has policies that say who gets in; without one, nobody does."
      actions={create}
    >
      <SearchField
        value={list.search}
        onChange={list.setSearch}
        label="Search applications by name or domain"
      />
      <DataTable
        label="Applications"
        rows={applications.data?.result}
        rowKey={(application) => application.id}
        error={applications.error}
        retry={() => void applications.refetch()}
        isLoading={applications.isFetching}
        total={applications.data?.result_info?.total_count}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (application) => (
              <Link href={`/access/applications/${application.id}`}>{nameOf(application)}</Link>
            ),
          },
          {
            title: 'Domain',
            className: 'break-all',
            cell: (application) => {
              const [first, ...more] = domainsOf(application);
              return (
                <>
                  {first}
                  {more.length > 0 && (
                    <span className="text-kumo-subtle"> and {more.length} more</span>
                  )}
                </>
              );
            },
          },
          { title: 'Type', wide: true, cell: ({ type }) => typeLabel(type) },
          {
            title: 'Policies',
            wide: true,
            cell: ({ policies = [], type }) =>
              policies.length === 0 && type !== 'bookmark' ? (
                <Badge variant="warning">nobody gets in</Badge>
              ) : (
                policies.length
              ),
          },
          {
            title: 'Login methods',
            wide: true,
            cell: ({ allowed_idps = [] }) =>
              allowed_idps.length === 0 ? 'All' : allowed_idps.map(methodName).join(', '),
          },
          {
            title: '',
            className: 'text-end',
            cell: (application) => mayWrite && <RemoveApplication application={application} />,
          },
        ]}
        empty={
          list.search ? (
            <NothingFound search={list.search} what="application" />
          ) : (
            <Empty
              icon={<AppWindowIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No applications yet"
              description="Add the first one: its host name, where its requests go, and who may open it."
              contents={create || undefined}
            />
          )
        }
      />
    </Page>
  );
}
