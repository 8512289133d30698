// One device posture provider: made, or changed.
import { useState } from 'react';
import { useNavigate, useParams } from '@tanstack/react-router';
import { ApiError, at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { ChoiceField, SwitchField, TextField } from '../../parts/fields';
import { useForm, type Form } from '../../parts/form';
import { Banner, Collapsible, Empty, LinkButton } from '../../parts/kumo';
import { Page } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { EditFormBody, NewFormBody } from '../named_forms';
import { CertificateField } from './certificate_field';
import { isUsable, readKeys, signerProblem } from './certificate.ts';
import {
  kProvidersPath,
  kChecksPath,
  RemoveProvider,
  useChecks,
  useProviders,
  useRefreshPosture,
} from './device_posture';
import { kCrumbs, kDevicePosture } from './frame';
import {
  checkProvider,
  kProfile,
  newCheck,
  newProvider,
  providerKind,
  toCheckRequest,
  toProviderConfig,
  toProviderValues,
  type ProfileField,
  type Provider,
  type ProviderValues,
} from './posture.ts';
import { TestButton } from './test_run';

const kOne = `${kProvidersPath}/{integration_id}` as const;
const kShown = ['name', 'config', 'makeCheck'];

// Before anything is sent: what only the browser's cryptography can tell.
async function demandUsable(text: string) {
  const read = readKeys(text);
  if (read.problem !== undefined) return;
  for (const key of read.keys)
    if (!(await isUsable(key)))
      throw new ApiError(400, [
        { code: 0, message: 'This key is damaged: it is none of its kind', pointer: '/config/public_certificate' },
      ]);
}

export function NewProvider() {
  const { type } = useParams({ strict: false }) as { type: string };
  const kind = providerKind(type);
  const providers = useProviders();
  const checks = useChecks();
  if (!kind?.works)
    return (
      <Empty
        title={kind ? `${kind.name} has no effect here` : 'There is no such provider'}
        contents={<LinkButton href={`${kDevicePosture}/add`}>Choose one</LinkButton>}
      />
    );
  return (
    <Page
      title={`Add ${kind.name}`}
      description={kind.about}
      crumbs={[...kCrumbs.posture, { label: 'Add', href: `${kDevicePosture}/add` }]}
    >
      {providers.data && checks.data ? (
        <NewForm
          names={(providers.data.result ?? []).map(({ name }) => name)}
          checkNames={(checks.data.result ?? []).map(({ name }) => name)}
        />
      ) : (
        <Pending query={providers.error ? providers : checks} />
      )}
    </Page>
  );
}

function NewForm({ names, checkNames }: { names: string[]; checkNames: string[] }) {
  const refresh = useRefreshPosture();
  const say = useSay();
  const form = useForm<ProviderValues>({
    initial: newProvider(),
    check: (values) => checkProvider(values, { names, checkNames, now: new Date() }),
    save: async (values) => {
      await demandUsable(values.config.public_certificate);
      const name = values.name.trim();
      const { data } = await client.POST(kProvidersPath, {
        params: { path: at() },
        body: { name, type: 'tanium', config: toProviderConfig(values) },
      });
      if (values.makeCheck && data?.result) {
        const check = { ...newCheck(data.result.id), name };
        await client
          .POST(kChecksPath, { params: { path: at() }, body: toCheckRequest(check) })
          .catch((error: unknown) =>
            say.failed(`${name} was saved, its check was not. Make it below.`, error),
          );
      }
      await refresh();
    },
  });
  return (
    <NewFormBody form={form} shown={kShown} list={kDevicePosture} next="Test it with this device.">
      <ProviderFields form={form} isNew />
      <SwitchField
        form={form}
        path="makeCheck"
        label="Also make a check that policies can require"
        description={`Device Posture → ${form.values.name.trim() || 'its name'}: the device is managed and has checked in within 7 days.`}
      />
    </NewFormBody>
  );
}

export function ProviderPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const read = () => client.GET(kOne, { params: { path: at({ integration_id: id }) } });
  const provider = useResource(['device posture provider', id], read);
  const providers = useProviders();
  const found = provider.data?.value;
  const kind = providerKind(found?.type ?? '');
  return (
    <Page
      title={found?.name ?? 'Device posture provider'}
      description={kind && `${kind.name}. ${kind.about}`}
      crumbs={kCrumbs.posture}
      actions={
        mayWrite &&
        found && (
          <>
            {kind?.works && <TestButton kind="device" id={found.id} name={found.name} />}
            <RemoveProvider
              provider={found}
              onRemoved={() => void navigate({ to: kDevicePosture })}
            />
          </>
        )
      }
    >
      {!provider.data || !providers.data ? (
        <Pending query={provider.error ? provider : providers} />
      ) : kind?.works ? (
        <EditForm
          key={id}
          read={provider.data}
          reload={() => toRead(read())}
          names={(providers.data.result ?? []).filter((one) => one.id !== id).map(({ name }) => name)}
        />
      ) : (
        <Banner
          variant="alert"
          title="It has no effect"
          description="Its configuration is kept for programs that write it; nothing is asked of it. Change it through the API."
        />
      )}
    </Page>
  );
}

