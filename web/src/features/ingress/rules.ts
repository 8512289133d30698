// Where requests go, as lists of rules: the first that fits is taken.
import type { Schemas } from '../../api/client';

export type Rules = Schemas['Ingress'];
export type Rule = Rules[number];
export type OriginRequest = NonNullable<Rule['originRequest']>;

const lower = (text: string | undefined) => (text ?? '').toLowerCase();

// Whether the rule is for this host, path or not. `host` may itself begin with `*.`.
export function isForHost(rule: Rule, host: string): boolean {
  const pattern = lower(rule.hostname);
  if (!pattern) return false;
  if (pattern === lower(host)) return true;
  return pattern.startsWith('*.') && lower(host).endsWith(pattern.slice(1));
}

// The rule that takes what no rule with a path takes.
export const ruleFor = (rules: Rules, host: string): Rule | undefined =>
  rules.find((rule) => isForHost(rule, host) && !rule.path);
export const ownRule = (rules: Rules, host: string): Rule | undefined =>
  rules.find((rule) => lower(rule.hostname) === lower(host) && !rule.path);

// With a rule of its own for the host: changed where it stands, else before whatever would take its
// requests.
export function withRule(rules: Rules, rule: Rule & { hostname: string }): Rules {
  const own = ownRule(rules, rule.hostname);
  if (own) return rules.map((one) => (one === own ? rule : one));
  const before = rules.findIndex(
    (one) => !one.hostname || (isForHost(one, rule.hostname) && !one.path),
  );
  if (before < 0) return [...rules, rule];
  return [...rules.slice(0, before), rule, ...rules.slice(before)];
}
export function withoutRule(rules: Rules, host: string): Rules {
  const own = ownRule(rules, host);
  return rules.filter((rule) => rule !== own);
}

export function checkService(service: string): string | undefined {
  const text = service.trim();
  if (!text) return 'Say where its requests go, such as http://127.0.0.1:8080';
  if (/^unix:\/\S+$/.test(text) || /^http_status:[2-5]\d\d$/.test(text)) return undefined;
  const match = /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(\d{1,5}))?(\/.*)?$/i.exec(text);
  if (!match) return 'Must be http://host:port, https://host:port, unix:/path or http_status:404';
  if (match[3] && (Number(match[3]) < 1 || Number(match[3]) > 65535))
    return 'The port must be 1 to 65535';
  if (match[4]) return 'Without a path: requests keep theirs';
  return undefined;
}

// A host, as an application's domain begins with.
export function checkHost(host: string): string | undefined {
  const text = host.trim();
  if (!text) return 'Say its host name, such as wiki.team.com';
  if (text.includes('/') || text.includes(':'))
    return 'The host name alone, without https:// and without a port';
  if (!/^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(text))
    return 'Must be a host name such as wiki.team.com; it may begin with *.';
  return undefined;
}

// `host/path` in its two parts; the path without its slash.
export function splitDomain(domain: string): { host: string; path: string } {
  const slash = domain.indexOf('/');
  return slash < 0
    ? { host: domain, path: '' }
    : { host: domain.slice(0, slash), path: domain.slice(slash + 1) };
}
export const joinDomain = (host: string, path: string) => {
  const rest = path.trim().replace(/^\/+/, '');
  return host.trim().toLowerCase() + (rest ? `/${rest}` : '');
};
