// Login methods: which there are, what their forms show, what the API takes.
import type { Schemas } from '../../api/client';
import { nameProblem } from './posture.ts';

export type LoginMethod = Schemas['IdentityProvider'];

export interface MethodField {
  key: string; // in config
  label: string;
  kind: 'text' | 'url' | 'secret' | 'switch' | 'choice' | 'lines';
  about?: string;
  placeholder?: string;
  isRequired?: boolean;
  choices?: readonly { value: string; label: string }[];
  // What a switch says when nothing is said.
  standard?: boolean;
  isAdvanced?: boolean;
  check?: (value: string) => string | undefined;
}
export interface MethodKind {
  type: LoginMethod['type'];
  name: string;
  about: string;
  // Where the other side is told of the gateway, and what it gives in return.
  steps?: string;
  fields: readonly MethodField[];
}

const kUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const isUrl = (value: string) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && !url.search;
};
const urlProblem = (value: string) =>
  isUrl(value) ? undefined : 'Must be an address such as https://login.example.com';
const hostProblem = (value: string) =>
  /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}$/i.test(value)
    ? undefined
    : 'Must be a host name such as example.com';

const clientId = (label = 'Client id'): MethodField => ({
  key: 'client_id',
  label,
  kind: 'text',
  isRequired: true,
});
const clientSecret = (label = 'Client secret'): MethodField => ({
  key: 'client_secret',
  label,
  kind: 'secret',
  isRequired: true,
});
const claims: MethodField = {
  key: 'claims',
  label: 'Further claims',
  kind: 'lines',
  about: 'What policies may ask for by name, one a line.',
  isAdvanced: true,
};
const emailClaim: MethodField = {
  key: 'email_claim_name',
  label: 'Claim of the email address',
  kind: 'text',
  placeholder: 'email',
  isAdvanced: true,
};
const kAsk = { value: '', label: 'As the provider has it' };

export const kMethods: readonly MethodKind[] = [
  {
    type: 'onetimepin',
    name: 'One-time PIN',
    about: 'A code by email. Needs no account anywhere; there can be one of it.',
    fields: [],
  },
  {
    type: 'azureAD',
    name: 'Azure AD',
    about: 'Microsoft Entra ID, one tenant. Add it again under another name for another tenant.',
    steps:
      'In the Microsoft Entra admin center: App registrations, New registration; the redirect address is a Web address. Certificates & secrets gives the secret.',
    fields: [
      { ...clientId('Application (client) id'), check: (value) => (kUuid.test(value) ? undefined : 'Must be an id such as 01234567-89ab-cdef-0123-456789abcdef') },
      { ...clientSecret(), about: 'The value of the secret, not its id.' },
      {
        key: 'directory_id',
        label: 'Directory (tenant) id',
        kind: 'text',
        isRequired: true,
        check: (value) => (kUuid.test(value) ? undefined : 'Must be an id such as 01234567-89ab-cdef-0123-456789abcdef'),
      },
      {
        key: 'support_groups',
        label: 'Read the groups of people',
        kind: 'switch',
        about: 'So that policies can name Azure groups. The registration needs the permission GroupMember.Read.All.',
      },
      {
        key: 'conditional_access_enabled',
        label: 'Let policies demand an authentication context',
        kind: 'switch',
        isAdvanced: true,
      },
      {
        key: 'prompt',
        label: 'What Microsoft asks at sign-in',
        kind: 'choice',
        choices: [
          kAsk,
          { value: 'select_account', label: 'Which account' },
          { value: 'login', label: 'The password, each time' },
          { value: 'none', label: 'Nothing: only who is signed in there' },
        ],
        isAdvanced: true,
      },
      claims,
      emailClaim,
    ],
  },
  {
    type: 'github',
    name: 'GitHub',
    about: 'People of organizations and teams on GitHub.',
    steps: 'In GitHub: Settings, Developer settings, OAuth apps, New OAuth app. The redirect address is its authorization callback URL.',
    fields: [
      clientId(),
      clientSecret(),
      {
        key: 'login_url',
        label: 'Sign-in address of GitHub Enterprise Server',
        kind: 'url',
        placeholder: 'https://github.example.com/login/oauth',
        check: urlProblem,
        isAdvanced: true,
      },
      {
        key: 'api_url',
        label: 'API address of GitHub Enterprise Server',
        kind: 'url',
        placeholder: 'https://github.example.com/api/v3',
        check: urlProblem,
        isAdvanced: true,
      },
    ],
  },
  {
    type: 'google',
    name: 'Google',
    about: 'Any Google account.',
    steps: 'In the Google Cloud console: APIs & Services, Credentials, an OAuth client of the type Web application.',
    fields: [clientId(), clientSecret(), claims, emailClaim],
  },
  {
    type: 'google-apps',
    name: 'Google Workspace',
    about: 'The people of one Google Workspace domain.',
    steps: 'In the Google Cloud console: APIs & Services, Credentials, an OAuth client of the type Web application.',
    fields: [
      clientId(),
      clientSecret(),
      {
        key: 'apps_domain',
        label: 'Domain of the workspace',
        kind: 'text',
        isRequired: true,
        placeholder: 'example.com',
        check: hostProblem,
      },
      claims,
      emailClaim,
    ],
  },
  {
    type: 'okta',
    name: 'Okta',
    about: 'The people and groups of an Okta organization.',
    steps: 'In Okta: Applications, Create App Integration, OIDC, Web Application. Give it the groups claim.',
    fields: [
      clientId(),
      clientSecret(),
      {
        key: 'okta_account',
        label: 'Okta account',
        kind: 'url',
        isRequired: true,
        placeholder: 'https://example.okta.com',
        check: urlProblem,
      },
      {
        key: 'authorization_server_id',
        label: 'Authorization server',
        kind: 'text',
        about: 'Empty: that of the organization.',
        isAdvanced: true,
      },
      claims,
      emailClaim,
    ],
  },
  {
    type: 'oidc',
    name: 'OpenID Connect',
    about: 'Any provider that speaks OpenID Connect.',
    fields: [
      {
        key: 'issuer',
        label: 'Issuer',
        kind: 'url',
        isRequired: true,
        placeholder: 'https://login.example.com',
        about: 'As the provider states it. The other addresses are found below it.',
        check: urlProblem,
      },
      clientId(),
      { ...clientSecret(), isRequired: false, about: 'Empty: a public client.' },
      {
        key: 'pkce_enabled',
        label: 'PKCE',
        kind: 'switch',
        about: 'Protects the code on its way. Leave it on unless the provider cannot.',
        standard: true,
        isAdvanced: true,
      },
      {
        key: 'allow_unverified_email',
        label: 'Take addresses that the provider has not verified',
        kind: 'switch',
        about: 'Only where nobody can write another person’s address into their own account.',
        isAdvanced: true,
      },
      {
        key: 'token_auth_method',
        label: 'How the secret is sent',
        kind: 'choice',
        choices: [
          kAsk,
          { value: 'client_secret_basic', label: 'In a header (client_secret_basic)' },
          { value: 'client_secret_post', label: 'In the body (client_secret_post)' },
        ],
        isAdvanced: true,
      },
      { key: 'scopes', label: 'Scopes', kind: 'lines', about: 'One a line; empty: openid, email, profile.', isAdvanced: true },
      claims,
      emailClaim,
      { key: 'auth_url', label: 'Authorization address', kind: 'url', placeholder: 'found by itself', check: urlProblem, isAdvanced: true },
      { key: 'token_url', label: 'Token address', kind: 'url', placeholder: 'found by itself', check: urlProblem, isAdvanced: true },
      { key: 'certs_url', label: 'Address of the keys', kind: 'url', placeholder: 'found by itself', check: urlProblem, isAdvanced: true },
    ],
  },
];
export const methodKind = (type: string): MethodKind | undefined =>
  kMethods.find((kind) => kind.type === type);

