import type { Schemas } from '../../api/client';

// What can be named.
export type Used =
  | 'group'
  | 'policy'
  | 'posture'
  | 'login_method'
  | 'list'
  | 'service_token'
  | 'custom_page';
export interface User {
  kind: 'application' | 'policy' | 'group';
  id: string;
  name: string;
  href: string;
}
type Rules = { include?: unknown[]; exclude?: unknown[]; require?: unknown[] };

// Members of rules that name one of the kind.
const kMembers: Partial<Record<Used, [string, string][]>> = {
  group: [['group', 'id']],
  posture: [['device_posture', 'integration_uid']],
  list: [
    ['email_list', 'id'],
    ['ip_list', 'id'],
  ],
  service_token: [['service_token', 'token_id']],
  login_method: [
    ['login_method', 'id'],
    ...['azureAD', 'gsuite', 'github-organization', 'okta', 'saml', 'oidc', 'auth_context'].map(
      (kind): [string, string] => [kind, 'identity_provider_id'],
    ),
  ],
};

function names({ include = [], exclude = [], require = [] }: Rules, used: Used, id: string) {
  const members = kMembers[used] ?? [];
  return [...include, ...exclude, ...require].some((rule) =>
    members.some(
      ([kind, member]) =>
        (rule as Record<string, Record<string, unknown> | undefined>)[kind]?.[member] === id,
    ),
  );
}

export function usersOf(
  used: Used,
  id: string,
  all: {
    applications: readonly Schemas['Application'][];
    policies: readonly Schemas['Policy'][];
    groups: readonly Schemas['Group'][];
  },
): User[] {
  const users: User[] = [];
  for (const application of all.applications) {
    const isUser =
      (used === 'login_method' && application.allowed_idps?.includes(id)) ||
      (used === 'custom_page' && application.custom_pages?.includes(id)) ||
      application.policies?.some((policy) =>
        policy.reusable ? used === 'policy' && policy.id === id : names(policy, used, id),
      );
    if (isUser)
      users.push({
        kind: 'application',
        id: application.id,
        name: application.name ?? application.domain ?? application.id,
        href: `/access/applications/${application.id}`,
      });
  }
  for (const policy of all.policies)
    if (names(policy, used, id))
      users.push({ ...policy, kind: 'policy', href: `/access/policies/${policy.id}` });
  for (const group of all.groups)
    if (names(group, used, id) && group.id !== id)
      users.push({ ...group, kind: 'group', href: `/access/groups/${group.id}` });
  return users.map(({ kind, id: one, name, href }) => ({ kind, id: one, name, href }));
}
