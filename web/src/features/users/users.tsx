// Everybody who has ever signed in.
import { UserIcon } from '@phosphor-icons/react';
import { $api, at, type Schemas } from '../../api/client';
import { Age } from '../../parts/age';
import { Empty, Link } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { kUsers } from '../devices/paths.ts';
import { Count } from './sessions';

export function Users() {
  const list = useListSearch();
  const users = $api.useQuery(
    'get',
    kUsers,
    { params: { path: at(), query: list.query } },
    { placeholderData: (before) => before },
  );
  return (
    <Page
      title="Users"
      description="Everybody who has signed in: when they last did, where they are signed in now, and what their sign-in said about them."
    >
      <SearchField value={list.search} onChange={list.setSearch} label="Search users" />
      <DataTable<Schemas['User']>
        label="Users"
        rows={users.data?.result}
        rowKey={({ id }) => id}
        error={users.error}
        retry={() => void users.refetch()}
        isLoading={users.isFetching}
        total={users.data?.result_info?.total_count}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'User',
            cell: ({ id, email, name }) => (
              <span className="flex min-w-0 flex-col">
                <Link href={`/users/${id}`}>{email}</Link>
                {name && name !== email && <span className="text-xs text-kumo-subtle">{name}</span>}
              </span>
            ),
          },
          {
            title: 'Last sign-in',
            cell: ({ last_successful_login }) => <Age at={last_successful_login} />,
          },
          {
            title: 'Sessions now',
            wide: true,
            cell: ({ active_session_count }) => <Count count={active_session_count} />,
          },
          { title: 'Known since', wide: true, cell: ({ created_at }) => <Age at={created_at} /> },
        ]}
        empty={
          list.search ? (
            <NothingFound search={list.search} what="user" />
          ) : (
            <Empty
              icon={<UserIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="Nobody has signed in yet"
              description="Users appear by themselves at their first sign-in; there is nothing to add here."
              contents={<Link href="/access/authentication">Login methods</Link>}
            />
          )
        }
      />
    </Page>
  );
}
