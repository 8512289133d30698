// Words that applications are sorted by.
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { PlusIcon, TagIcon } from '@phosphor-icons/react';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { TextField } from '../../parts/fields';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Button, Dialog, Empty } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';

const kPath = '/accounts/{account_id}/access/tags' as const;

export function Tags() {
  const mayWrite = useMayWrite();
  const queries = useQueryClient();
  const [isNew, setNew] = useState(false);
  const tags = $api.useQuery('get', kPath, {
    params: { path: at(), query: { page: 1, per_page: 1000 } },
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ['get', kPath] });
  const create = mayWrite && (
    <Button variant="primary" icon={PlusIcon} onClick={() => setNew(true)}>
      New tag
    </Button>
  );
  return (
    <Page
      title="Tags"
      description="Words that applications are sorted by. They change nothing about who is let in."
      actions={create}
    >
      <DataTable
        label="Tags"
        rows={tags.data?.result}
        rowKey={(tag) => tag.name}
        error={tags.error}
        retry={() => void tags.refetch()}
        isLoading={tags.isFetching}
        columns={[
          { title: 'Name', className: 'font-medium', cell: (tag) => tag.name },
          { title: 'Applications', cell: (tag) => String(tag.app_count ?? 0) },
          {
            title: '',
            className: 'text-end',
            cell: (tag) => mayWrite && <RemoveTag tag={tag} refresh={refresh} />,
          },
        ]}
        empty={
          <Empty
            icon={<TagIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title="No tags yet"
            description="Make one, then give it to applications in their appearance."
            contents={create || undefined}
          />
        }
      />
      {isNew && (
        <NewTag
          names={(tags.data?.result ?? []).map(({ name }) => name)}
          onClose={() => setNew(false)}
          refresh={refresh}
        />
      )}
    </Page>
  );
}

function RemoveTag({ tag, refresh }: { tag: Schemas['Tag']; refresh: () => Promise<unknown> }) {
  const count = tag.app_count ?? 0;
  return (
    <Remove
      icon
      what="tag"
      name={tag.name}
      consequence={
        count > 0
          ? `${count} ${count === 1 ? 'application has' : 'applications have'} it: take it away there first.`
          : 'No application has it.'
      }
      remove={async () => {
        await client.DELETE(`${kPath}/{tag_name}`, { params: { path: at({ tag_name: tag.name }) } });
        await refresh();
      }}
    />
  );
}

function NewTag({
  names,
  onClose,
  refresh,
}: {
  names: string[];
  onClose: () => void;
  refresh: () => Promise<unknown>;
}) {
  const form = useForm({
    initial: { name: '' },
    check: ({ name }) => ({
      name: !name.trim()
        ? 'Give it a name'
        : names.includes(name.trim())
          ? 'There is a tag of this name already'
          : undefined,
    }),
    save: async ({ name }) => {
      await client.POST(kPath, { params: { path: at() }, body: { name: name.trim() } });
      await refresh();
      onClose();
    },
  });
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex flex-col gap-4 p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">New tag</Dialog.Title>
        <FormBody form={form} shown={['name']} submitLabel="Create" cancel={onClose} guard={false}>
          <TextField form={form} path="name" label="Name" autoFocus />
        </FormBody>
      </Dialog>
    </Dialog.Root>
  );
}
