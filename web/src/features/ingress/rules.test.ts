import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkHost,
  checkService,
  joinDomain,
  ruleFor,
  splitDomain,
  withRule,
  withoutRule,
  type Rules,
} from './rules.ts';

const kRules: Rules = [
  { hostname: 'wiki.team.com', path: '^/api', service: 'http://api:1' },
  { hostname: 'wiki.team.com', service: 'http://wiki:1' },
  { hostname: '*.team.com', service: 'http://all:1' },
  { service: 'http_status:404' },
];

test('the rule of a host: exact, by wildcard, none', () => {
  assert.equal(ruleFor(kRules, 'Wiki.team.com')?.service, 'http://wiki:1');
  assert.equal(ruleFor(kRules, 'mail.team.com')?.service, 'http://all:1');
  assert.equal(ruleFor(kRules, 'team.com'), undefined);
  assert.equal(ruleFor(kRules, 'other.org'), undefined);
});

test('a new rule stands before what would take its requests, and can be taken back', () => {
  const mail = { hostname: 'mail.team.com', service: 'http://mail:1' };
  const more = withRule(kRules, mail);
  assert.deepEqual(more[2], mail);
  assert.deepEqual(withoutRule(more, 'mail.team.com'), kRules);
  const other = { hostname: 'other.org', service: 'http://o:1' };
  assert.deepEqual(withRule(kRules, other)[3], other);
  assert.deepEqual(withRule([], other), [other]);
  const changed = withRule(kRules, { hostname: 'wiki.team.com', service: 'http://new:1' });
  assert.equal(changed.length, kRules.length);
  assert.equal(changed[1]?.service, 'http://new:1');
});

test('services and hosts', () => {
  for (const good of ['http://a', 'https://a:1', 'http://[::1]:80', 'unix:/run/a.sock', 'http_status:404'])
    assert.equal(checkService(good), undefined, good);
  for (const bad of ['', 'a', 'ftp://a', 'http://a/', 'http://a:0', 'http://a:65536', 'http_status:100', 'unix:a'])
    assert.ok(checkService(bad), bad);
  for (const good of ['a.b', 'wiki.team.com', '*.team.com']) assert.equal(checkHost(good), undefined);
  for (const bad of ['', 'wiki', 'https://wiki.team.com', 'wiki.team.com/a', 'wiki.team.com:1', 'a b.c', '*.*.c'])
    assert.ok(checkHost(bad), bad);
});

test('domains', () => {
  assert.deepEqual(splitDomain('a.b/c/d'), { host: 'a.b', path: 'c/d' });
  assert.deepEqual(splitDomain('a.b'), { host: 'a.b', path: '' });
  assert.equal(joinDomain(' A.b ', '/c'), 'a.b/c');
  assert.equal(joinDomain('a.b', ''), 'a.b');
});
