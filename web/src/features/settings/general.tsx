// The organization: its name, how long people stay signed in, how its pages look.
import { useRef, useState } from 'react';
import { at, client, $api, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Details } from '../../parts/details';
import { durationProblem } from '../../parts/duration_value.ts';
import { useEdit } from '../../parts/edit';
import { errorOf } from '../../parts/field_errors.ts';
import { ChoiceField, DurationField, TextField } from '../../parts/fields';
import type { Form } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Button, Input, Link } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { valueAt } from '../../parts/values.ts';
import { checkDesign, parseColour, toHex, type Design } from './design.ts';
import { DesignPreview } from './design_preview';

const kPath = '/accounts/{account_id}/access/organizations' as const;
const kMaxLogo = 12 * 1024;
type Organization = Schemas['Organization'];
interface Values {
  name: string;
  session_duration: string;
  node_state_max_age: string;
  login_design: Design;
  custom_pages: { identity_denied: string; forbidden: string };
}

const read = () => client.GET(kPath, { params: { path: at() } });

export function General() {
  const organization = useResource(['organization'], read);
  return (
    <Page title="General" description="What belongs to the organization as a whole.">
      {organization.data ? <EditForm read={organization.data} /> : <Pending query={organization} />}
    </Page>
  );
}

const toValues = (one: Organization): Values => ({
  name: one.name,
  session_duration: one.session_duration ?? '24h',
  node_state_max_age: one.node_state_max_age ?? '24h',
  login_design: {
    background_color: one.login_design?.background_color ?? '',
    text_color: one.login_design?.text_color ?? '',
    logo_path: one.login_design?.logo_path ?? '',
    header_text: one.login_design?.header_text ?? '',
    footer_text: one.login_design?.footer_text ?? '',
  },
  custom_pages: {
    identity_denied: one.custom_pages?.identity_denied ?? '',
    forbidden: one.custom_pages?.forbidden ?? '',
  },
});
// What is empty is not said.
const filled = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => String(value).trim() !== ''),
  ) as Partial<T>;

function EditForm({ read: first }: { read: Read<Organization> }) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const pages = $api.useQuery('get', '/accounts/{account_id}/access/custom_pages', {
    params: { path: at(), query: { page: 1, per_page: 1000 } },
  });
  const { form, reload } = useEdit<Organization, Values>({
    read: first,
    reload: () => toRead(read()),
    toValues,
    check: (values) => ({
      name: values.name.trim() ? undefined : 'Give it a name',
      session_duration: durationProblem(values.session_duration),
      node_state_max_age: durationProblem(values.node_state_max_age, { least: 15 }),
      ...checkDesign(values.login_design),
    }),
    save: (values, base) =>
      toRead(
        client.PUT(kPath, {
          params: { path: at(), header: ifMatch(base.etag) },
          body: {
            name: values.name.trim(),
            session_duration: values.session_duration,
            node_state_max_age: values.node_state_max_age,
            login_design: filled(values.login_design),
            custom_pages: filled(values.custom_pages),
          },
        }),
      ),
  });
  const pageChoices = (type: string) => [
    { value: '', label: 'The gateway’s own page' },
    ...(pages.data?.result ?? [])
      .filter((page) => page.type === type)
      .map((page) => ({ value: page.uid, label: page.name })),
  ];
  return (
    <FormBody
      form={form}
      shown={['name', 'session_duration', 'node_state_max_age', 'login_design', 'custom_pages']}
      mayWrite={mayWrite}
      reload={reload}
      onSaved={() => say.done('Saved')}
    >
      <TextField form={form} path="name" label="Name" description="On every page that people see." />
      <Details
        items={[['Sign-in address', <code key="auth" className="break-all">{first.value.auth_domain}</code>]]}
      />
      <DurationField
        form={form}
        path="session_duration"
        label="People stay signed in for"
        description="Then they sign in again. Applications may ask for it sooner."
      />
      <Section
        title="How its pages look"
        description="Sign-in, device check, refusals and the app launcher wear it."
      >
        <div className="grid gap-6 md:grid-cols-2">
          <div className="flex flex-col gap-4">
            <ColourField
              form={form}
              path="login_design.background_color"
              label="Background"
              standard="#f3f4f6"
            />
            <ColourField form={form} path="login_design.text_color" label="Text" standard="#111827" />
            <LogoField form={form} />
            <TextField
              form={form}
              path="login_design.header_text"
              label="Words above (optional)"
              lines={2}
            />
            <TextField
              form={form}
              path="login_design.footer_text"
              label="Words below (optional)"
              lines={2}
            />
          </div>
          <DesignPreview name={form.values.name} design={form.values.login_design} />
        </div>
      </Section>
      <Section
        title="When somebody is refused"
        description={
          <>
            For applications that name no page of their own. Pages are made in{' '}
            <Link href="/settings/pages">Custom pages</Link>.
          </>
        }
      >
        <ChoiceField
          form={form}
          path="custom_pages.identity_denied"
          label="They are signed in and not allowed"
          choices={pageChoices('identity_denied')}
        />
        <ChoiceField
          form={form}
          path="custom_pages.forbidden"
          label="Their device, network or certificate is refused"
          choices={pageChoices('forbidden')}
        />
      </Section>
      <Section title="When the gateway’s control plane is away">
        <DurationField
          form={form}
          path="node_state_max_age"
          label="Go on deciding for"
          description="Workers know what to decide without it. After this time they refuse everybody, since revocations could have been missed."
        />
      </Section>
    </FormBody>
  );
}

