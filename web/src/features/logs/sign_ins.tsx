// Who signed in to which application, and who was refused there.
import { SignInIcon } from '@phosphor-icons/react';
import { $api, at, type Schemas } from '../../api/client';
import { useAddress } from '../../parts/address';
import { Age } from '../../parts/age';
import { Badge, Button, Empty, Link } from '../../parts/kumo';
import { DataTable, kPageSize, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { reasonTitle } from '../../parts/reasons.ts';
import { ChoiceFilter, Filters, RangeFilter, TextFilter } from './filters';
import { LogTabs } from './log_tabs';
import { toAsked } from './range.ts';

const kFilters = ['email', 'allowed', 'range', 'since', 'until'] as const;
const kChoices = [
  { value: 'true', label: 'let in' },
  { value: 'false', label: 'refused' },
];

export function SignIns() {
  const { values, set, clear, isAny } = useAddress(kFilters);
  const list = useListSearch();
  const { email, allowed, range, since, until } = values;
  // To the minute, so that the same question is not asked again with every look.
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const requests = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/logs/access_requests',
    {
      params: {
        path: at(),
        query: {
          page: list.page,
          per_page: kPageSize,
          ...(email ? { email, emailOp: 'contains' as const } : {}),
          ...(allowed ? { allowed: allowed === 'true' } : {}),
          ...toAsked(range, since, until, minute),
        },
      },
    },
    { placeholderData: (before) => before },
  );
  const rows = requests.data?.result;
  // The log says no total: there is more as long as pages are full.
  const total =
    requests.data?.result_info?.total_count ??
    (rows ? (list.page - 1) * kPageSize + rows.length + (rows.length === kPageSize ? 1 : 0) : 0);
  return (
    <Page
      title="Sign-ins"
      description="Who signed in to an application, by which login method, and who was refused there."
    >
      <LogTabs now="/logs/sign-ins" />
      <Filters clear={isAny && clear}>
        <TextFilter label="Person" value={email} onChange={(next) => set({ email: next })} />
        <ChoiceFilter
          label="Outcome"
          value={allowed}
          onChange={(next) => set({ allowed: next })}
          choices={kChoices}
        />
        <RangeFilter range={range} since={since} until={until} onChange={set} />
      </Filters>
      <DataTable<Schemas['AccessRequest']>
        label="Sign-ins"
        rows={rows}
        rowKey={({ created_at, ray_id, user_email, app_uid }) =>
          `${created_at} ${ray_id} ${user_email} ${app_uid}`
        }
        error={requests.error}
        retry={() => void requests.refetch()}
        isLoading={requests.isFetching}
        total={total}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'When',
            cell: ({ created_at, ray_id }) =>
              ray_id ? (
                <Link href={`/logs/decisions/${encodeURIComponent(ray_id)}`}>
                  <Age at={created_at} />
                </Link>
              ) : (
                <Age at={created_at} />
              ),
          },
          { title: 'Who', cell: ({ user_email }) => user_email || 'nobody known' },
          {
            title: 'Outcome',
            cell: ({ allowed: isAllowed, reason }) => (
              <span className="flex flex-col items-start gap-1">
                <Badge variant={isAllowed ? 'success' : 'error'}>
                  {isAllowed ? 'let in' : 'refused'}
                </Badge>
                {!isAllowed && reason && <span className="text-xs">{reasonTitle(reason)}</span>}
              </span>
            ),
          },
          { title: 'Application', wide: true, cell: ({ app_domain }) => app_domain },
          { title: 'Login method', wide: true, cell: ({ connection }) => connection },
          {
            title: 'From',
            wide: true,
            cell: ({ ip_address, country }) => (
              <span>
                <code>{ip_address}</code> {country}
              </span>
            ),
          },
        ]}
        empty={
          <Empty
            icon={<SignInIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title={isAny ? 'No sign-in matches these filters' : 'Nobody has signed in yet'}
            description={
              isAny
                ? 'Take one away, or choose a longer time.'
                : 'Open one of the applications in a browser and sign in.'
            }
            contents={isAny ? <Button onClick={clear}>Clear filters</Button> : undefined}
          />
        }
      />
    </Page>
  );
}
