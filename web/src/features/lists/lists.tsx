// Lists of addresses or networks that many rules share.
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ListBulletsIcon, PlusIcon } from '@phosphor-icons/react';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { ChoiceField, TextField } from '../../parts/fields';
import { errorOf } from '../../parts/field_errors.ts';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Button, Dialog, Empty, InputArea, Link } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { UsedBy } from '../usage/used_by';
import { inWords, kTypes, readPasted, wordsOf, type ListType } from './items.ts';

export const kListsPath = '/accounts/{account_id}/gateway/lists' as const;

export function useRefreshLists() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', kListsPath] });
}

export function RemoveList({
  list,
  onRemoved,
  icon = false,
}: {
  list: Schemas['List'];
  onRemoved?: () => void;
  icon?: boolean;
}) {
  const refresh = useRefreshLists();
  return (
    <Remove
      icon={icon}
      what="list"
      name={list.name}
      consequence={
        <div className="flex flex-col gap-2">
          <p className="m-0">Rules that name it have to let go of it first:</p>
          <UsedBy used="list" id={list.id} nobody="No rule names it." />
        </div>
      }
      remove={async () => {
        await client.DELETE(`${kListsPath}/{list_id}`, {
          params: { path: at({ list_id: list.id }) },
        });
        await refresh();
      }}
      {...(onRemoved ? { onRemoved } : {})}
    />
  );
}

export function Lists() {
  const mayWrite = useMayWrite();
  const search = useListSearch();
  const [isNew, setNew] = useState(false);
  const lists = $api.useQuery('get', kListsPath, {
    params: { path: at(), query: { search: search.query.search } },
  });
  const create = mayWrite && (
    <Button variant="primary" icon={PlusIcon} onClick={() => setNew(true)}>
      New list
    </Button>
  );
  return (
    <Page
      title="Lists"
      description="Addresses of people, or networks, that several rules share. A change counts in all of them at once."
      actions={create}
    >
      <SearchField value={search.search} onChange={search.setSearch} label="Search lists" />
      <DataTable
        label="Lists"
        rows={lists.data?.result}
        rowKey={(list) => list.id}
        error={lists.error}
        retry={() => void lists.refetch()}
        isLoading={lists.isFetching}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (list) => <Link href={`/access/lists/${list.id}`}>{list.name}</Link>,
          },
          { title: 'Has', cell: (list) => inWords(list.type, list.count ?? 0) },
          { title: 'Description', wide: true, cell: (list) => list.description ?? '' },
          {
            title: '',
            className: 'text-end',
            cell: (list) => mayWrite && <RemoveList list={list} icon />,
          },
        ]}
        empty={
          search.search ? (
            <NothingFound search={search.search} what="list" />
          ) : (
            <Empty
              icon={<ListBulletsIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No lists yet"
              description="Make one of the addresses or networks that more than one rule names."
              contents={create || undefined}
            />
          )
        }
      />
      {isNew && <NewList onClose={() => setNew(false)} />}
    </Page>
  );
}

const kShownProblems = 5;
// The first of them, and how many more there are.
export function problemOf(problems: readonly string[]): string | undefined {
  if (problems.length === 0) return undefined;
  const more = problems.length - kShownProblems;
  return problems.slice(0, kShownProblems).join('. ') + (more > 0 ? `. And ${more} more` : '');
}

function NewList({ onClose }: { onClose: () => void }) {
  const refresh = useRefreshLists();
  const navigate = useNavigate();
  const form = useForm({
    initial: { name: '', type: 'EMAIL' as ListType, items: '' },
    check: ({ name, type, items }) => ({
      name: name.trim() ? undefined : 'Give it a name',
      items: problemOf(readPasted(type, items).problems),
    }),
    save: async ({ name, type, items }) => {
      const { data } = await client.POST(kListsPath, {
        params: { path: at() },
        body: { name: name.trim(), type, items: readPasted(type, items).items },
      });
      await refresh();
      if (data?.result) void navigate({ to: `/access/lists/${data.result.id}` });
    },
  });
  const words = wordsOf(form.values.type);
  const read = readPasted(form.values.type, form.values.items);
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex max-h-[90vh] flex-col gap-4 overflow-y-auto p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">New list</Dialog.Title>
        <FormBody
          form={form}
          shown={['name', 'type', 'items']}
          submitLabel="Create"
          cancel={onClose}
          guard={false}
        >
          <TextField form={form} path="name" label="Name" autoFocus />
          <ChoiceField form={form} path="type" label="List of" choices={kTypes} />
          <InputArea
            label={`${words.many.charAt(0).toUpperCase()}${words.many.slice(1)} (optional)`}
            description={`One a line; a description may follow after a comma. ${inWords(form.values.type, read.items.length)} so far.`}
            error={errorOf(form.errors, 'items')}
            rows={6}
            spellCheck={false}
            value={form.values.items}
            onChange={(event) => form.set('items', event.target.value)}
          />
        </FormBody>
      </Dialog>
    </Dialog.Root>
  );
}
