// Device posture providers and checks: what the forms show and what the API takes.
import type { Schemas } from '../../api/client';
import { durationProblem } from '../../parts/duration_value.ts';
import { valueAt, withValueAt } from '../../parts/values.ts';
import { signerProblem } from './certificate.ts';

export type Provider = Schemas['PostureIntegration'];
export type Check = Schemas['PostureRule'];

export interface ProviderKind {
  type: Provider['type'];
  name: string;
  about: string;
  // Whether anything is asked of it; the others are kept for programs that write them.
  works: boolean;
}
const kept = 'Configurations are kept, and nothing is asked of it: no check is ever passed by it.';
export const kProviderKinds: readonly ProviderKind[] = [
  {
    type: 'tanium',
    name: 'Tanium',
    about: 'The client on the device says, signed, whether it is managed and when it last checked in.',
    works: true,
  },
  { type: 'crowdstrike_s2s', name: 'CrowdStrike', about: kept, works: false },
  { type: 'custom_s2s', name: 'Custom service', about: kept, works: false },
  { type: 'kolide', name: 'Kolide', about: kept, works: false },
  { type: 'intune', name: 'Microsoft Intune', about: kept, works: false },
  { type: 'sentinelone_s2s', name: 'SentinelOne', about: kept, works: false },
  { type: 'tanium_s2s', name: 'Tanium (server to server)', about: kept, works: false },
  { type: 'uptycs', name: 'Uptycs', about: kept, works: false },
  { type: 'workspace_one', name: 'Workspace ONE', about: kept, works: false },
];
export const providerKind = (type: string): ProviderKind | undefined =>
  kProviderKinds.find((kind) => kind.type === type);

// --- how a deployment's client is spoken to, where it differs from the default

export interface ProfileField {
  path: string; // in config
  label: string;
  kind: 'text' | 'choice' | 'number' | 'lines' | 'json';
  // What is meant when it is empty.
  standard: string;
  about?: string;
  choices?: readonly string[];
}
export const kProfile: readonly { title: string; fields: readonly ProfileField[] }[] = [
  {
    title: 'The request to the client',
    fields: [
      { path: 'exchange.candidates', label: 'Addresses that are tried', kind: 'lines', standard: 'http://127.0.0.1:{port}', about: 'One a line, at most 8.' },
      { path: 'exchange.method', label: 'Method', kind: 'choice', standard: 'POST', choices: ['POST', 'GET'] },
      { path: 'exchange.path', label: 'Path', kind: 'text', standard: '/lpx/v1/attest' },
      { path: 'exchange.request.encoding', label: 'Fields are sent as', kind: 'choice', standard: 'json', choices: ['json', 'form', 'query'] },
      { path: 'exchange.request.nonce_field', label: 'Field of the nonce', kind: 'text', standard: 'nonce', about: 'The number that makes the answer fresh.' },
      { path: 'exchange.request.audience_field', label: 'Field of the audience', kind: 'text', standard: 'aud' },
      { path: 'exchange.request.extra', label: 'Further fields', kind: 'json', standard: '{}' },
      { path: 'exchange.response.token_source', label: 'Where the answer has its token', kind: 'text', standard: 'auto', about: 'auto, body, json:/pointer or header:Name.' },
      { path: 'exchange.timeouts.exchange_ms', label: 'Patience in milliseconds', kind: 'number', standard: '5000' },
      { path: 'exchange.target_address_space', label: 'Address space', kind: 'choice', standard: 'loopback', choices: ['loopback', 'local'] },
    ],
  },
  {
    title: 'The signed answer',
    fields: [
      { path: 'token.algs', label: 'Algorithms', kind: 'lines', standard: 'RS256, PS256, ES256, EdDSA', about: 'One a line.' },
      { path: 'token.issuer', label: 'Issuer', kind: 'text', standard: 'any' },
      { path: 'token.audience', label: 'Audience', kind: 'text', standard: 'the sign-in address' },
      { path: 'token.nonce_mode', label: 'Nonce', kind: 'choice', standard: 'required', choices: ['required', 'if_present', 'none'] },
      { path: 'token.nonce_encoding', label: 'Nonce is written', kind: 'choice', standard: 'plain', choices: ['plain', 'sha256_b64url'] },
      { path: 'token.max_age', label: 'Maximum age', kind: 'text', standard: '60s' },
      { path: 'token.clock_skew', label: 'Clock difference allowed', kind: 'text', standard: '30s' },
    ],
  },
  {
    title: 'Where the answer says it',
    fields: [
      { path: 'claims.device_id', label: 'Device id', kind: 'text', standard: '/sub' },
      { path: 'claims.managed', label: 'Managed', kind: 'text', standard: '/managed' },
      { path: 'claims.managed_true_values', label: 'Values that mean managed', kind: 'json', standard: '[true, "true", 1, "managed"]' },
      { path: 'claims.last_checkin', label: 'Last check-in', kind: 'text', standard: '/last_checkin' },
      { path: 'claims.last_checkin_format', label: 'Last check-in is written', kind: 'choice', standard: 'epoch', choices: ['epoch', 'epoch_ms', 'rfc3339', 'seconds_ago'] },
      { path: 'claims.patch_status', label: 'Patches', kind: 'text', standard: '/patch_status/compliant' },
      { path: 'claims.vulnerability_score', label: 'Vulnerability score', kind: 'text', standard: '/vulnerability/score' },
      { path: 'claims.hostname', label: 'Host name', kind: 'text', standard: '/device/hostname' },
      { path: 'claims.serial_number', label: 'Serial number', kind: 'text', standard: '/device/serial_number' },
      { path: 'claims.nonce', label: 'Nonce', kind: 'text', standard: '/nonce' },
      { path: 'claims.audience', label: 'Audience', kind: 'text', standard: '/aud' },
    ],
  },
];
const kFields = kProfile.flatMap(({ fields }) => fields);