function ColourField({
  form,
  path,
  label,
  standard,
}: {
  form: Form<Values>;
  path: string;
  label: string;
  standard: string;
}) {
  const text = String(valueAt(form.values, path));
  const colour = parseColour(text);
  return (
    <div className="flex items-start gap-2">
      <Input
        label={`${label} (optional)`}
        placeholder="#1a237e"
        className="w-36"
        autoComplete="off"
        spellCheck={false}
        value={text}
        error={errorOf(form.errors, path)}
        onChange={(event) => form.setAt(path, event.target.value.trim())}
      />
      <input
        type="color"
        aria-label={`Choose the ${label.toLowerCase()} colour`}
        className="mt-7 h-9 w-12 cursor-pointer rounded-lg border border-kumo-line bg-kumo-base p-1"
        value={colour ? toHex(colour) : standard}
        onChange={(event) => form.setAt(path, event.target.value)}
      />
    </div>
  );
}

function LogoField({ form }: { form: Form<Values> }) {
  const picker = useRef<HTMLInputElement>(null);
  const [refused, setRefused] = useState<string>();
  const path = 'login_design.logo_path';
  const text = form.values.login_design.logo_path;
  const isFile = text.startsWith('data:');
  const take = (file: File | undefined) => {
    setRefused(undefined);
    if (!file) return;
    if (file.size > kMaxLogo) {
      setRefused('The image must have at most 12 KiB: use an SVG, or give its address');
      return;
    }
    const reader = new FileReader();
    reader.onload = () => form.setAt(path, String(reader.result));
    reader.readAsDataURL(file);
  };
  return (
    <div className="flex flex-col gap-2">
      <Input
        label="Logo (optional)"
        description="The https address of an image, or a small image as a file."
        placeholder="https://team.com/logo.svg"
        autoComplete="off"
        value={isFile ? 'An image from a file' : text}
        readOnly={isFile}
        error={refused ?? errorOf(form.errors, path)}
        onChange={(event) => form.setAt(path, event.target.value.trim())}
      />
      <span className="flex gap-2">
        <Button type="button" size="sm" onClick={() => picker.current?.click()}>
          Choose an image
        </Button>
        {text && (
          <Button type="button" size="sm" variant="ghost" onClick={() => form.setAt(path, '')}>
            Without a logo
          </Button>
        )}
      </span>
      <input
        ref={picker}
        type="file"
        hidden
        aria-label="File of the logo"
        accept="image/png,image/jpeg,image/gif,image/webp,image/svg+xml"
        onChange={(event) => {
          take(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
    </div>
  );
}
