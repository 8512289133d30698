// Access groups: people and devices by rules, under a name that policies use.
import { PlusIcon, UsersThreeIcon } from '@phosphor-icons/react';
import { useQueryClient } from '@tanstack/react-query';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { RulesWords } from '../rules/rules_words';
import { UsedBy } from '../usage/used_by';

const kPath = '/accounts/{account_id}/access/groups' as const;

export function RemoveGroup({
  group,
  onRemoved,
}: {
  group: Schemas['Group'];
  onRemoved?: () => void;
}) {
  const queries = useQueryClient();
  return (
    <Remove
      icon={onRemoved === undefined}
      what="access group"
      name={group.name}
      consequence={
        <div className="flex flex-col gap-2">
          <p className="m-0">It is not deleted while something uses it:</p>
          <UsedBy used="group" id={group.id} nobody="Nothing uses it. Nobody loses access." />
        </div>
      }
      remove={async () => {
        await client.DELETE(`${kPath}/{group_id}`, {
          params: { path: at({ group_id: group.id }) },
        });
        await queries.invalidateQueries({ queryKey: ['get', kPath] });
      }}
      onRemoved={onRemoved}
    />
  );
}

export function Groups() {
  const list = useListSearch();
  const mayWrite = useMayWrite();
  const groups = $api.useQuery('get', kPath, {
    params: { path: at(), query: list.query },
  });
  const create = mayWrite && (
    <LinkButton variant="primary" icon={PlusIcon} href="/access/groups/new">
      New group
    </LinkButton>
  );
  return (
    <Page
      title="Groups"
      description="An access group gives rules a name, such as Staff. Policies name the group; a change of it reaches all of them at once."
      actions={create}
    >
      <SearchField value={list.search} onChange={list.setSearch} label="Search groups" />
      <DataTable
        label="Access groups"
        rows={groups.data?.result}
        rowKey={(group) => group.id}
        error={groups.error}
        retry={() => void groups.refetch()}
        isLoading={groups.isFetching}
        total={groups.data?.result_info?.total_count}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (group) => <Link href={`/access/groups/${group.id}`}>{group.name}</Link>,
          },
          { title: 'Rules', wide: true, cell: (group) => <RulesWords rules={group} /> },
          {
            title: '',
            className: 'text-end',
            cell: (group) => mayWrite && <RemoveGroup group={group} />,
          },
        ]}
        empty={
          list.search ? (
            <NothingFound search={list.search} what="group" />
          ) : (
            <Empty
              icon={<UsersThreeIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No access groups yet"
              description="Make one for people whom several policies let in or keep out."
              contents={create || undefined}
            />
          )
        }
      />
    </Page>
  );
}