export interface ProviderValues {
  name: string;
  // As the API has it, each field as the text that stands in the form: '' is the default. An empty
  // text that has a meaning of its own is written `""`.
  config: { port: string; public_certificate: string; [section: string]: unknown };
  makeCheck: boolean;
}

function prune(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, prune(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function toText(field: ProfileField, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (field.kind === 'json') return JSON.stringify(value);
  if (Array.isArray(value)) return value.join('\n');
  return value === '' ? '""' : String(value);
}
// Throws SyntaxError where a JSON text is none.
function fromText(field: ProfileField, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (field.kind === 'json') return JSON.parse(trimmed) as unknown;
  if (field.kind === 'number') return Number(trimmed);
  if (field.kind === 'lines') return trimmed.split(/[\n,]+/).map((line) => line.trim()).filter(Boolean);
  return trimmed === '""' ? '' : trimmed;
}

export function toProviderValues(provider: Pick<Provider, 'name' | 'config'>): ProviderValues {
  const { port, public_certificate: certificate } = provider.config;
  let config: ProviderValues['config'] = {
    port: String(port ?? '17472'),
    public_certificate: Array.isArray(certificate)
      ? certificate.map((one) => String(one).trim()).join('\n')
      : String(certificate ?? ''),
  };
  for (const field of kFields)
    config = withValueAt(config, field.path, toText(field, valueAt(provider.config, field.path)));
  return { name: provider.name, config, makeCheck: false };
}

// `kept`: the configuration that was read; what the form does not show of it stays. What is no more
// is null, since the API keeps what is left out.
export function toProviderConfig(
  values: ProviderValues,
  kept: Record<string, unknown> = {},
): Record<string, unknown> {
  let config: Record<string, unknown> = {
    ...kept,
    port: Number(values.config.port),
    public_certificate: values.config.public_certificate,
  };
  for (const field of kFields) {
    const text = valueAt(values.config, field.path) as string | undefined;
    config = withValueAt(config, field.path, fromText(field, text ?? ''));
  }
  const whole = prune(config) as Record<string, unknown>;
  for (const key of Object.keys(kept)) whole[key] ??= null;
  return whole;
}

export const newProvider = (): ProviderValues => ({
  ...toProviderValues({ name: 'Tanium', config: {} }),
  makeCheck: true,
});

export function checkProvider(
  values: ProviderValues,
  { names, checkNames, unchanged, now }: {
    // Of the other providers, and of the checks.
    names: readonly string[];
    checkNames: readonly string[];
    // The certificate that is saved already: an expired one must not stop another change.
    unchanged?: string;
    now: Date;
  },
): Record<string, string | undefined> {
  const name = values.name.trim();
  const { port, public_certificate: certificate } = values.config;
  const problems: Record<string, string | undefined> = {
    name: nameProblem(name, names, 'provider'),
    'config.port':
      /^\d{1,5}$/.test(port.trim()) && Number(port) >= 1 && Number(port) <= 65535
        ? undefined
        : 'Must be a whole number from 1 to 65535',
    'config.public_certificate':
      certificate === unchanged ? undefined : signerProblem(certificate, now),
  };
  if (values.makeCheck && checkNames.includes(name))
    problems.makeCheck = `There is a check called ${name} already: choose another name, or make no check`;
  for (const field of kFields) {
    const text = (valueAt(values.config, field.path) as string | undefined) ?? '';
    try {
      const value = fromText(field, text);
      if (field.kind === 'number' && value !== undefined && !Number.isInteger(value))
        problems[`config.${field.path}`] = 'Must be a whole number';
    } catch {
      problems[`config.${field.path}`] = 'Must be JSON';
    }
  }
  return problems;
}

export function nameProblem(
  name: string,
  names: readonly string[],
  what: string,
): string | undefined {
  if (!name.trim()) return 'Give it a name';
  if (new TextEncoder().encode(name.trim()).length > 255) return 'Must be shorter: at most 255 bytes';
  return names.includes(name.trim()) ? `There is a ${what} of this name already` : undefined;
}

// --- checks

export interface CheckValues {
  name: string;
  description: string;
  expiration: string;
  input: {
    connection_id: string;
    managed: boolean;
    max_checkin_age: string;
    patched: boolean;
    vulnerability_operator: string;
    vulnerability_score: string;
  };
}
export const kOperators = [
  { value: '', label: 'Not looked at' },
  { value: '<', label: 'Below' },
  { value: '<=', label: 'At most' },
  { value: '==', label: 'Exactly' },
  { value: '>=', label: 'At least' },
  { value: '>', label: 'Above' },
] as const;

export const newCheck = (connection = ''): CheckValues => ({
  name: '',
  description: '',
  expiration: '1h',
  input: {
    connection_id: connection,
    managed: true,
    max_checkin_age: '168h',
    patched: false,
    vulnerability_operator: '',
    vulnerability_score: '',
  },
});

export function toCheckValues(check: Check): CheckValues {
  const input = check.input ?? {};
  return {
    name: check.name,
    description: check.description ?? '',
    expiration: check.expiration ?? '1h',
    input: {
      connection_id: String(input.connection_id ?? ''),
      managed: input.managed !== false,
      max_checkin_age: String(input.max_checkin_age ?? '168h'),
      patched: input.patch_status === 'compliant',
      vulnerability_operator: String(input.vulnerability_operator ?? ''),
      vulnerability_score: String(input.vulnerability_score ?? ''),
    },
  };
}

export function toCheckRequest(values: CheckValues): Schemas['PostureRuleRequest'] {
  const { input } = values;
  return {
    name: values.name.trim(),
    type: 'tanium',
    ...(values.description.trim() ? { description: values.description.trim() } : {}),
    expiration: values.expiration,
    input: {
      connection_id: input.connection_id,
      managed: input.managed,
      max_checkin_age: input.max_checkin_age,
      ...(input.patched ? { patch_status: 'compliant' } : {}),
      ...(input.vulnerability_operator
        ? {
            vulnerability_operator: input.vulnerability_operator,
            vulnerability_score: Number(input.vulnerability_score),
          }
        : {}),
    },
  };
}

export function checkCheck(
  values: CheckValues,
  names: readonly string[],
): Record<string, string | undefined> {
  const { input } = values;
  const score = input.vulnerability_score.trim();
  return {
    name: nameProblem(values.name, names, 'check'),
    expiration: durationProblem(values.expiration),
    'input.connection_id': input.connection_id ? undefined : 'Choose the provider that is asked',
    'input.max_checkin_age': durationProblem(input.max_checkin_age),
    'input.vulnerability_score':
      input.vulnerability_operator && (score === '' || !Number.isFinite(Number(score)))
        ? 'Must be a number'
        : undefined,
  };
}

// What a check demands, in a line.
export function describeCheck(check: Check, toWords: (duration: string) => string): string {
  if (check.type !== 'tanium') return 'Kept, and never passed: nothing brings evidence for it';
  const { input } = toCheckValues(check);
  const demands = [
    input.managed ? 'managed' : 'not managed',
    `checked in within ${toWords(input.max_checkin_age)}`,
  ];
  if (input.patched) demands.push('patched');
  const operator = kOperators.find(({ value }) => value === input.vulnerability_operator);
  if (operator?.value)
    demands.push(`vulnerability score ${operator.label.toLowerCase()} ${input.vulnerability_score}`);
  return demands.join(', ');
}
