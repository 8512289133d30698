import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageOf, parseDuration, toAge, toDuration } from './time.ts';

test('ages', () => {
  assert.equal(toAge(-90), '1 minute ago');
  assert.equal(toAge(-86_400), 'yesterday');
  assert.equal(toAge(7200), 'in 2 hours');
  assert.equal(toAge(0), 'now');
  assert.equal(ageOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:05:00Z')), '5 minutes ago');
  assert.equal(ageOf('never'), 'never');
});

test('durations', () => {
  assert.equal(toDuration(90), '1 minute 30 seconds');
  assert.equal(toDuration(86_400), '1 day');
  assert.equal(toDuration(0), '0 seconds');
  for (const [text, seconds] of [
    ['24h', 86_400],
    ['1h30m', 5400],
    ['45s', 45],
  ] as const)
    assert.equal(parseDuration(text), seconds);
  for (const text of ['', '1d', 'h', '-1h', '1 h']) assert.equal(parseDuration(text), null);
});
