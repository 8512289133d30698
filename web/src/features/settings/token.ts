// API tokens: what their form shows and what the API takes.
import type { Schemas } from '../../api/client';

export type Role = Schemas['Role'];
export const kRoles: readonly { value: Role; label: string; about: string }[] = [
  { value: 'read_only', label: 'Read only', about: 'May look at everything it is limited to.' },
  {
    value: 'help_desk',
    label: 'Help desk',
    about: 'May look, and end sessions and revoke devices.',
  },
  { value: 'administrator', label: 'Administrator', about: 'May change what it is limited to.' },
];
export const roleLabel = (role: Role) => kRoles.find(({ value }) => value === role)?.label ?? role;

// Families of operations, as x-scope of the API names them.
export const kScopes: readonly { value: string; label: string }[] = [
  { value: 'access/apps', label: 'Applications' },
  { value: 'access/policies', label: 'Reusable policies' },
  { value: 'access/policy-tests', label: 'Policy tests' },
  { value: 'access/groups', label: 'Groups' },
  { value: 'access/identity_providers', label: 'Login methods' },
  { value: 'devices/posture', label: 'Device posture' },
  { value: 'gateway/lists', label: 'Lists' },
  { value: 'access/service_tokens', label: 'Service tokens' },
  { value: 'access/certificates', label: 'Client certificates' },
  { value: 'access/custom_pages', label: 'Custom pages' },
  { value: 'access/tags', label: 'Tags' },
  { value: 'access/bookmarks', label: 'Bookmarks' },
  { value: 'access/organizations', label: 'Organization' },
  { value: 'access/keys', label: 'Signing keys' },
  { value: 'access/users', label: 'Users' },
  { value: 'access/logs', label: 'Sign-in logs' },
  { value: 'gatehouse/ingress', label: 'Where requests go' },
  { value: 'gatehouse/sessions', label: 'Sessions' },
  { value: 'gatehouse/devices', label: 'Devices' },
  { value: 'gatehouse/revocations', label: 'Revocations' },
  { value: 'gatehouse/decisions', label: 'Decisions' },
  { value: 'gatehouse/audit', label: 'Audit' },
  { value: 'gatehouse/explain', label: 'Policy tester' },
  { value: 'gatehouse/tests', label: 'Tests of login methods and devices' },
  { value: 'gatehouse/statistics', label: 'Statistics' },
  { value: 'gatehouse/health', label: 'Health' },
  { value: 'gatehouse/api_tokens', label: 'API tokens' },
  { value: 'gatehouse/store', label: 'Backup' },
];
export const scopeLabel = (scope: string) =>
  kScopes.find(({ value }) => value === scope)?.label ?? scope;

export interface TokenValues {
  name: string;
  role: Role;
  // Whether it is limited; then to these.
  isLimited: boolean;
  scopes: string[];
  // Days; '' : never.
  days: string;
}
export const kEnds = [
  { value: '30', label: 'After 30 days' },
  { value: '90', label: 'After 90 days' },
  { value: '365', label: 'After one year' },
  { value: '', label: 'Never' },
];
const kMaxName = 100;

export function checkToken(
  { name, isLimited, scopes }: TokenValues,
  names: readonly string[],
): Record<string, string | undefined> {
  return {
    name: !name.trim()
      ? 'Give it a name'
      : new TextEncoder().encode(name.trim()).length > kMaxName
        ? `At most ${kMaxName} bytes`
        : names.includes(name.trim())
          ? 'There is a token of this name already'
          : undefined,
    scopes: isLimited && scopes.length === 0 ? 'Choose at least one, or do not limit it' : undefined,
  };
}

export function toTokenRequest(values: TokenValues, now: Date): Schemas['ApiTokenRequest'] {
  const end = new Date(now.getTime() + Number(values.days) * 86_400_000);
  return {
    name: values.name.trim(),
    role: values.role,
    scopes: values.isLimited ? values.scopes : [],
    ...(values.days ? { expires_at: end.toISOString().replace(/\.\d+Z$/, 'Z') } : {}),
  };
}
