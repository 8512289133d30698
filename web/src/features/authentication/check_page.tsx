// One check of devices: made, or changed.
import { useNavigate, useParams } from '@tanstack/react-router';
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { ChoiceField, DurationField, SwitchField, TextField } from '../../parts/fields';
import { useForm, type Form } from '../../parts/form';
import { Banner, Empty, LinkButton } from '../../parts/kumo';
import { Page } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { EditFormBody, NewFormBody } from '../named_forms';
import { kChecksPath, RemoveCheck, useChecks, useProviders, useRefreshPosture } from './device_posture';
import { kCrumbs, kDevicePosture } from './frame';
import {
  checkCheck,
  kOperators,
  newCheck,
  toCheckRequest,
  toCheckValues,
  type Check,
  type CheckValues,
  type Provider,
} from './posture.ts';

const kOne = `${kChecksPath}/{rule_id}` as const;
const kShown = [
  ...['name', 'description', 'expiration', 'input.connection_id', 'input.managed'],
  ...['input.max_checkin_age', 'input.patch_status', 'input.patched'],
  ...['input.vulnerability_operator', 'input.vulnerability_score'],
];

export function NewCheck() {
  const providers = useProviders();
  const checks = useChecks();
  const tanium = (providers.data?.result ?? []).filter(({ type }) => type === 'tanium');
  return (
    <Page
      title="New check"
      description="What has to be true of a device. Policies require it by its name."
      crumbs={kCrumbs.posture}
    >
      {!providers.data || !checks.data ? (
        <Pending query={providers.error ? providers : checks} />
      ) : tanium.length === 0 ? (
        <Empty
          title="There is no provider to ask"
          contents={<LinkButton href={`${kDevicePosture}/add`}>Add a provider</LinkButton>}
        />
      ) : (
        <NewForm
          providers={tanium}
          names={(checks.data.result ?? []).map(({ name }) => name)}
        />
      )}
    </Page>
  );
}

function NewForm({ providers, names }: { providers: Provider[]; names: string[] }) {
  const refresh = useRefreshPosture();
  const form = useForm<CheckValues>({
    initial: newCheck(providers.length === 1 ? providers[0]?.id : ''),
    check: (values) => checkCheck(values, names),
    save: async (values) => {
      await client.POST(kChecksPath, { params: { path: at() }, body: toCheckRequest(values) });
      await refresh();
    },
  });
  return (
    <NewFormBody form={form} shown={kShown} list={kDevicePosture} next="Require it in a policy.">
      <CheckFields form={form} providers={providers} isNew />
    </NewFormBody>
  );
}

export function CheckPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const read = () => client.GET(kOne, { params: { path: at({ rule_id: id }) } });
  const check = useResource(['device check', id], read);
  const providers = useProviders();
  const checks = useChecks();
  const found = check.data?.value;
  return (
    <Page
      title={found?.name ?? 'Check'}
      description="What has to be true of a device. Policies require it by its name."
      crumbs={kCrumbs.posture}
      actions={
        mayWrite &&
        found && (
          <RemoveCheck check={found} onRemoved={() => void navigate({ to: kDevicePosture })} />
        )
      }
    >
      {!check.data || !providers.data || !checks.data ? (
        <Pending query={check.error ? check : providers.error ? providers : checks} />
      ) : found?.type !== 'tanium' ? (
        <Banner
          variant="alert"
          title="No device ever passes it"
          description={`Checks of the type ${found?.type} are kept for programs that write them; nothing brings evidence for them. A policy that requires one lets nobody in.`}
        />
      ) : (
        <EditForm
          key={id}
          read={check.data}
          reload={() => toRead(read())}
          providers={(providers.data.result ?? []).filter(({ type }) => type === 'tanium')}
          names={(checks.data.result ?? []).filter((one) => one.id !== id).map(({ name }) => name)}
        />
      )}
    </Page>
  );
}

function EditForm({
  read,
  reload,
  providers,
  names,
}: {
  read: Read<Check>;
  reload: () => Promise<Read<Check>>;
  providers: Provider[];
  names: string[];
}) {
  const refresh = useRefreshPosture();
  const edit = useEdit<Check, CheckValues>({
    read,
    reload,
    toValues: toCheckValues,
    check: (values) => checkCheck(values, names),
    save: async (values, base) => {
      const { schedule, match } = base.value;
      const changed = await toRead(
        client.PUT(kOne, {
          params: { path: at({ rule_id: base.value.id }), header: ifMatch(base.etag) },
          // What the form does not show stays.
          body: {
            ...toCheckRequest(values),
            ...(schedule === undefined ? {} : { schedule }),
            ...(match === undefined ? {} : { match }),
          },
        }),
      );
      await refresh();
      return changed;
    },
  });
  return (
    <EditFormBody edit={edit} shown={kShown}>
      <CheckFields form={edit.form} providers={providers} isNew={false} />
    </EditFormBody>
  );
}

function CheckFields({
  form,
  providers,
  isNew,
}: {
  form: Form<CheckValues>;
  providers: Provider[];
  isNew: boolean;
}) {
  return (
    <>
      <TextField form={form} path="name" label="Name" autoFocus={isNew} />
      <TextField form={form} path="description" label="Description (optional)" />
      <ChoiceField
        form={form}
        path="input.connection_id"
        label="Provider"
        placeholder="Choose a provider"
        choices={providers.map(({ id, name }) => ({ value: id, label: name }))}
      />
      <SwitchField
        form={form}
        path="input.managed"
        label="The device must be managed"
        description="Off: it must be one that is not managed."
      />
      <DurationField
        form={form}
        path="input.max_checkin_age"
        label="Checked in within the last"
        description="How long ago the device may have spoken to its server."
      />
      <SwitchField form={form} path="input.patched" label="The device must have its patches" />
      <div className="grid gap-4 sm:grid-cols-2">
        <ChoiceField
          form={form}
          path="input.vulnerability_operator"
          label="Vulnerability score"
          choices={kOperators}
        />
        {form.values.input.vulnerability_operator !== '' && (
          <TextField
            form={form}
            path="input.vulnerability_score"
            label="Compared with"
            inputMode="decimal"
          />
        )}
      </div>
      <DurationField
        form={form}
        path="expiration"
        label="Ask the device again after"
        description="Older evidence counts no more: the browser asks the client again."
      />
    </>
  );
}
