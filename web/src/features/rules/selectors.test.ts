import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import {
  checkEntries,
  checkEntry,
  checkNetwork,
  entryErrors,
  fromRules,
  kSelectors,
  newEntry,
  toRules,
  wordsOf,
  type Rule,
} from './selectors.ts';

const kProvider = 'f174e90a-fafe-4643-bbbc-4a0ed4fc8415';
// One rule of each kind, as the API has it, and what people read.
const kRules: [Rule, string][] = [
  [{ email_domain: { domain: 'team.com' } }, 'Emails ending in @team.com'],
  [{ email: { email: 'alice@team.com' } }, 'Emails alice@team.com'],
  [{ everyone: {} }, 'Everyone'],
  [{ group: { id: 'g' } }, 'Access groups: the g'],
  [{ email_list: { id: 'l' } }, 'Email lists: the l'],
  [{ login_method: { id: 'm' } }, 'Login methods: the m'],
  [{ azureAD: { id: 'o', identity_provider_id: kProvider } }, `Azure groups o (the ${kProvider})`],
  [
    { gsuite: { email: 's@team.com', identity_provider_id: kProvider } },
    `Google Workspace groups s@team.com (the ${kProvider})`,
  ],
  [
    { 'github-organization': { name: 'team', team: 'a', identity_provider_id: kProvider } },
    `GitHub organization team a (the ${kProvider})`,
  ],
  [{ okta: { name: 'Staff', identity_provider_id: kProvider } }, `Okta groups Staff (the ${kProvider})`],
  [
    { saml: { attribute_name: 'a', attribute_value: 'b', identity_provider_id: kProvider } },
    `SAML attribute a b (the ${kProvider})`,
  ],
  [
    { oidc: { claim_name: 'a', claim_value: 'b', identity_provider_id: kProvider } },
    `OIDC claim a b (the ${kProvider})`,
  ],
  [{ auth_method: { auth_method: 'mfa' } }, 'Authentication method mfa'],
  [
    { auth_context: { id: 'x', ac_id: 'c1', identity_provider_id: kProvider } },
    `Azure authentication context c1 x (the ${kProvider})`,
  ],
  [{ device_posture: { integration_uid: 'p' } }, 'Device Posture: the p'],
  [{ certificate: {} }, 'Valid certificate'],
  [{ common_name: { common_name: 'laptop' } }, 'Common name laptop'],
  [{ ip: { ip: '192.0.2.0/24' } }, 'IP ranges 192.0.2.0/24'],
  [{ ip_list: { id: 'l' } }, 'IP lists: the l'],
  [{ geo: { country_code: 'DE' } }, 'Country: the DE'],
  [{ service_token: { token_id: 't' } }, 'Service token: the t'],
  [{ any_valid_service_token: {} }, 'Any valid service token'],
  [
    { external_evaluation: { evaluate_url: 'https://e/', keys_url: 'https://k/' } },
    'External evaluation https://e/ https://k/',
  ],
];

test('each selector is read, written back the same, right, and said in words', () => {
  for (const [rule, words] of kRules) {
    const entries = fromRules([rule]);
    assert.equal(entries.length, 1);
    assert.equal(entries[0]?.kept, undefined, JSON.stringify(rule));
    assert.deepEqual(toRules(entries), [rule]);
    assert.deepEqual(checkEntries('include', entries), {}, JSON.stringify(rule));
    assert.deepEqual(wordsOf([rule], (_, value) => `the ${value}`), [words]);
  }
});

