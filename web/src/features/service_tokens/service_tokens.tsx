// Credentials of programs: made, shown once, removed.
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { PlusIcon, RobotIcon } from '@phosphor-icons/react';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Age } from '../../parts/age';
import { errorOf } from '../../parts/field_errors.ts';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Badge, Button, Dialog, Empty, Input, Link, Select } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { ShownOnce } from '../../parts/shown_once';
import { UsedBy } from '../usage/used_by';

export const kPath = '/accounts/{account_id}/access/service_tokens' as const;
export const kDurations = [
  { value: '8760h', label: '1 year' },
  { value: '4380h', label: '6 months' },
  { value: '720h', label: '30 days' },
  { value: 'forever', label: 'Never' },
];
export type Token = Schemas['ServiceToken'];
export type Issued = Pick<Schemas['IssuedServiceToken'], 'client_id' | 'client_secret'>;

export function useRefresh() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', kPath] });
}

function NewToken({ onIssued, onClose }: { onIssued: (issued: Issued) => void; onClose: () => void }) {
  const refresh = useRefresh();
  const form = useForm({
    initial: { name: '', duration: '8760h' },
    check: ({ name }) => (name.trim() ? {} : { name: 'Give it a name' }),
    save: async (values) => {
      const { data } = await client.POST(kPath, { params: { path: at() }, body: values });
      await refresh();
      if (data?.result) onIssued(data.result);
    },
  });
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex flex-col gap-4 p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">New service token</Dialog.Title>
        <FormBody
          form={form}
          shown={['name', 'duration']}
          submitLabel="Create"
          cancel={onClose}
          guard={false}
        >
          <Input
            label="Name"
            description="What uses it: a job, a monitor, a build."
            value={form.values.name}
            onChange={(event) => form.set('name', event.target.value)}
            error={errorOf(form.errors, 'name')}
            autoFocus
          />
          <Select
            label="Expires after"
            value={form.values.duration}
            onValueChange={(value) => form.set('duration', value as string)}
            items={kDurations}
          >
            {kDurations.map(({ value, label }) => (
              <Select.Option key={value} value={value}>
                {label}
              </Select.Option>
            ))}
          </Select>
        </FormBody>
      </Dialog>
    </Dialog.Root>
  );
}

export function expiry(token: Token) {
  if (!token.expires_at) return 'never';
  const isOver = Date.parse(token.expires_at) <= Date.now();
  return (
    <span className="flex items-center gap-2">
      <Age at={token.expires_at} />
      {isOver && <Badge variant="destructive">expired</Badge>}
    </span>
  );
}

export function RemoveToken({
  token,
  onRemoved,
  icon = false,
}: {
  token: Token;
  onRemoved?: () => void;
  icon?: boolean;
}) {
  const refresh = useRefresh();
  return (
    <Remove
      icon={icon}
      what="service token"
      name={token.name}
      consequence={
        <div className="flex flex-col gap-2">
          <p className="m-0">Whatever uses {token.name} is refused from its next request on.</p>
          <UsedBy used="service_token" id={token.id} nobody="No rule names it." />
        </div>
      }
      remove={async () => {
        await client.DELETE(`${kPath}/{service_token_id}`, {
          params: { path: at({ service_token_id: token.id }) },
        });
        await refresh();
      }}
      {...(onRemoved ? { onRemoved } : {})}
    />
  );
}

export function ServiceTokens() {
  const list = useListSearch();
  const mayWrite = useMayWrite();
  const [isNew, setNew] = useState(false);
  const [issued, setIssued] = useState<Issued | null>(null);
  const tokens = $api.useQuery('get', kPath, {
    params: { path: at(), query: list.query },
  });
  const create = mayWrite && (
    <Button variant="primary" icon={PlusIcon} onClick={() => setNew(true)}>
      New service token
    </Button>
  );
  return (
    <Page
      title="Service tokens"
      description="Programs send them as CF-Access-Client-Id and CF-Access-Client-Secret. A Service Auth policy says which are let in."
      actions={create}
    >
      <SearchField value={list.search} onChange={list.setSearch} label="Search service tokens" />
      <DataTable
        label="Service tokens"
        rows={tokens.data?.result}
        rowKey={(token) => token.id}
        error={tokens.error}
        retry={() => void tokens.refetch()}
        isLoading={tokens.isFetching}
        total={tokens.data?.result_info?.total_count}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (token) => (
              <span className="flex flex-wrap items-center gap-2">
                <Link href={`/access/service-tokens/${token.id}`}>{token.name}</Link>
                {token.enabled === false && <Badge variant="secondary">switched off</Badge>}
              </span>
            ),
          },
          { title: 'Client id', wide: true, cell: (token) => <code>{token.client_id}</code> },
          {
            title: 'Last used',
            wide: true,
            cell: (token) => <Age at={token.last_seen_at} never="not known" />,
          },
          { title: 'Expires', cell: expiry },
          {
            title: '',
            className: 'text-end',
            cell: (token) =>
              mayWrite && <RemoveToken token={token} icon />,
          },
        ]}
        empty={
          list.search ? (
            <NothingFound search={list.search} what="service token" />
          ) : (
            <Empty
              icon={<RobotIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No service tokens yet"
              description="Make one for each program that needs an application, so that each can be taken away alone."
              contents={create || undefined}
            />
          )
        }
      />
      {isNew && (
        <NewToken
          onClose={() => setNew(false)}
          onIssued={(one) => {
            setNew(false);
            setIssued(one);
          }}
        />
      )}
      <ShownOnce
        open={issued !== null}
        title="The new service token"
        values={[
          { label: 'Client id', value: issued?.client_id ?? '' },
          { label: 'Client secret', value: issued?.client_secret ?? '' },
        ]}
        onDone={() => setIssued(null)}
      />
    </Page>
  );
}
