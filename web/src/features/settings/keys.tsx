// The keys that the gateway signs with, and the credentials of its API.
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { KeyIcon, PlusIcon } from '@phosphor-icons/react';
import { $api, ApiError, at, client, type Schemas } from '../../api/client';
import { useMayWrite, useMe } from '../../shell/me';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { errorOf } from '../../parts/field_errors.ts';
import { ChoiceField, SwitchField, TextField } from '../../parts/fields';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Badge, Button, Checkbox, Dialog, Empty, Radio } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page, Section } from '../../parts/page';
import { Question } from '../../parts/question';
import { Remove } from '../../parts/remove';
import { Pending } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { ShownOnce } from '../../parts/shown_once';
import {
  checkToken,
  kEnds,
  kRoles,
  kScopes,
  roleLabel,
  scopeLabel,
  toTokenRequest,
  type Role,
  type TokenValues,
} from './token.ts';

const kKeys = '/accounts/{account_id}/access/keys' as const;
const kTokens = '/accounts/{account_id}/gatehouse/api_tokens' as const;
type Keys = Schemas['KeyConfiguration'];
type Token = Schemas['ApiToken'];

export function KeysAndTokens() {
  return (
    <Page
      title="Keys and tokens"
      description="What the gateway signs with, and what programs use to configure it."
    >
      <SigningKeys />
      <ApiTokens />
    </Page>
  );
}

function SigningKeys() {
  const mayWrite = useMayWrite();
  const queries = useQueryClient();
  const keys = $api.useQuery('get', kKeys, { params: { path: at() } });
  const found = keys.data?.result;
  const refresh = () => queries.invalidateQueries({ queryKey: ['get', kKeys] });
  return (
    <Section
      title="Signing keys"
      description="They sign what tells applications who somebody is, and are replaced by themselves."
      actions={mayWrite && found && <RotateKeys refresh={refresh} />}
    >
      {found ? (
        <>
          <Details
            items={[
              ['Next rotation', inDays(found.days_until_next_rotation)],
              ['Last rotation', <Age key="last" at={found.last_key_rotation_at} />],
            ]}
          />
          <IntervalForm key={found.key_rotation_interval_days} keys={found} refresh={refresh} />
        </>
      ) : (
        <Pending query={keys} />
      )}
    </Section>
  );
}
const inDays = (days: number) =>
  days <= 0 ? 'today' : days === 1 ? 'tomorrow' : `in ${Math.round(days)} days`;

function IntervalForm({ keys, refresh }: { keys: Keys; refresh: () => Promise<unknown> }) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const form = useForm({
    initial: { key_rotation_interval_days: String(keys.key_rotation_interval_days) },
    check: ({ key_rotation_interval_days: days }) => ({
      key_rotation_interval_days:
        /^\d+$/.test(days.trim()) && +days >= 21 && +days <= 365
          ? undefined
          : 'Must be a whole number from 21 to 365',
    }),
    save: async ({ key_rotation_interval_days: days }) => {
      await client.PUT(kKeys, {
        params: { path: at() },
        body: { key_rotation_interval_days: Number(days) },
      });
    },
  });
  return (
    <FormBody
      form={form}
      shown={['key_rotation_interval_days']}
      mayWrite={mayWrite}
      onSaved={() => {
        say.done('Saved: how often keys are replaced');
        void refresh();
      }}
    >
      <TextField
        form={form}
        path="key_rotation_interval_days"
        label="Days between rotations"
        inputMode="numeric"
        className="w-28"
      />
    </FormBody>
  );
}

