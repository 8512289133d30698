// How long people stay in, and how the browser keeps their token.
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { ChoiceField, DurationField, SwitchField, TextField } from '../../parts/fields';
import { FormBody } from '../../parts/form_page';
import { durationProblem } from '../../parts/duration_value.ts';
import { Section } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { useSay } from '../../parts/say';
import type { ApplicationRequest } from './application.ts';
import { nameOf } from './application.ts';
import { kApplications } from './applications';
import { useApplicationForm, type TabProperties } from './edit_application';

const kSameSite = [
  { value: 'none', label: 'None: other sites may embed and call it' },
  { value: 'lax', label: 'Lax: links from other sites work, embedding does not' },
  { value: 'strict', label: 'Strict: only from the application itself' },
];

export function SessionsTab({ read, reload }: TabProperties) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const edit = useApplicationForm({
    read,
    reload,
    toValues: (application) => ({
      session_duration: application.session_duration ?? '24h',
      same_site_cookie_attribute: application.same_site_cookie_attribute || 'none',
      http_only_cookie_attribute: application.http_only_cookie_attribute ?? true,
      path_cookie_attribute: application.path_cookie_attribute ?? false,
      enable_binding_cookie: application.enable_binding_cookie ?? false,
      service_auth_401_redirect: application.service_auth_401_redirect ?? false,
      skip_interstitial: application.skip_interstitial ?? false,
      decision_headers: application.decision_headers ?? false,
      read_service_tokens_from_header: application.read_service_tokens_from_header ?? '',
    }),
    check: ({ session_duration, read_service_tokens_from_header: header }) => ({
      session_duration: durationProblem(session_duration),
      read_service_tokens_from_header: /^[A-Za-z0-9!#$%&'*+.^_`|~-]*$/.test(header.trim())
        ? undefined
        : 'Must be the name of a header, such as Authorization',
    }),
    toChange: (values) => ({
      ...values,
      same_site_cookie_attribute:
        values.same_site_cookie_attribute as ApplicationRequest['same_site_cookie_attribute'],
      read_service_tokens_from_header: values.read_service_tokens_from_header.trim() || null,
    }),
  });
  const { form } = edit;
  const application = read.value;
  return (
    <div className="flex flex-col gap-8">
      <FormBody
        form={form}
        shown={['session_duration', 'same_site_cookie_attribute', 'read_service_tokens_from_header']}
        mayWrite={mayWrite}
        reload={edit.reload}
        onSaved={() => say.done('Saved: sessions and cookies')}
      >
        <Section title="Session">
          <DurationField
            form={form}
            path="session_duration"
            label="Session duration"
            description="How long until people sign in again. Policies are checked on every request all the same."
          />
        </Section>
        <Section title="Cookie" description="In which the browser keeps the token of this application.">
          <ChoiceField
            form={form}
            path="same_site_cookie_attribute"
            label="SameSite"
            choices={kSameSite}
          />
          <SwitchField
            form={form}
            path="http_only_cookie_attribute"
            label="Hidden from scripts (HttpOnly)"
            description="A script that somebody smuggles into the application cannot take the token away."
          />
          <SwitchField
            form={form}
            path="path_cookie_attribute"
            label="For the application's path only"
            description="Applications below other paths of the same host do not see it."
          />
          <SwitchField
            form={form}
            path="enable_binding_cookie"
            label="Binding cookie"
            description="A second cookie, without which a stolen token does not count. Not for programs that send the token in a header."
          />
        </Section>
        <Section title="Programs">
          <SwitchField
            form={form}
            path="service_auth_401_redirect"
            label="Answer 401 instead of the way to sign-in"
            description="For applications that only programs use."
          />
          <SwitchField
            form={form}
            path="skip_interstitial"
            label="Command-line sign-in without a page in between"
          />
          <SwitchField
            form={form}
            path="decision_headers"
            label="Tell the application which policy let the request through"
          />
          <TextField
            form={form}
            path="read_service_tokens_from_header"
            label="Header with a service token (optional)"
            placeholder="Authorization"
            description="For programs that can send one header only: the token's id and secret as JSON."
          />
        </Section>
      </FormBody>
      {mayWrite && (
        <Section
          title="End every session of this application"
          description="Everybody's token for it ends now. Who is still signed in gets a new one, if the policies let them in."
        >
          <div>
            <Remove
              what="all sessions of"
              label="End"
              name={nameOf(application)}
              consequence="Open pages and streams of it are cut off; programs that use a token of a person have to get a new one."
              remove={() =>
                client.POST(`${kApplications}/{app_id}/revoke_tokens`, {
                  params: { path: at({ app_id: application.id }) },
                })
              }
            />
          </div>
        </Section>
      )}
    </div>
  );
}
