// Every selector of a rule: what people call it, what its form has, how it is read from a rule of the
// API and written back. docs/reference/selectors.md says what each is evaluated by.
import type { Schemas } from '../../api/client';

export type Rule = Schemas['Rule'];

// Things of the gateway that a rule can name.
export type ChoiceKind =
  | 'country'
  | 'group'
  | 'email_list'
  | 'ip_list'
  | 'login_method'
  | 'service_token'
  | 'posture';

export interface RuleField {
  name: string;
  label: string;
  placeholder?: string;
  isOptional?: boolean;
  // The identity providers of these types; empty: of any.
  providers?: readonly string[];
  check?: (value: string) => string | undefined;
}

interface Base {
  kind: string;
  label: string;
  section: 'People' | 'Sign-in' | 'Device' | 'Network' | 'Programs' | 'Other';
  // One sentence: who it matches.
  hint: string;
}
export type Selector = Base &
  (
    | { form: 'none' }
    // Values that are typed, one rule each; `member` holds the value.
    | {
        form: 'texts';
        member: string;
        valueLabel: string;
        placeholder: string;
        read?: (value: string) => string;
        write?: (text: string) => string;
        check?: (text: string) => string | undefined;
      }
    // Values that are chosen, one rule each.
    | { form: 'choices'; member: string; valueLabel: string; choices: ChoiceKind }
    // One rule of several members.
    | { form: 'fields'; fields: readonly RuleField[] }
  );

const kHost = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

export const isEmail = (text: string) => {
  const at = text.lastIndexOf('@');
  return at > 0 && !/[\s@]/.test(text.slice(0, at)) && kHost.test(text.slice(at + 1));
};
const checkEmail = (text: string) =>
  isEmail(text) ? undefined : `${text} is not an email address such as alice@team.com`;

const withoutAt = (text: string) => text.trim().replace(/^@/, '').toLowerCase();
const checkDomain = (text: string) => {
  const domain = withoutAt(text);
  if (domain.includes('@')) return `${text} is a whole address: choose “Emails” for it`;
  return kHost.test(domain) ? undefined : `${text} is not the end of an address such as @team.com`;
};

const isAddress4 = (text: string) => {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256);
};
const isAddress6 = (text: string) => {
  try {
    return text.includes(':') && new URL(`http://[${text}]/`).hostname.length > 0;
  } catch {
    return false;
  }
};
// Whether bits beyond the prefix are set is left to the API.
export function checkNetwork(text: string): string | undefined {
  const [address = '', prefix, more] = text.split('/');
  const bits = isAddress4(address) ? 32 : isAddress6(address) ? 128 : 0;
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && +prefix <= bits);
  return bits > 0 && isPrefix && more === undefined
    ? undefined
    : `${text} is not an address or a network such as 192.0.2.0/24`;
}
const checkHttps = (text: string) => {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' ? undefined : 'Must begin with https://';
  } catch {
    return 'Must be a URL such as https://team.com/evaluate';
  }
};

const provider = (providers: readonly string[] = []): RuleField => ({
  name: 'identity_provider_id',
  label: 'Login method',
  providers,
});

