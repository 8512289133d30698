import assert from 'node:assert/strict';
import test from 'node:test';
import { matching, referenceEntry } from './palette_entries.ts';

test('a reference is recognized, nothing else is', () => {
  const reference = 'A3f1c2d4e5f60718293a4b5c6d7e8f90';
  assert.equal(
    referenceEntry(` ${reference}\n`)?.href,
    `/logs/decisions/${reference.toLowerCase()}`,
  );
  assert.ok(referenceEntry(reference.slice(0, 16)));
  for (const text of [
    '',
    'alice',
    'abcdef',
    reference.slice(0, 15),
    `${reference}0`,
    'g'.repeat(32),
  ])
    assert.equal(referenceEntry(text), undefined, text);
});

test('pages are found by any of their words', () => {
  const groups = [
    { label: 'Access', items: [{ key: 'a', title: 'Policy tester', href: '/access/tester' }] },
    { label: 'Logs', items: [{ key: 'b', title: 'Audit', href: '/logs/audit' }] },
  ];
  assert.equal(matching(groups, '').length, 2);
  assert.deepEqual(
    matching(groups, 'TESTER access').map(({ label }) => label),
    ['Access'],
  );
  assert.deepEqual(
    matching(groups, 'log').map(({ label }) => label),
    ['Logs'],
  );
  assert.deepEqual(matching(groups, 'nothing'), []);
});
