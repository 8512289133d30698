import assert from 'node:assert/strict';
import test from 'node:test';
import { ageWord, kSpans, sinceOf, slotOf, spanOf } from './slots.ts';

test('a span ends now and has as many columns as it says', () => {
  const now = Date.parse('2026-01-31T08:30:00Z');
  assert.equal(sinceOf(kSpans[0], now), '2026-01-30T09:00:00.000Z');
  assert.equal(sinceOf(kSpans[1], now), '2026-01-25T00:00:00.000Z');
  assert.equal(sinceOf(kSpans[2], now), '2026-01-02T00:00:00.000Z');
});

test('an unknown span is the first', () => {
  assert.equal(spanOf('7d').hours, 168);
  assert.equal(spanOf('').hours, 24);
  assert.equal(spanOf('1y').hours, 24);
});

test('days are those of the gateway', () => {
  assert.deepEqual(slotOf('2026-01-31T00:00:00Z', 'day'), {
    label: '31 Jan',
    title: 'Sat 31 Jan (UTC)',
  });
});

test('ages are words', () => {
  assert.equal(ageWord(3600), 'Up to an hour old');
  assert.equal(ageWord(null), 'Older');
  assert.equal(ageWord(7200), 'Up to 2 hours old');
});