export const kSelectors: readonly Selector[] = [
  {
    kind: 'email_domain',
    label: 'Emails ending in',
    section: 'People',
    hint: 'Everyone whose address ends so, without subdomains.',
    form: 'texts',
    member: 'domain',
    valueLabel: 'Ending',
    placeholder: '@team.com',
    read: (value) => `@${value}`,
    write: withoutAt,
    check: checkDomain,
  },
  {
    kind: 'email',
    label: 'Emails',
    section: 'People',
    hint: 'People by their address.',
    form: 'texts',
    member: 'email',
    valueLabel: 'Address',
    placeholder: 'alice@team.com',
    check: checkEmail,
  },
  {
    kind: 'everyone',
    label: 'Everyone',
    section: 'People',
    hint: 'Everyone, signed in or not. In an Allow policy people still have to sign in.',
    form: 'none',
  },
  {
    kind: 'group',
    label: 'Access groups',
    section: 'People',
    hint: 'Whoever an access group of this gateway matches.',
    form: 'choices',
    member: 'id',
    valueLabel: 'Group',
    choices: 'group',
  },
  {
    kind: 'email_list',
    label: 'Email lists',
    section: 'People',
    hint: 'People whose address is on a list.',
    form: 'choices',
    member: 'id',
    valueLabel: 'List',
    choices: 'email_list',
  },
  {
    kind: 'login_method',
    label: 'Login methods',
    section: 'Sign-in',
    hint: 'People who signed in with one of these.',
    form: 'choices',
    member: 'id',
    valueLabel: 'Login method',
    choices: 'login_method',
  },
  {
    kind: 'azureAD',
    label: 'Azure groups',
    section: 'Sign-in',
    hint: 'Members of a group in Azure AD (Entra ID), by its object id.',
    form: 'fields',
    fields: [
      provider(['azureAD']),
      { name: 'id', label: 'Object id', placeholder: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb' },
    ],
  },
  {
    kind: 'gsuite',
    label: 'Google Workspace groups',
    section: 'Sign-in',
    hint: 'Members of a group in Google Workspace (GSuite), by its address.',
    form: 'fields',
    fields: [
      provider(['google-apps', 'google']),
      { name: 'email', label: 'Address of the group', placeholder: 'staff@team.com', check: checkEmail },
    ],
  },
  {
    kind: 'github-organization',
    label: 'GitHub organization',
    section: 'Sign-in',
    hint: 'Members of an organization on GitHub, or of one of its teams.',
    form: 'fields',
    fields: [
      provider(['github']),
      { name: 'name', label: 'Organization', placeholder: 'team' },
      { name: 'team', label: 'Team', placeholder: 'engineering', isOptional: true },
    ],
  },
  {
    kind: 'okta',
    label: 'Okta groups',
    section: 'Sign-in',
    hint: 'Members of a group in Okta, by its name.',
    form: 'fields',
    fields: [provider(['okta']), { name: 'name', label: 'Group', placeholder: 'Staff' }],
  },
  {
    kind: 'saml',
    label: 'SAML attribute',
    section: 'Sign-in',
    hint: 'People of whom a SAML provider states this attribute.',
    form: 'fields',
    fields: [
      provider(['saml']),
      { name: 'attribute_name', label: 'Attribute', placeholder: 'department' },
      { name: 'attribute_value', label: 'Value', placeholder: 'engineering' },
    ],
  },
  {
    kind: 'oidc',
    label: 'OIDC claim',
    section: 'Sign-in',
    hint: 'People of whom an OpenID Connect provider states this claim.',
    form: 'fields',
    fields: [
      provider(),
      { name: 'claim_name', label: 'Claim', placeholder: 'groups' },
      { name: 'claim_value', label: 'Value', placeholder: 'engineering' },
    ],
  },
  {
    kind: 'auth_method',
    label: 'Authentication method',
    section: 'Sign-in',
    hint: 'How people proved who they are, as their provider states it: mfa, hwk, otp, pwd …',
    form: 'texts',
    member: 'auth_method',
    valueLabel: 'Method',
    placeholder: 'mfa',
  },
  {
    kind: 'auth_context',
    label: 'Azure authentication context',
    section: 'Sign-in',
    hint: 'People who met the Conditional Access policies of this context; asked for when it is missing.',
    form: 'fields',
    fields: [
      provider(['azureAD']),
      { name: 'ac_id', label: 'Context', placeholder: 'c1' },
      { name: 'id', label: 'Its id in the API', placeholder: 'c1', isOptional: true },
    ],
  },
  {
    kind: 'device_posture',
    label: 'Device Posture',
    section: 'Device',
    hint: 'Devices that pass a check.',
    form: 'choices',
    member: 'integration_uid',
    valueLabel: 'Check',
    choices: 'posture',
  },
  {
    kind: 'certificate',
    label: 'Valid certificate',
    section: 'Device',
    hint: 'Connections with a client certificate of an authority that counts for the host.',
    form: 'none',
  },
  {
    kind: 'common_name',
    label: 'Common name',
    section: 'Device',
    hint: 'Connections with a valid client certificate of this common name.',
    form: 'texts',
    member: 'common_name',
    valueLabel: 'Common name',
    placeholder: 'laptop-17',
  },
  {
    kind: 'ip',
    label: 'IP ranges',
    section: 'Network',
    hint: 'Requests from these networks.',
    form: 'texts',
    member: 'ip',
    valueLabel: 'Network',
    placeholder: '192.0.2.0/24',
    check: checkNetwork,
  },
  {
    kind: 'ip_list',
    label: 'IP lists',
    section: 'Network',
    hint: 'Requests from the networks of a list.',
    form: 'choices',
    member: 'id',
    valueLabel: 'List',
    choices: 'ip_list',
  },
  {
    kind: 'geo',
    label: 'Country',
    section: 'Network',
    hint: 'Requests from these countries, by the address they come from.',
    form: 'choices',
    member: 'country_code',
    valueLabel: 'Country',
    choices: 'country',
  },
  {
    kind: 'service_token',
    label: 'Service token',
    section: 'Programs',
    hint: 'Programs with one of these tokens.',
    form: 'choices',
    member: 'token_id',
    valueLabel: 'Token',
    choices: 'service_token',
  },
  {
    kind: 'any_valid_service_token',
    label: 'Any valid service token',
    section: 'Programs',
    hint: 'Programs with any service token of this gateway.',
    form: 'none',
  },
  {
    kind: 'external_evaluation',
    label: 'External evaluation',
    section: 'Other',
    hint: 'A service of yours is asked about the person and answers signed.',
    form: 'fields',
    fields: [
      { name: 'evaluate_url', label: 'Evaluate URL', placeholder: 'https://…/evaluate', check: checkHttps },
      { name: 'keys_url', label: 'Keys URL', placeholder: 'https://…/keys', check: checkHttps },
      { name: 'expiration', label: 'An answer counts for', placeholder: '1h', isOptional: true },
    ],
  },
];

const byKind = new Map(kSelectors.map((selector) => [selector.kind, selector]));
export const selectorOf = (kind: string): Selector | undefined => byKind.get(kind);

// One line of the editor: a selector with its values, or a rule that is only kept.
export interface Entry {
  key: number;
  kind: string;
  values: string[];
  fields: Record<string, string>;
  // Members that have no place in the form; written back as they were read.
  extra: Record<string, unknown>;
  // A rule that this editor does not know, whole.
  kept?: Rule;
}

let lastKey = 0;
export const newEntry = (kind: string): Entry => ({
  key: ++lastKey,
  kind,
  values: [],
  fields: {},
  extra: {},
});

function fromRule(rule: Rule): Entry {
  const [[kind, content] = ['', {}], ...more] = Object.entries(rule) as [
    string,
    Record<string, unknown>,
  ][];
  const selector = selectorOf(kind);
  const kept = { ...newEntry(kind), kept: rule };
  if (!selector || more.length > 0 || typeof content !== 'object' || !content) return kept;
  const extra = { ...content };
  const take = (name: string) => {
    const value = extra[name];
    delete extra[name];
    return value;
  };
  const entry = newEntry(kind);
  if (selector.form === 'texts' || selector.form === 'choices') {
    const value = take(selector.member);
    if (typeof value !== 'string') return kept;
    const read = selector.form === 'texts' ? selector.read : undefined;
    entry.values = [read ? read(value) : value];
  } else if (selector.form === 'fields') {
    for (const { name, isOptional } of selector.fields) {
      const value = take(name);
      if (value === undefined && isOptional) continue;
      if (typeof value !== 'string') return kept;
      entry.fields[name] = value;
    }
  }
  entry.extra = extra;
  return entry;
}

const isPlain = (entry: Entry) => !entry.kept && Object.keys(entry.extra).length === 0;

// Neighbours of one kind become one entry, so that ten addresses are not ten lines.
export function fromRules(rules: readonly Rule[] | undefined): Entry[] {
  const entries: Entry[] = [];
  for (const rule of rules ?? []) {
    const entry = fromRule(rule);
    const last = entries.at(-1);
    const isMore = last?.kind === entry.kind && isPlain(last) && isPlain(entry);
    if (isMore && entry.values.length > 0) last.values.push(...entry.values);
    else entries.push(entry);
  }
  return entries;
}

function toRulesOf(entry: Entry): Rule[] {
  if (entry.kept) return [entry.kept];
  const selector = selectorOf(entry.kind);
  const rule = (content: Record<string, unknown>) =>
    ({ [entry.kind]: { ...content, ...entry.extra } }) as Rule;
  if (!selector) return [];
  if (selector.form === 'none') return [rule({})];
  if (selector.form === 'fields') {
    const content: Record<string, string> = {};
    for (const { name, isOptional } of selector.fields) {
      const value = (entry.fields[name] ?? '').trim();
      if (value || !isOptional) content[name] = value;
    }
    // What the API asks for and nobody looks at.
    if (entry.kind === 'auth_context') content.id ??= content.ac_id ?? '';
    return [rule(content)];
  }
  const write = selector.form === 'texts' ? selector.write : undefined;
  return entry.values.map((value) =>
    rule({ [selector.member]: write ? write(value) : value.trim() }),
  );
}

export const toRules = (entries: readonly Entry[]): Rule[] => entries.flatMap(toRulesOf);

// The entry that a rule of toRules came from.
export function entryOfRule(entries: readonly Entry[], rule: number): number {
  let left = rule;
  for (const [index, entry] of entries.entries()) {
    left -= toRulesOf(entry).length;
    if (left < 0) return index;
  }
  return -1;
}

export function checkEntry(entry: Entry): string | undefined {
  const selector = selectorOf(entry.kind);
  if (entry.kept || !selector || selector.form === 'none') return undefined;
  if (selector.form === 'fields') {
    for (const { name, label, isOptional, check } of selector.fields) {
      const value = (entry.fields[name] ?? '').trim();
      if (!value && !isOptional) return `${label} is missing`;
      const wrong = value ? check?.(value) : undefined;
      if (wrong) return wrong;
    }
    return undefined;
  }
  if (entry.values.length === 0)
    return selector.form === 'texts' ? 'Enter at least one' : 'Choose at least one';
  if (selector.form === 'choices') return undefined;
  return entry.values.map((value) => selector.check?.(value.trim())).find((wrong) => wrong);
}

// Errors of a form by field: `include.e0` is about the first entry of its list `include`.
export function checkEntries(list: string, entries: readonly Entry[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [index, entry] of entries.entries()) {
    const wrong = checkEntry(entry);
    if (wrong) found[`${list}.e${index}`] = wrong;
  }
  return found;
}

// What is wrong with the whole list, and with each of its entries: found here, or said by the API
// about a rule (`include.3.ip.ip`).
export function entryErrors(
  errors: Record<string, string>,
  list: string,
  entries: readonly Entry[],
): { whole: string | undefined; each: Record<number, string> } {
  const each: Record<number, string> = {};
  for (const [name, message] of Object.entries(errors)) {
    if (!name.startsWith(`${list}.`)) continue;
    const [first = ''] = name.slice(list.length + 1).split('.');
    const index = first.startsWith('e') ? Number(first.slice(1)) : entryOfRule(entries, Number(first));
    if (Number.isInteger(index)) each[index] ??= message;
  }
  return { whole: errors[list], each };
}

// Which choices are needed to name what the rules name.
export function choicesIn(rules: readonly Rule[]): Set<ChoiceKind> {
  const found = new Set<ChoiceKind>();
  for (const rule of rules) {
    const selector = selectorOf(Object.keys(rule)[0] ?? '');
    if (selector?.form === 'choices') found.add(selector.choices);
    if (selector?.form === 'fields') found.add('login_method');
  }
  return found;
}

export type NameOf = (choices: ChoiceKind, value: string) => string;

// A list of rules in words, one text for each selector.
export function wordsOf(rules: readonly Rule[] | undefined, nameOf: NameOf): string[] {
  return fromRules(rules).map((entry) => {
    const selector = selectorOf(entry.kind);
    if (entry.kept || !selector) return JSON.stringify(entry.kept ?? entry.kind);
    switch (selector.form) {
      case 'none':
        return selector.label;
      case 'texts':
        return `${selector.label} ${entry.values.join(', ')}`;
      case 'choices':
        return `${selector.label}: ${entry.values.map((one) => nameOf(selector.choices, one)).join(', ')}`;
      case 'fields': {
        const shown = selector.fields
          .filter(({ name, providers }) => entry.fields[name] && !providers)
          .map(({ name }) => entry.fields[name]);
        const by = entry.fields.identity_provider_id;
        return `${selector.label} ${shown.join(' ')}${by ? ` (${nameOf('login_method', by)})` : ''}`;
      }
    }
  });
}