// Where the provider sends people back to.
export const redirectUrl = (authDomain: string) => `https://${authDomain}/cdn-cgi/access/callback`;

export interface MethodValues {
  name: string;
  config: Record<string, string | boolean>;
}

// "Azure AD", then "Azure AD 2": a second one is as easy as the first.
export function freeName(name: string, names: readonly string[]): string {
  if (!names.includes(name)) return name;
  for (let number = 2; ; number++) if (!names.includes(`${name} ${number}`)) return `${name} ${number}`;
}

export function toMethodValues(
  kind: MethodKind,
  { name, config }: { name: string; config: Record<string, unknown> },
): MethodValues {
  const values: MethodValues['config'] = {};
  for (const field of kind.fields) {
    const found = config[field.key];
    if (field.kind === 'switch') values[field.key] = (found ?? field.standard ?? false) === true;
    // What is shown in place of a secret is not the secret.
    else if (field.kind === 'secret') values[field.key] = '';
    else values[field.key] = Array.isArray(found) ? found.join('\n') : String(found ?? '');
  }
  return { name, config: values };
}

// `kept`: the configuration that was read; what the form does not show of it stays, and a secret
// that is left out is kept by the API.
export function toMethodRequest(
  kind: MethodKind,
  values: MethodValues,
  kept: Record<string, unknown> = {},
): Schemas['IdentityProviderRequest'] {
  const config: Record<string, unknown> = { ...kept };
  delete config.redirect_url;
  for (const field of kind.fields) {
    const value = values.config[field.key];
    delete config[field.key];
    if (field.kind === 'switch') {
      if (value !== (field.standard ?? false) || field.key in kept) config[field.key] = value;
      continue;
    }
    const text = String(value ?? '').trim();
    if (text === '') continue;
    config[field.key] =
      field.kind === 'lines' ? text.split(/[\s,]+/).filter(Boolean) : text;
  }
  return { name: values.name.trim(), type: kind.type, config };
}

export function checkMethod(
  kind: MethodKind,
  values: MethodValues,
  // `hasSecret`: it has been saved with one.
  { names, hasSecret }: { names: readonly string[]; hasSecret: boolean },
): Record<string, string | undefined> {
  const problems: Record<string, string | undefined> = {
    name: nameProblem(values.name, names, 'login method'),
  };
  for (const field of kind.fields) {
    const text = String(values.config[field.key] ?? '').trim();
    const isKept = field.kind === 'secret' && hasSecret;
    problems[`config.${field.key}`] =
      text === ''
        ? field.isRequired && !isKept
          ? 'This is needed'
          : undefined
        : field.check?.(text);
  }
  return problems;
}
