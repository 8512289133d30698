import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkDomains,
  checkPath,
  domainMembers,
  domainsOf,
  hostsOf,
  toPolicies,
  toRequest,
  type Application,
} from './application.ts';

const kApplication: Application = {
  id: 'a',
  aud: 'b',
  created_at: '',
  updated_at: '',
  type: 'self_hosted',
  name: 'Wiki',
  domain: 'wiki.team.com/a',
  self_hosted_domains: ['wiki.team.com/a', 'old.team.com'],
  destinations: [{ type: 'public', uri: 'new.team.com/b' }],
  custom_deny_message: 'No',
  policies: [],
};

test('every domain once; every host once', () => {
  assert.deepEqual(domainsOf(kApplication), ['wiki.team.com/a', 'old.team.com', 'new.team.com/b']);
  assert.deepEqual(hostsOf({ ...kApplication, self_hosted_domains: ['wiki.team.com'] }), [
    'wiki.team.com',
    'new.team.com',
  ]);
});

test('a request has what was read, what was changed, and not what was taken out', () => {
  assert.deepEqual(toRequest(kApplication, { name: 'New', custom_deny_message: null }), {
    type: 'self_hosted',
    name: 'New',
    domain: 'wiki.team.com/a',
    self_hosted_domains: kApplication.self_hosted_domains,
    destinations: kApplication.destinations,
  });
});

test('domains are written where they were', () => {
  assert.deepEqual(domainMembers(kApplication, ['x.y', 'z.y']), {
    domain: 'x.y',
    self_hosted_domains: ['x.y', 'z.y'],
    destinations: [
      { type: 'public', uri: 'x.y' },
      { type: 'public', uri: 'z.y' },
    ],
  });
});

test('policies in order: own ones whole, reusable ones by id', () => {
  const own = {
    ...{ id: 'p', name: 'Own', decision: 'allow' as const, include: [{ everyone: {} }] },
    ...{ created_at: '', updated_at: '', precedence: 2, reusable: false },
  };
  assert.deepEqual(toPolicies([{ ...own, id: 'r', reusable: true }, own]), [
    { id: 'r' },
    { id: 'p', name: 'Own', decision: 'allow', include: [{ everyone: {} }] },
  ]);
});

test('paths and domains', () => {
  for (const good of ['', 'a', '/a/b', 'a/*/b*']) assert.equal(checkPath(good), undefined, good);
  for (const bad of ['a?b', 'a#b', 'a%20', 'a b', 'a//b', 'a/../b', 'a/**', 'a;b'])
    assert.ok(checkPath(bad), bad);
  assert.equal(checkDomains(['a.b/c', '*.a.b']), undefined);
  assert.match(checkDomains(['a.b', 'https://a.b']) ?? '', /^https:\/\/a\.b: /);
});
