// One login method: made, or changed.
import { useState } from 'react';
import { useNavigate, useParams } from '@tanstack/react-router';
import { at, client } from '../../api/client';
import { useMayWrite, useMe } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { ChoiceField, SecretField, SwitchField, TextField } from '../../parts/fields';
import { useForm, type Form } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Banner, ClipboardText, Collapsible, Empty, LayerCard, LinkButton } from '../../parts/kumo';
import { Page } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { NewFormBody } from '../named_forms';
import { kCrumbs, kLoginMethods } from './frame';
import { kMethodsPath, RemoveMethod, useMethods, useRefreshMethods } from './login_methods';
import {
  checkMethod,
  freeName,
  methodKind,
  redirectUrl,
  toMethodRequest,
  toMethodValues,
  type LoginMethod,
  type MethodField,
  type MethodKind,
  type MethodValues,
} from './methods.ts';
import { TestButton } from './test_run';

const kOne = `${kMethodsPath}/{identity_provider_id}` as const;
const shownBy = (kind: MethodKind) => ['name', ...kind.fields.map(({ key }) => `config.${key}`)];

export function NewLoginMethod() {
  const { type } = useParams({ strict: false }) as { type: string };
  const kind = methodKind(type);
  const methods = useMethods();
  if (!kind)
    return (
      <Empty
        title="There is no such login method"
        contents={<LinkButton href={`${kLoginMethods}/add`}>Choose one</LinkButton>}
      />
    );
  return (
    <Page
      title={`Add ${kind.name}`}
      description={kind.about}
      crumbs={[...kCrumbs.methods, { label: 'Add', href: `${kLoginMethods}/add` }]}
    >
      {methods.data ? (
        <NewForm kind={kind} names={(methods.data.result ?? []).map(({ name }) => name)} />
      ) : (
        <Pending query={methods} />
      )}
    </Page>
  );
}

function NewForm({ kind, names }: { kind: MethodKind; names: string[] }) {
  const refresh = useRefreshMethods();
  const form = useForm<MethodValues>({
    initial: toMethodValues(kind, { name: freeName(kind.name, names), config: {} }),
    check: (values) => checkMethod(kind, values, { names, hasSecret: false }),
    save: async (values) => {
      await client.POST(kMethodsPath, {
        params: { path: at() },
        body: toMethodRequest(kind, values),
      });
      await refresh();
    },
  });
  return (
    <NewFormBody
      form={form}
      shown={shownBy(kind)}
      list={kLoginMethods}
      next="Test it, then switch it on in your applications."
    >
      <MethodFields form={form} kind={kind} isNew />
    </NewFormBody>
  );
}

export function LoginMethodPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const read = () => client.GET(kOne, { params: { path: at({ identity_provider_id: id }) } });
  const method = useResource(['login method', id], read);
  const methods = useMethods();
  const found = method.data?.value;
  const kind = methodKind(found?.type ?? '');
  return (
    <Page
      title={found?.name ?? 'Login method'}
      description={kind && `${kind.name}. ${kind.about}`}
      crumbs={kCrumbs.methods}
      actions={
        mayWrite &&
        found && (
          <>
            {kind && <TestButton kind="login" id={found.id} name={found.name} />}
            <RemoveMethod method={found} onRemoved={() => void navigate({ to: kLoginMethods })} />
          </>
        )
      }
    >
      {!method.data || !methods.data ? (
        <Pending query={method.error ? method : methods} />
      ) : kind ? (
        <EditForm
          key={id}
          kind={kind}
          read={method.data}
          reload={() => toRead(read())}
          names={(methods.data.result ?? []).filter((one) => one.id !== id).map(({ name }) => name)}
        />
      ) : (
        <Banner
          variant="alert"
          title="Nobody can sign in with it"
          description={`Login methods of the type ${found?.type} are kept for programs that write them. Change it through the API.`}
        />
      )}
    </Page>
  );
}