function RotateKeys({ refresh }: { refresh: () => Promise<unknown> }) {
  const say = useSay();
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const rotate = async () => {
    setBusy(true);
    try {
      await client.POST(`${kKeys}/rotate`, { params: { path: at() } });
      setOpen(false);
      say.done('The keys were replaced');
      await refresh();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>Rotate now</Button>
      <Question
        open={isOpen}
        title="Replace the signing keys now?"
        text="What was signed before stays valid for a while. Applications that check signatures themselves have to read the new keys, which those that follow the published addresses do."
        confirm="Rotate now"
        destructive={false}
        error={error}
        isBusy={isBusy}
        onConfirm={() => void rotate()}
        onDismiss={() => {
          setOpen(false);
          setError(undefined);
        }}
      />
    </>
  );
}

function ApiTokens() {
  const mayWrite = useMayWrite();
  const queries = useQueryClient();
  const [isNew, setNew] = useState(false);
  const [issued, setIssued] = useState<Schemas['IssuedApiToken'] | null>(null);
  const tokens = $api.useQuery('get', kTokens, { params: { path: at() } });
  const refresh = () => queries.invalidateQueries({ queryKey: ['get', kTokens] });
  const create = mayWrite && (
    <Button variant="primary" icon={PlusIcon} onClick={() => setNew(true)}>
      New API token
    </Button>
  );
  return (
    <Section
      title="API tokens"
      description="For programs such as Terraform. They can do no more than who makes them."
      actions={create}
    >
      <DataTable
        label="List of API tokens"
        rows={tokens.data?.result}
        rowKey={(token) => token.id}
        error={tokens.error}
        retry={() => void tokens.refetch()}
        isLoading={tokens.isFetching}
        columns={[
          { title: 'Name', className: 'font-medium', cell: (token) => token.name },
          { title: 'Role', cell: (token) => roleLabel(token.role) },
          {
            title: 'Limited to',
            wide: true,
            cell: ({ scopes }) => (scopes.length > 0 ? scopes.map(scopeLabel).join(', ') : 'nothing'),
          },
          { title: 'Made by', wide: true, cell: (token) => token.created_by ?? '' },
          { title: 'Last used', wide: true, cell: (token) => <Age at={token.last_used_at} /> },
          { title: 'Ends', cell: (token) => <End at={token.expires_at} /> },
          {
            title: '',
            className: 'text-end',
            cell: (token) => mayWrite && <Revoke token={token} refresh={refresh} />,
          },
        ]}
        empty={
          <Empty
            icon={<KeyIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title="No API tokens yet"
            description="Make one for each program that configures the gateway or reads from it."
            contents={create || undefined}
          />
        }
      />
      {isNew && (
        <NewToken
          names={(tokens.data?.result ?? []).map(({ name }) => name)}
          onClose={() => setNew(false)}
          onIssued={(one) => {
            setNew(false);
            setIssued(one);
            void refresh();
          }}
        />
      )}
      <ShownOnce
        open={issued !== null}
        title={`The API token ${issued?.name ?? ''}`}
        values={[{ label: 'Token', value: issued?.token ?? '' }]}
        onDone={() => setIssued(null)}
      />
    </Section>
  );
}

function End({ at: end }: { at: string | null | undefined }) {
  if (!end) return 'never';
  return (
    <span className="flex flex-wrap items-center gap-2">
      <Age at={end} />
      {Date.parse(end) <= Date.now() && <Badge variant="destructive">over</Badge>}
    </span>
  );
}

function Revoke({ token, refresh }: { token: Token; refresh: () => Promise<unknown> }) {
  return (
    <Remove
      icon
      label="Revoke"
      what="API token"
      name={token.name}
      consequence={`Whatever uses ${token.name} is refused from its next request on. It cannot be brought back.`}
      remove={async () => {
        await client.DELETE(`${kTokens}/{token_id}`, {
          params: { path: at({ token_id: token.id }) },
        });
        await refresh();
      }}
    />
  );
}

function NewToken({
  names,
  onClose,
  onIssued,
}: {
  names: string[];
  onClose: () => void;
  onIssued: (token: Schemas['IssuedApiToken']) => void;
}) {
  const me = useMe();
  // No more than who makes it.
  const scopes = kScopes.filter(({ value }) => me.scopes.length === 0 || me.scopes.includes(value));
  const form = useForm<TokenValues>({
    initial: { name: '', role: 'read_only', isLimited: me.scopes.length > 0, scopes: [], days: '90' },
    check: (values) => checkToken(values, names),
    save: async (values) => {
      const { data } = await client.POST(kTokens, {
        params: { path: at() },
        body: toTokenRequest(values, new Date()),
      });
      if (data?.result) onIssued(data.result);
    },
  });
  const { values } = form;
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex max-h-[90vh] flex-col gap-4 overflow-y-auto p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">New API token</Dialog.Title>
        <FormBody
          form={form}
          shown={['name', 'role', 'scopes', 'expires_at']}
          submitLabel="Create"
          cancel={onClose}
          guard={false}
        >
          <TextField form={form} path="name" label="Name" description="What uses it." autoFocus />
          <Radio.Group
            legend="Role"
            value={values.role}
            onValueChange={(role) => form.set('role', role as Role)}
          >
            {kRoles.map(({ value, label, about }) => (
              <Radio.Item key={value} value={value} label={`${label}: ${about}`} />
            ))}
          </Radio.Group>
          {me.scopes.length === 0 && (
            <SwitchField
              form={form}
              path="isLimited"
              label="Limit it to some things"
              description="Off: it reaches everything that its role may."
            />
          )}
          {values.isLimited && (
            <Checkbox.Group
              legend="Limited to"
              value={values.scopes}
              onValueChange={(next: string[]) => form.set('scopes', next)}
              {...(errorOf(form.errors, 'scopes') ? { error: errorOf(form.errors, 'scopes') } : {})}
            >
              {scopes.map(({ value, label }) => (
                <Checkbox.Item key={value} value={value} label={label} />
              ))}
            </Checkbox.Group>
          )}
          <ChoiceField form={form} path="days" label="Ends" choices={kEnds} />
          {errorOf(form.errors, 'expires_at') && (
            <p role="alert" className="m-0 text-sm text-kumo-danger">
              {errorOf(form.errors, 'expires_at')}
            </p>
          )}
        </FormBody>
      </Dialog>
    </Dialog.Root>
  );
}
