// Requests that scripts of other sites make: who answers the browser's question beforehand, and how.
import { useMayWrite } from '../../shell/me';
import { SwitchField, TextField } from '../../parts/fields';
import { FormBody } from '../../parts/form_page';
import { errorOf } from '../../parts/field_errors.ts';
import { Checkbox, Radio } from '../../parts/kumo';
import { Tags } from '../../parts/tags';
import { Section } from '../../parts/page';
import { useSay } from '../../parts/say';
import type { Schemas } from '../../api/client';
import type { Application } from './application.ts';
import { useApplicationForm, type TabProperties } from './edit_application';

type Cors = Schemas['CorsHeaders'];
type Method = NonNullable<Cors['allowed_methods']>[number];
const kMethods: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

interface Draft {
  mode: 'none' | 'bypass' | 'answer';
  cors_headers: Required<Omit<Cors, 'max_age'>> & { max_age: string };
}

const toValues = ({ cors_headers: cors, options_preflight_bypass }: Application): Draft => ({
  mode: options_preflight_bypass ? 'bypass' : cors ? 'answer' : 'none',
  cors_headers: {
    allow_all_origins: cors?.allow_all_origins ?? false,
    allow_all_methods: cors?.allow_all_methods ?? false,
    allow_all_headers: cors?.allow_all_headers ?? false,
    allow_credentials: cors?.allow_credentials ?? true,
    allowed_origins: cors?.allowed_origins ?? [],
    allowed_methods: cors?.allowed_methods ?? ['GET'],
    allowed_headers: cors?.allowed_headers ?? [],
    max_age: String(cors?.max_age ?? ''),
  },
});

function toCors({ max_age, ...cors }: Draft['cors_headers']): Cors {
  return {
    ...cors,
    allowed_origins: cors.allow_all_origins ? [] : cors.allowed_origins,
    allowed_methods: cors.allow_all_methods ? [] : cors.allowed_methods,
    allowed_headers: cors.allow_all_headers ? [] : cors.allowed_headers,
    ...(max_age.trim() ? { max_age: Number(max_age) } : {}),
  };
}

const isOrigin = (text: string) => {
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
};

export function CorsTab({ read, reload }: TabProperties) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const edit = useApplicationForm<Draft>({
    read,
    reload,
    toValues,
    check: ({ mode, cors_headers: cors }) => {
      if (mode !== 'answer') return {};
      const wrong = cors.allowed_origins.find((one) => !isOrigin(one));
      const isNobody = !cors.allow_all_origins && cors.allowed_origins.length === 0;
      return {
        'cors_headers.allowed_origins': wrong
          ? `${wrong} is not an origin such as https://dashboard.team.com`
          : isNobody
            ? 'Name at least one'
            : undefined,
        'cors_headers.allow_credentials':
          cors.allow_credentials && cors.allow_all_origins
            ? 'Not beside all origins: every web site could then act as the person who is signed in'
            : undefined,
        'cors_headers.max_age': /^(-1|\d{1,5}|)$/.test(cors.max_age.trim())
          ? undefined
          : 'Must be -1 to 86400 seconds',
      };
    },
    toChange: ({ mode, cors_headers }) => ({
      options_preflight_bypass: mode === 'bypass',
      cors_headers: mode === 'answer' ? toCors(cors_headers) : null,
    }),
  });
  const { form } = edit;
  const { mode, cors_headers: cors } = form.values;
  const set = (part: Partial<Draft['cors_headers']>) =>
    form.set('cors_headers', { ...cors, ...part });
  return (
    <Section
      title="Requests from other sites (CORS)"
      description="Before a script of another site may call this application, the browser asks with an OPTIONS request that carries no token."
    >
      <FormBody
        form={form}
        shown={['cors_headers', 'options_preflight_bypass', 'mode']}
        mayWrite={mayWrite}
        reload={edit.reload}
        onSaved={() => say.done('Saved: CORS')}
      >
        <Radio.Group
          legend="That question"
          value={mode}
          onValueChange={(next) => form.set('mode', next as Draft['mode'])}
          error={form.errors.options_preflight_bypass}
        >
          <Radio.Item value="none" label="is refused: no other site may call it" />
          <Radio.Item value="answer" label="is answered by the gateway, as said below" />
          <Radio.Item value="bypass" label="is passed to the application without a sign-in" />
        </Radio.Group>
        {mode === 'answer' && (
          <>
            <Section title="Origins">
              <SwitchField form={form} path="cors_headers.allow_all_origins" label="All origins" />
              {!cors.allow_all_origins && (
                <Tags
                  label="Allowed origins"
                  placeholder="https://dashboard.team.com"
                  value={cors.allowed_origins}
                  onValueChange={(allowed_origins: string[]) => set({ allowed_origins })}
                  error={errorOf(form.errors, 'cors_headers.allowed_origins')}
                />
              )}
              <SwitchField
                form={form}
                path="cors_headers.allow_credentials"
                label="With the person's cookies"
                description="Without them, requests are nobody's and are refused."
              />
            </Section>
            <Section title="Methods">
              <SwitchField form={form} path="cors_headers.allow_all_methods" label="All methods" />
              {!cors.allow_all_methods && (
                <Checkbox.Group
                  legend="Allowed methods"
                  value={cors.allowed_methods}
                  onValueChange={(next: string[]) => set({ allowed_methods: next as Method[] })}
                  allValues={[...kMethods]}
                  error={errorOf(form.errors, 'cors_headers.allowed_methods')}
                >
                  {kMethods.map((method) => (
                    <Checkbox.Item key={method} value={method} label={method} />
                  ))}
                </Checkbox.Group>
              )}
            </Section>
            <Section title="Headers">
              <SwitchField form={form} path="cors_headers.allow_all_headers" label="All headers" />
              {!cors.allow_all_headers && (
                <Tags
                  label="Allowed headers"
                  placeholder="Content-Type"
                  value={cors.allowed_headers}
                  onValueChange={(allowed_headers: string[]) => set({ allowed_headers })}
                  error={errorOf(form.errors, 'cors_headers.allowed_headers')}
                />
              )}
            </Section>
            <TextField
              form={form}
              path="cors_headers.max_age"
              label="Seconds for which browsers remember the answer (optional)"
              placeholder="3600"
              inputMode="numeric"
              description="-1: not at all."
            />
          </>
        )}
      </FormBody>
    </Section>
  );
}