function EditForm({
  kind,
  read,
  reload,
  names,
}: {
  kind: MethodKind;
  read: Read<LoginMethod>;
  reload: () => Promise<Read<LoginMethod>>;
  names: string[];
}) {
  const mayWrite = useMayWrite();
  const refresh = useRefreshMethods();
  const say = useSay();
  const { form, reload: loadAnew } = useEdit<LoginMethod, MethodValues>({
    read,
    reload,
    toValues: (method) => toMethodValues(kind, method),
    check: (values) => checkMethod(kind, values, { names, hasSecret: true }),
    save: async (values, base) => {
      const saved = await toRead(
        client.PUT(kOne, {
          params: {
            path: at({ identity_provider_id: base.value.id }),
            header: ifMatch(base.etag),
          },
          body: toMethodRequest(kind, values, base.value.config),
        }),
      );
      await refresh();
      return saved;
    },
  });
  return (
    <FormBody
      form={form}
      shown={shownBy(kind)}
      mayWrite={mayWrite}
      reload={loadAnew}
      onSaved={() => {
        // Written, and shown no more.
        form.reset(withoutSecrets(kind, form.values));
        say.done(`Saved: ${form.values.name}`);
      }}
    >
      <MethodFields form={form} kind={kind} isNew={false} />
    </FormBody>
  );
}

const withoutSecrets = (kind: MethodKind, values: MethodValues): MethodValues => ({
  ...values,
  config: {
    ...values.config,
    ...Object.fromEntries(
      kind.fields.filter((field) => field.kind === 'secret').map(({ key }) => [key, '']),
    ),
  },
});

function MethodFields({
  form,
  kind,
  isNew,
}: {
  form: Form<MethodValues>;
  kind: MethodKind;
  isNew: boolean;
}) {
  const me = useMe();
  const advanced = kind.fields.filter(({ isAdvanced }) => isAdvanced);
  const [isOpen, setOpen] = useState(false);
  const isWrong = advanced.some(({ key }) => form.errors[`config.${key}`]);
  return (
    <>
      <TextField
        form={form}
        path="name"
        label="Name"
        description="People see it where they choose how to sign in."
        autoFocus={isNew}
      />
      {kind.type !== 'onetimepin' && (
        <LayerCard className="flex flex-col gap-2 p-4">
          <span className="text-sm font-medium">Redirect address</span>
          <ClipboardText text={redirectUrl(me.auth_domain)} />
          <p className="m-0 text-sm text-kumo-subtle">
            {kind.steps ?? 'Register the gateway as a client of the provider.'} Give this address
            there.
          </p>
        </LayerCard>
      )}
      {kind.fields
        .filter(({ isAdvanced }) => !isAdvanced)
        .map((field) => (
          <OneField key={field.key} form={form} field={field} isNew={isNew} />
        ))}
      {advanced.length > 0 && (
        <Collapsible.Root open={isOpen || isWrong} onOpenChange={setOpen}>
          <Collapsible.DefaultTrigger>Advanced</Collapsible.DefaultTrigger>
          <Collapsible.DefaultPanel>
            <div className="flex flex-col gap-6 py-2">
              {advanced.map((field) => (
                <OneField key={field.key} form={form} field={field} isNew={isNew} />
              ))}
            </div>
          </Collapsible.DefaultPanel>
        </Collapsible.Root>
      )}
    </>
  );
}

function OneField({
  form,
  field,
  isNew,
}: {
  form: Form<MethodValues>;
  field: MethodField;
  isNew: boolean;
}) {
  const common = {
    form,
    path: `config.${field.key}`,
    label: field.isRequired || field.kind === 'switch' || field.kind === 'choice' ? field.label : `${field.label} (optional)`,
    description: field.about,
  };
  switch (field.kind) {
    case 'secret':
      return <SecretField {...common} isKept={!isNew} />;
    case 'switch':
      return <SwitchField {...common} />;
    case 'choice':
      return <ChoiceField {...common} choices={field.choices ?? []} />;
    case 'lines':
      return <TextField {...common} lines={3} />;
    default:
      return (
        <TextField
          {...common}
          placeholder={field.placeholder ?? ''}
          {...(field.kind === 'url' ? { inputMode: 'url' as const } : {})}
        />
      );
  }
}
