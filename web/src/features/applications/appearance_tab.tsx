// What people see of it: in the app launcher, and when they are refused.
import { $api, at } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { ChoiceField, SwitchField, TextField } from '../../parts/fields';
import { FormBody } from '../../parts/form_page';
import { errorOf } from '../../parts/field_errors.ts';
import { Link } from '../../parts/kumo';
import { Section } from '../../parts/page';
import { useSay } from '../../parts/say';
import { ChoicePicker } from '../rules/choice_picker';
import { isUrl } from './application.ts';
import { useApplicationForm, type TabProperties } from './edit_application';

const kNone = 'default';
const kPages = [
  { type: 'identity_denied', label: 'Page for people whose identity is refused' },
  { type: 'forbidden', label: 'Page for people whose device, network or certificate is refused' },
  { type: 'login', label: 'Sign-in page' },
  { type: 'interstitial', label: 'Page in between' },
] as const;
const kMostMessage = 500;

export function AppearanceTab({ read, reload }: TabProperties) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const isBookmark = read.value.type === 'bookmark';
  const paged = { params: { path: at(), query: { per_page: 1000 } } };
  const pages = $api.useQuery('get', '/accounts/{account_id}/access/custom_pages', paged);
  const tags = $api.useQuery('get', '/accounts/{account_id}/access/tags', paged);
  const known = pages.data?.result ?? [];
  const edit = useApplicationForm({
    read,
    reload,
    toValues: (application) => ({
      app_launcher_visible: application.app_launcher_visible ?? true,
      logo_url: application.logo_url ?? '',
      tags: application.tags ?? [],
      custom_deny_message: application.custom_deny_message ?? '',
      custom_deny_url: application.custom_deny_url ?? '',
      custom_non_identity_deny_url: application.custom_non_identity_deny_url ?? '',
      custom_pages: application.custom_pages ?? [],
    }),
    check: (values) => ({
      logo_url: !values.logo_url || isUrl(values.logo_url) ? undefined : kNotUrl,
      custom_deny_url:
        !values.custom_deny_url || isUrl(values.custom_deny_url) ? undefined : kNotUrl,
      custom_non_identity_deny_url:
        !values.custom_non_identity_deny_url || isUrl(values.custom_non_identity_deny_url)
          ? undefined
          : kNotUrl,
      custom_deny_message:
        new TextEncoder().encode(values.custom_deny_message).length > kMostMessage
          ? `At most ${kMostMessage} bytes`
          : undefined,
    }),
    toChange: (values) => {
      const own = {
        app_launcher_visible: values.app_launcher_visible,
        logo_url: values.logo_url.trim() || null,
        tags: values.tags,
      };
      if (isBookmark) return own;
      return {
        ...own,
        custom_deny_message: values.custom_deny_message.trim() || null,
        custom_deny_url: values.custom_deny_url.trim() || null,
        custom_non_identity_deny_url: values.custom_non_identity_deny_url.trim() || null,
        custom_pages: values.custom_pages,
      };
    },
  });
  const { form } = edit;
  // One page of each type.
  const pageOf = (type: string) => known.find((page) => page.type === type && isChosen(page.uid));
  const isChosen = (id: string | undefined) => !!id && form.values.custom_pages.includes(id);
  return (
    <FormBody
      form={form}
      shown={[
        ...['logo_url', 'tags', 'custom_pages', 'app_launcher_visible'],
        ...['custom_deny_message', 'custom_deny_url', 'custom_non_identity_deny_url'],
      ]}
      mayWrite={mayWrite}
      reload={edit.reload}
      onSaved={() => say.done('Saved: appearance')}
    >
      <Section title="App launcher">
        <SwitchField
          form={form}
          path="app_launcher_visible"
          label="Show it in the app launcher"
          description="Where people find what they may open."
        />
        <TextField
          form={form}
          path="logo_url"
          label="Address of its logo (optional)"
          placeholder="https://team.com/wiki.svg"
          inputMode="url"
        />
        <div className="flex flex-col gap-1">
          <ChoicePicker
            label="Tags (optional)"
            choices={tags.data?.result?.map(({ name }) => ({ value: name, label: name }))}
            values={form.values.tags}
            onChange={(next) => form.set('tags', next)}
            error={errorOf(form.errors, 'tags')}
          />
          <p className="m-0 text-sm text-kumo-subtle">
            Tags are made in the <Link href="/settings/general">settings</Link>.
          </p>
        </div>
      </Section>
      {!isBookmark && (
        <>
          <Section
            title="When somebody is refused"
            description="The page says why and what to do; this stands there as well."
          >
            <TextField
              form={form}
              path="custom_deny_message"
              label="Message (optional)"
              placeholder="Ask the help desk at extension 1234."
              lines={3}
            />
            <TextField
              form={form}
              path="custom_deny_url"
              label="Send people there whose identity is refused (optional)"
              inputMode="url"
              placeholder="https://team.com/no-access"
            />
            <TextField
              form={form}
              path="custom_non_identity_deny_url"
              label="Send people there whose device, network or certificate is refused (optional)"
              inputMode="url"
              placeholder="https://team.com/your-device"
            />
          </Section>
          <Section title="Custom pages">
            {known.length === 0 ? (
              <p className="m-0 text-kumo-strong">
                The organization's pages are used.{' '}
                <Link href="/settings/pages">Make a custom page</Link> to have another one.
              </p>
            ) : (
              kPages
                .filter(({ type }) => known.some((page) => page.type === type))
                .map(({ type, label }) => (
                  <ChoiceField
                    key={type}
                    form={{
                      values: { page: pageOf(type)?.uid ?? kNone },
                      errors: { page: errorOf(form.errors, 'custom_pages') ?? '' },
                      setAt: (_path, id) =>
                        form.set('custom_pages', [
                          ...form.values.custom_pages.filter((one) => one !== pageOf(type)?.uid),
                          ...(id === kNone ? [] : [id as string]),
                        ]),
                    }}
                    path="page"
                    label={label}
                    choices={[
                      { value: kNone, label: "The organization's" },
                      ...known
                        .filter((page) => page.type === type)
                        .map((page) => ({ value: page.uid ?? '', label: page.name })),
                    ]}
                  />
                ))
            )}
          </Section>
        </>
      )}
    </FormBody>
  );
}
const kNotUrl = 'Must be a URL such as https://team.com/path';
