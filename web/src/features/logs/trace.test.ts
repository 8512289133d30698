import assert from 'node:assert/strict';
import test from 'node:test';
import { linesOf, outcomeWord, sentence, verdictOf, wasOf, type Explained } from './trace.ts';

const explained = (outcome: 'true' | 'false' | 'unknown', reason: string): Explained => ({
  at: '2026-01-31T08:00:00Z',
  application: { id: 'app', name: 'Wiki', hostname: 'wiki.example.com' },
  effect: 'deny',
  reason,
  challenge: 'none',
  policy: null,
  told: { title: '', advice: '', remedy: '' },
  inputs: [],
  policies: [
    {
      kind: 'policy',
      id: 'p1',
      name: 'Staff',
      action: 'allow',
      asked: true,
      decided: false,
      outcome,
      reason,
      parts: [
        {
          kind: 'list',
          name: 'include',
          outcome: 'true',
          reason: 'none',
          parts: [{ kind: 'selector', name: 'everyone', outcome, reason }],
        },
      ],
    },
    { kind: 'policy', id: 'p2', name: 'Rest', action: 'deny', asked: false, decided: false },
  ],
});

test('every line has a place', () => {
  assert.deepEqual(
    [...linesOf(explained('false', 'posture_stale'))],
    [
      ['p1', { outcome: 'false', reason: 'posture_stale' }],
      ['p1/0', { outcome: 'true', reason: 'none' }],
      ['p1/0/0', { outcome: 'false', reason: 'posture_stale' }],
      ['p2', { outcome: 'not asked', reason: 'none' }],
    ],
  );
});

test('only what differs was something else', () => {
  const before = linesOf(explained('unknown', 'posture_stale'));
  assert.deepEqual(wasOf(before, 'p1', { outcome: 'true', reason: 'none' }), {
    outcome: 'unknown',
    reason: 'posture_stale',
  });
  assert.equal(wasOf(before, 'p1', { outcome: 'unknown', reason: 'posture_stale' }), undefined);
  assert.equal(wasOf(before, 'p2', {}), undefined);
  assert.equal(wasOf(before, 'p3', { outcome: 'true', reason: 'none' }), undefined);
  assert.equal(wasOf(undefined, 'p1', { outcome: 'true', reason: 'none' }), undefined);
});

test('verdicts are words', () => {
  for (const [effect, challenge, word] of [
    ['allow', 'none', 'Let in'],
    ['bypass', 'none', 'Let in without sign-in'],
    ['deny', 'none', 'Refused'],
    ['challenge', 'posture', 'Asked to have the device checked'],
    ['challenge', 'sign_in', 'Asked to sign in'],
    ['challenge', 'purpose', 'Asked for a reason'],
  ] as const) {
    assert.equal(verdictOf({ effect, challenge }).word, word);
  }
  assert.equal(outcomeWord('unknown'), 'cannot tell');
});

test('the gateway’s words begin a line', () => {
  assert.equal(sentence('email domain is `team.com`'), 'Email domain is “team.com”');
  assert.equal(sentence(''), '');
});
