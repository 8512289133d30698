import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationProblem, joinDuration, splitDuration } from './duration_value.ts';

test('durations both ways', () => {
  for (const [text, amount, unit] of [
    ['168h', '7', 'd'],
    ['24h', '1', 'd'],
    ['36h', '36', 'h'],
    ['1h30m', '90', 'm'],
    ['45s', '45', 's'],
  ] as const) {
    assert.deepEqual(splitDuration(text), { amount, unit });
    assert.deepEqual(splitDuration(joinDuration(amount, unit)), { amount, unit });
  }
  assert.equal(joinDuration('7', 'd'), '168h');
  assert.equal(joinDuration('1.5', 'd'), '36h');
  assert.equal(joinDuration('', 'd'), '');
});

test('what is refused', () => {
  assert.equal(durationProblem('168h'), undefined);
  assert.equal(durationProblem('', { optional: true }), undefined);
  for (const text of ['', '0h', joinDuration('-1', 'd'), joinDuration('x', 'h'), '90000h'])
    assert.ok(durationProblem(text), text);
});
