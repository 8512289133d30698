// One service token: its name and end, a new secret, a new beginning.
import { useState, type ReactNode } from 'react';
import { useNavigate, useParams } from '@tanstack/react-router';
import { ApiError, at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { useEdit } from '../../parts/edit';
import { ChoiceField, SwitchField, TextField } from '../../parts/fields';
import { FormBody } from '../../parts/form_page';
import { Button, Radio } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { Question } from '../../parts/question';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { ShownOnce } from '../../parts/shown_once';
import { UsedBy } from '../usage/used_by';
import {
  expiry,
  kDurations,
  kPath,
  RemoveToken,
  useRefresh,
  type Issued,
  type Token,
} from './service_tokens';

const kOne = `${kPath}/{service_token_id}` as const;
const kGraces = [
  { hours: 0, label: 'At once' },
  { hours: 24, label: 'After one day' },
  { hours: 168, label: 'After 7 days' },
];

export function ServiceTokenPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const refresh = useRefresh();
  const say = useSay();
  const read = () => client.GET(kOne, { params: { path: at({ service_token_id: id }) } });
  const token = useResource(['service token', id], read);
  const found = token.data?.value;
  const readAnew = async () => {
    await Promise.all([token.refetch(), refresh()]);
  };
  const prolong = async () => {
    try {
      await client.POST(`${kOne}/refresh`, { params: { path: at({ service_token_id: id }) } });
      await readAnew();
      say.done('Its time begins anew');
    } catch (error) {
      say.failed('It was not prolonged', error);
    }
  };
  return (
    <Page
      title={found?.name ?? 'Service token'}
      description="What a program sends so that Service Auth policies let it in."
      crumbs={[{ label: 'Service tokens', href: '/access/service-tokens' }]}
      actions={
        mayWrite &&
        found && (
          <>
            {found.duration !== 'forever' && found.expires_at && (
              <Button onClick={() => void prolong()}>Prolong</Button>
            )}
            <Rotate token={found} onRotated={() => void readAnew()} />
            <RemoveToken
              token={found}
              onRemoved={() => void navigate({ to: '/access/service-tokens' })}
            />
          </>
        )
      }
    >
      {token.data ? (
        <>
          <Details
            items={[
              ['Client id', <code key="id" className="break-all">{token.data.value.client_id}</code>],
              ['Expires', expiry(token.data.value)],
              ['Last used', <Age key="used" at={token.data.value.last_seen_at} never="not known" />],
              ...(isAhead(token.data.value.previous_client_secret_expires_at)
                ? ([
                    ['The secret before is good until', <Age key="old" at={token.data.value.previous_client_secret_expires_at} />],
                  ] as [string, ReactNode][])
                : []),
            ]}
          />
          <EditForm
            key={`${id} ${token.data.etag}`}
            read={token.data}
            reload={() => toRead(read())}
            onSaved={() => void readAnew()}
          />
          <Section title="Used by" description="Where its rules are.">
            <UsedBy used="service_token" id={id} nobody="No rule names it. Rules for any valid service token let it in as well." />
          </Section>
        </>
      ) : (
        <Pending query={token} />
      )}
    </Page>
  );
}

const isAhead = (at: string | undefined) => at !== undefined && Date.parse(at) > Date.now();

function EditForm({
  read,
  reload,
  onSaved,
}: {
  read: Read<Token>;
  reload: () => Promise<Read<Token>>;
  onSaved: () => void;
}) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const { form, reload: loadAnew } = useEdit({
    read,
    reload,
    toValues: ({ name, duration, enabled }: Token) => ({
      name,
      duration: duration ?? 'forever',
      enabled: enabled !== false,
    }),
    check: ({ name }) => ({ name: name.trim() ? undefined : 'Give it a name' }),
    save: async (values, base) =>
      toRead(
        client.PUT(kOne, {
          params: { path: at({ service_token_id: base.value.id }), header: ifMatch(base.etag) },
          body: { ...values, name: values.name.trim() },
        }),
      ),
  });
  const own = form.values.duration;
  return (
    <FormBody
      form={form}
      shown={['name', 'duration', 'enabled']}
      mayWrite={mayWrite}
      reload={loadAnew}
      onSaved={() => {
        say.done(`Saved: ${form.values.name}`);
        onSaved();
      }}
    >
      <TextField form={form} path="name" label="Name" />
      <ChoiceField
        form={form}
        path="duration"
        label="Expires after"
        description="Counted from when it was made or prolonged."
        choices={
          kDurations.some(({ value }) => value === own)
            ? kDurations
            : [...kDurations, { value: own, label: own }]
        }
      />
      <SwitchField
        form={form}
        path="enabled"
        label="Switched on"
        description="Off: refused, and kept to be switched on again."
      />
    </FormBody>
  );
}

function Rotate({ token, onRotated }: { token: Token; onRotated: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [grace, setGrace] = useState(0);
  const [issued, setIssued] = useState<Issued | null>(null);
  const rotate = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const until = new Date(Date.now() + grace * 3_600_000).toISOString();
      const { data } = await client.POST(`${kOne}/rotate`, {
        params: { path: at({ service_token_id: token.id }) },
        body: grace > 0 ? { previous_client_secret_expires_at: until } : {},
      });
      setOpen(false);
      if (data?.result) setIssued(data.result);
      onRotated();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>New secret</Button>
      <Question
        open={isOpen}
        title={`Give ${token.name} a new secret?`}
        text={
          <div className="flex flex-col gap-4">
            <p className="m-0">
              Whatever uses {token.name} has to be given the new one before the present one ends.
            </p>
            <Radio.Group
              legend="The present secret ends"
              value={String(grace)}
              onValueChange={(value) => setGrace(Number(value))}
            >
              {kGraces.map(({ hours, label }) => (
                <Radio.Item key={hours} value={String(hours)} label={label} />
              ))}
            </Radio.Group>
          </div>
        }
        confirm="New secret"
        destructive={grace === 0}
        error={error}
        isBusy={isBusy}
        onConfirm={() => void rotate()}
        onDismiss={() => {
          setOpen(false);
          setError(undefined);
        }}
      />
      <ShownOnce
        open={issued !== null}
        title={`The new secret of ${token.name}`}
        values={[
          { label: 'Client id', value: issued?.client_id ?? '' },
          { label: 'Client secret', value: issued?.client_secret ?? '' },
        ]}
        onDone={() => setIssued(null)}
      />
    </>
  );
}
