// One list: its items, searched and paged here, since a list is read as a whole.
import { useDeferredValue, useMemo, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { ListBulletsIcon, PlusIcon, TrashIcon } from '@phosphor-icons/react';
import { at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { errorOf } from '../../parts/field_errors.ts';
import { TextField } from '../../parts/fields';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Button, Checkbox, Dialog, Empty, InputArea } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page, Section } from '../../parts/page';
import { Question } from '../../parts/question';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { EditFormBody } from '../named_forms';
import { kListsPath, problemOf, RemoveList, useRefreshLists } from './lists';
import { found, inWords, readPasted, wordsOf, type Item } from './items.ts';

const kOne = `${kListsPath}/{list_id}` as const;
const kPerRequest = 1000;
const kPerPage = 50;
type List = Schemas['List'];

async function readItems(id: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let page = 1; ; page++) {
    const { data } = await client.GET(`${kOne}/items`, {
      params: { path: at({ list_id: id }), query: { page, per_page: kPerRequest } },
    });
    items.push(...(data?.result ?? []));
    if (page >= (data?.result_info?.total_pages ?? 1)) return items;
  }
}

export function ListPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const read = () => client.GET(kOne, { params: { path: at({ list_id: id }) } });
  const list = useResource(['list', id], read);
  const items = useQuery({ queryKey: ['list items', id], queryFn: () => readItems(id) });
  const value = list.data?.value;
  return (
    <Page
      title={value?.name ?? 'List'}
      description={
        value && (items.data ? `${inWords(value.type, items.data.length)}. ` : '') + (value.description ?? '')
      }
      crumbs={[{ label: 'Lists', href: '/access/lists' }]}
      actions={
        mayWrite &&
        value && (
          <RemoveList list={value} onRemoved={() => void navigate({ to: '/access/lists' })} />
        )
      }
    >
      {list.data ? (
        <>
          <Items list={list.data.value} items={items} />
          <Section title="Name and description">
            <NameForm key={`${id} ${list.data.etag}`} read={list.data} reload={() => toRead(read())} />
          </Section>
        </>
      ) : (
        <Pending query={list} />
      )}
    </Page>
  );
}