test('there is a selector for every kind that the gateway evaluates', () => {
  const known = new Set(kRules.map(([rule]) => Object.keys(rule)[0]));
  assert.deepEqual(new Set(kSelectors.map(({ kind }) => kind)), known);
  const reference = fs.readFileSync(
    new URL('../../../../docs/reference/selectors.md', import.meta.url),
    'utf8',
  );
  const documented = [...reference.matchAll(/^\| `\{"([\w-]+)"/gm)].map(([, kind]) => kind as string);
  assert.deepEqual(new Set(documented), known);
});

test('an entry without its values is refused, whatever its kind', () => {
  for (const { kind, form } of kSelectors) {
    const wrong = checkEntry(newEntry(kind));
    if (form === 'none') assert.equal(wrong, undefined, kind);
    else assert.ok(wrong, kind);
  }
});

test('neighbours of one kind are one entry; order and unknown members stay', () => {
  const rules = [
    { email: { email: 'a@team.com' } },
    { email: { email: 'b@team.com' } },
    { device_posture: { integration_uid: 'p', account_id: 'x' } },
    { device_posture: { integration_uid: 'q' } },
    { email: { email: 'c@team.com' } },
  ] as Rule[];
  const entries = fromRules(rules);
  assert.equal(entries.length, 4);
  assert.deepEqual(toRules(entries), rules);
});

test('a rule of an unknown kind or shape is kept whole', () => {
  const rules = [
    { user_risk_score: { user_risk_score: ['low'] } },
    { email: { email: 7 } },
    { email: { email: 'a@team.com' }, everyone: {} },
  ] as unknown as Rule[];
  const entries = fromRules(rules);
  assert.ok(entries.every(({ kept }) => kept));
  assert.deepEqual(toRules(entries), rules);
  assert.deepEqual(checkEntries('include', entries), {});
});

test('what is typed is written as the API has it', () => {
  const ending = { ...newEntry('email_domain'), values: ['@Team.com', 'other.org'] };
  assert.deepEqual(toRules([ending]), [
    { email_domain: { domain: 'team.com' } },
    { email_domain: { domain: 'other.org' } },
  ]);
  const github = {
    ...newEntry('github-organization'),
    fields: { name: ' team ', team: '', identity_provider_id: 'i' },
  };
  assert.deepEqual(toRules([github]), [
    { 'github-organization': { name: 'team', identity_provider_id: 'i' } },
  ]);
  const context = {
    ...newEntry('auth_context'),
    fields: { ac_id: 'c1', identity_provider_id: 'i' },
  };
  assert.deepEqual(toRules([context]), [
    { auth_context: { ac_id: 'c1', id: 'c1', identity_provider_id: 'i' } },
  ]);
});

test('values are checked before they are sent', () => {
  const cases: [string, string, boolean][] = [
    ['email_domain', '@team.com', true],
    ['email_domain', 'team.com', true],
    ['email_domain', 'alice@team.com', false],
    ['email_domain', '@', false],
    ['email_domain', 'team com', false],
    ['email', 'alice@team.com', true],
    ['email', 'alice', false],
    ['email', 'alice@', false],
    ['email', '@team.com', false],
  ];
  for (const [kind, value, isGood] of cases)
    assert.equal(checkEntry({ ...newEntry(kind), values: [value] }) === undefined, isGood, value);
  const networks: [string, boolean][] = [
    ['192.0.2.0/24', true],
    ['192.0.2.1', true],
    ['2001:db8::/48', true],
    ['::1', true],
    ['192.0.2.0/33', false],
    ['256.0.0.1', false],
    ['192.0.2', false],
    ['2001:db8::/129', false],
    ['192.0.2.0/24/1', false],
    ['x', false],
    ['', false],
  ];
  for (const [value, isGood] of networks)
    assert.equal(checkNetwork(value) === undefined, isGood, value);
});

test('what the API says about a rule stands beside its entry', () => {
  const entries = fromRules([
    { email: { email: 'a@team.com' } },
    { email: { email: 'b@team.com' } },
    { ip: { ip: 'x' } },
  ]);
  assert.deepEqual(
    entryErrors({ 'include.2.ip.ip': 'bad', include: 'all bad', 'exclude.0': 'no' }, 'include', entries),
    { whole: 'all bad', each: { 1: 'bad' } },
  );
  assert.deepEqual(entryErrors({ 'include.e0': 'x' }, 'include', entries).each, { 0: 'x' });
});
