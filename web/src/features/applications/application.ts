// An application as the forms have it, and as the API has it.
import type { Schemas } from '../../api/client';
import { checkHost, joinDomain, splitDomain } from '../ingress/rules.ts';

export type Application = Schemas['Application'];
export type ApplicationRequest = Schemas['ApplicationRequest'];

export const nameOf = (application: Application) =>
  application.name || application.domain || application.id;

const kTypes: Record<string, string> = {
  self_hosted: 'Self-hosted',
  dash_sso: 'Dashboard',
  bookmark: 'Bookmark',
};
export const typeLabel = (type: string) => kTypes[type] ?? type;

// Every domain of it, each once, the first one first.
export function domainsOf(application: Application): string[] {
  const all = [
    application.domain ?? '',
    ...(application.self_hosted_domains ?? []),
    ...(application.destinations ?? []).map(({ uri }) => uri ?? ''),
  ];
  return [...new Set(all.filter(Boolean))];
}
export const hostsOf = (application: Application): string[] => [
  ...new Set(domainsOf(application).map((domain) => splitDomain(domain).host)),
];

// A request that changes some members and leaves the rest as it was read. `null` takes a member out.
// Policies that a request does not speak of stay.
export function toRequest(
  application: Application,
  change: { [K in keyof ApplicationRequest]?: ApplicationRequest[K] | null },
): ApplicationRequest {
  const { id, aud, created_at, updated_at, policies, ...kept } = application;
  void [id, aud, created_at, updated_at, policies];
  const all = { ...kept, ...change };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && value !== undefined),
  ) as ApplicationRequest;
}

// The members that hold its domains, in the lists that it has them in.
export function domainMembers(
  application: Application,
  domains: readonly string[],
): Pick<ApplicationRequest, 'domain' | 'self_hosted_domains' | 'destinations'> {
  return {
    domain: domains[0] ?? '',
    ...(application.self_hosted_domains ? { self_hosted_domains: [...domains] } : {}),
    ...(application.destinations
      ? { destinations: domains.map((uri) => ({ type: 'public' as const, uri })) }
      : {}),
  };
}

// Policies of an application in an order: its own whole, reusable ones by their id.
export const toPolicies = (policies: readonly Schemas['Policy'][]): ApplicationRequest['policies'] =>
  policies.map((policy) => {
    if (policy.reusable) return { id: policy.id };
    const { created_at, updated_at, precedence, reusable, app_count, account_id, ...own } = policy;
    void [created_at, updated_at, precedence, reusable, app_count, account_id];
    return own as Schemas['PolicyRequest'];
  });

export function checkPath(path: string): string | undefined {
  const text = path.trim().replace(/^\/+/, '');
  if (/[?#]/.test(text)) return 'Without ? and #: a path alone';
  if (/[%;\\\s]/.test(text)) return 'Written plainly, without %, ;, \\ and spaces';
  if (/\/\//.test(text)) return 'Without //';
  const segments = text.split('/');
  if (segments.some((one) => one === '.' || one === '..')) return 'Without . and .. segments';
  if (segments.some((one) => one.split('*').length > 2)) return '* may stand once in each segment';
  return undefined;
}

// Further domains as they are typed, one each.
export function checkDomains(domains: readonly string[]): string | undefined {
  for (const domain of domains) {
    const { host, path } = splitDomain(domain.trim());
    const wrong = checkHost(host) ?? checkPath(path);
    if (wrong) return `${domain}: ${wrong}`;
  }
  return undefined;
}
export const normalDomain = (domain: string) => {
  const { host, path } = splitDomain(domain.trim());
  return joinDomain(host, path);
};

export const isUrl = (text: string) => {
  try {
    return ['http:', 'https:'].includes(new URL(text).protocol);
  } catch {
    return false;
  }
};