function Items({
  list,
  items,
}: {
  list: List;
  items: { data: Item[] | undefined; error: unknown; isFetching: boolean; refetch: () => unknown };
}) {
  const mayWrite = useMayWrite();
  const queries = useQueryClient();
  const refreshLists = useRefreshLists();
  const say = useSay();
  const search = useListSearch();
  const [isAdding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<{ isBusy: boolean; error?: string } | null>(null);
  const wanted = useDeferredValue(search.search);
  const matching = useMemo(() => items.data && found(items.data, wanted), [items.data, wanted]);
  const shown = matching?.slice((search.page - 1) * kPerPage, search.page * kPerPage);
  const refresh = async () => {
    await queries.invalidateQueries({ queryKey: ['list items', list.id] });
    await queries.invalidateQueries({ queryKey: ['resource', 'list', list.id] });
    await refreshLists();
  };
  const remove = async () => {
    setAsked({ isBusy: true });
    try {
      await client.PATCH(kOne, {
        params: { path: at({ list_id: list.id }) },
        body: { remove: [...chosen] },
      });
      say.done(`Taken out: ${inWords(list.type, chosen.size)}`);
      setChosen(new Set());
      setAsked(null);
      await refresh();
    } catch (error) {
      setAsked({ isBusy: false, error: error instanceof Error ? error.message : String(error) });
    }
  };
  const choose = (values: readonly string[], isChosen: boolean) =>
    setChosen((before) => {
      const next = new Set(before);
      for (const value of values) {
        if (isChosen) next.add(value);
        else next.delete(value);
      }
      return next;
    });
  const add = mayWrite && (
    <Button variant="primary" icon={PlusIcon} onClick={() => setAdding(true)}>
      Add {wordsOf(list.type).many}
    </Button>
  );
  const values = [...chosen];
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <SearchField
          value={search.search}
          onChange={search.setSearch}
          label={`Search ${wordsOf(list.type).many}`}
        />
        <span className="flex flex-wrap gap-2">
          {chosen.size > 0 && (
            <Button icon={TrashIcon} onClick={() => setAsked({ isBusy: false })}>
              Take out {inWords(list.type, chosen.size)}
            </Button>
          )}
          {add}
        </span>
      </div>
      <DataTable
        label={`Items of ${list.name}`}
        rows={shown as Item[] | undefined}
        rowKey={(item) => item.value}
        error={items.error}
        retry={() => void items.refetch()}
        isLoading={items.isFetching}
        total={matching?.length}
        page={search.page}
        setPage={search.setPage}
        perPage={kPerPage}
        columns={[
          {
            title: list.type === 'EMAIL' ? 'Address' : 'Network',
            className: 'font-medium break-all',
            cell: (item) =>
              mayWrite ? (
                <Checkbox
                  label={item.value}
                  checked={chosen.has(item.value)}
                  onCheckedChange={(isChosen) => choose([item.value], isChosen)}
                />
              ) : (
                item.value
              ),
          },
          { title: 'Description', wide: true, cell: (item) => item.description ?? '' },
        ]}
        empty={
          wanted ? (
            <NothingFound search={wanted} what={wordsOf(list.type).one} />
          ) : (
            <Empty
              icon={<ListBulletsIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="The list is empty"
              description="Rules that name it match nobody until something is in it."
              contents={add || undefined}
            />
          )
        }
      />
      {isAdding && (
        <AddItems
          list={list}
          present={(items.data ?? []).map(({ value }) => value)}
          onClose={() => setAdding(false)}
          onAdded={(count) => {
            setAdding(false);
            say.done(`Added: ${inWords(list.type, count)}`);
            void refresh();
          }}
        />
      )}
      <Question
        open={asked !== null}
        title={`Take ${inWords(list.type, chosen.size)} out of ${list.name}?`}
        text={
          <>
            Rules that name the list do not match {chosen.size === 1 ? 'it' : 'them'} any more:{' '}
            {values.slice(0, 10).join(', ')}
            {values.length > 10 && ` and ${values.length - 10} more`}
          </>
        }
        confirm="Take out"
        error={asked?.error}
        isBusy={asked?.isBusy ?? false}
        onConfirm={() => void remove()}
        onDismiss={() => setAsked(null)}
      />
    </>
  );
}

function AddItems({
  list,
  present,
  onClose,
  onAdded,
}: {
  list: List;
  present: string[];
  onClose: () => void;
  onAdded: (count: number) => void;
}) {
  const form = useForm({
    initial: { append: '' },
    check: ({ append }) => {
      const read = readPasted(list.type, append, present);
      const problem = problemOf(read.problems);
      if (problem) return { append: problem };
      if (read.items.length > 0) return {};
      return { append: read.repeated > 0 ? 'All of them are in the list already' : 'Write or paste what to add' };
    },
    save: async ({ append }) => {
      const { items } = readPasted(list.type, append, present);
      await client.PATCH(kOne, {
        params: { path: at({ list_id: list.id }) },
        body: { append: items },
      });
      onAdded(items.length);
    },
  });
  const typed = useDeferredValue(form.values.append);
  const read = useMemo(() => readPasted(list.type, typed, present), [list.type, typed, present]);
  const words = wordsOf(list.type);
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex max-h-[90vh] flex-col gap-4 overflow-y-auto p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">
          Add {words.many} to {list.name}
        </Dialog.Title>
        <FormBody form={form} shown={['append']} submitLabel="Add" cancel={onClose} guard={false}>
          <InputArea
            label={words.many.charAt(0).toUpperCase() + words.many.slice(1)}
            description={`One a line, or a column of a table; a description may follow after a comma. New: ${read.items.length.toLocaleString('en')}${read.repeated > 0 ? `, in the list already: ${read.repeated.toLocaleString('en')}` : ''}.`}
            error={errorOf(form.errors, 'append')}
            rows={10}
            spellCheck={false}
            autoFocus
            value={form.values.append}
            onChange={(event) => form.set('append', event.target.value)}
          />
        </FormBody>
      </Dialog>
    </Dialog.Root>
  );
}

function NameForm({ read, reload }: { read: Read<List>; reload: () => Promise<Read<List>> }) {
  const refresh = useRefreshLists();
  const queries = useQueryClient();
  const edit = useEdit({
    read,
    reload,
    toValues: ({ name, description }) => ({ name, description: description ?? '' }),
    check: ({ name }) => ({ name: name.trim() ? undefined : 'Give it a name' }),
    save: async ({ name, description }, base) => {
      const saved = await toRead(
        client.PUT(kOne, {
          params: { path: at({ list_id: base.value.id }), header: ifMatch(base.etag) },
          body: { name: name.trim(), description: description.trim() },
        }),
      );
      queries.setQueryData(['resource', 'list', base.value.id], saved);
      await refresh();
      return saved;
    },
  });
  return (
    <EditFormBody edit={edit} shown={['name', 'description']}>
      <TextField form={edit.form} path="name" label="Name" />
      <TextField form={edit.form} path="description" label="Description (optional)" />
    </EditFormBody>
  );
}