function EditForm({
  read,
  reload,
  names,
}: {
  read: Read<Provider>;
  reload: () => Promise<Read<Provider>>;
  names: string[];
}) {
  const refresh = useRefreshPosture();
  const saved = toProviderValues(read.value).config.public_certificate;
  const edit = useEdit<Provider, ProviderValues>({
    read,
    reload,
    toValues: toProviderValues,
    check: (values) =>
      checkProvider(values, { names, checkNames: [], unchanged: saved, now: new Date() }),
    save: async (values, base) => {
      await demandUsable(values.config.public_certificate);
      const changed = await toRead(
        client.PATCH(kOne, {
          params: { path: at({ integration_id: base.value.id }), header: ifMatch(base.etag) },
          body: { name: values.name.trim(), config: toProviderConfig(values, base.value.config) },
        }),
      );
      await refresh();
      return changed;
    },
  });
  return (
    <EditFormBody edit={edit} shown={kShown}>
      <ProviderFields form={edit.form} isNew={false} />
    </EditFormBody>
  );
}

function ProviderFields({ form, isNew }: { form: Form<ProviderValues>; isNew: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const isWrong = Object.keys(form.errors).some((name) =>
    /^config\.(exchange|token|claims|managed)/.test(name),
  );
  return (
    <>
      <TextField
        form={form}
        path="name"
        label="Name"
        description="“Tanium” will do. Logs and this dashboard show it."
        autoFocus={isNew}
      />
      <TextField
        form={form}
        path="config.port"
        label="Port"
        description="Where the client listens on each device."
        inputMode="numeric"
        className="w-32"
      />
      <CertificateField
        form={form}
        path="config.public_certificate"
        label="Public certificate"
        description="What the client’s answers are signed with: a certificate or a public key, from the Tanium side. Several, one after the other, for a change of keys."
        problem={(text) => signerProblem(text, new Date())}
      />
      <Collapsible.Root open={isOpen || isWrong} onOpenChange={setOpen}>
        <Collapsible.DefaultTrigger>Advanced: how the client is spoken to</Collapsible.DefaultTrigger>
        <Collapsible.DefaultPanel>
          <div className="flex flex-col gap-6 py-2">
            <p className="m-0 text-sm text-kumo-subtle">
              Leave a field empty for what stands in it. Write &quot;&quot; for an empty text.
            </p>
            {kProfile.map(({ title, fields }) => (
              <fieldset key={title} className="m-0 flex min-w-0 flex-col gap-4 border-0 p-0">
                <legend className="mb-3 p-0 font-semibold">{title}</legend>
                <div className="grid gap-4 sm:grid-cols-2">
                  {fields.map((field) => (
                    <OneField key={field.path} form={form} field={field} />
                  ))}
                </div>
              </fieldset>
            ))}
          </div>
        </Collapsible.DefaultPanel>
      </Collapsible.Root>
    </>
  );
}

function OneField({ form, field }: { form: Form<ProviderValues>; field: ProfileField }) {
  const common = {
    form,
    path: `config.${field.path}`,
    label: field.label,
    description: field.about,
  };
  if (field.kind === 'choice')
    return (
      <ChoiceField
        {...common}
        choices={[
          { value: '', label: `${field.standard} (default)` },
          ...(field.choices ?? [])
            .filter((value) => value !== field.standard)
            .map((value) => ({ value, label: value })),
        ]}
      />
    );
  return (
    <TextField
      {...common}
      placeholder={field.standard}
      {...(field.kind === 'lines' ? { lines: 2 } : {})}
      {...(field.kind === 'number' ? { inputMode: 'numeric' as const } : {})}
    />
  );
}
