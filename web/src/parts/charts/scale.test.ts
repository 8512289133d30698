import assert from 'node:assert/strict';
import test from 'node:test';
import { labelStride, stack, ticks, toCount, toShortCount } from './scale.ts';

test('ticks reach the largest value in few, easy steps', () => {
  for (const [largest, expected] of [
    [0, [0, 1]],
    [-3, [0, 1]],
    [Number.NaN, [0, 1]],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [4, [0, 1, 2, 3, 4]],
    [5, [0, 2, 4, 6]],
    [100, [0, 50, 100]],
    [101, [0, 50, 100, 150]],
    [19_999, [0, 5000, 10_000, 15_000, 20_000]],
  ] as [number, number[]][]) {
    assert.deepEqual(ticks(largest), expected, `${largest}`);
  }
  for (let largest = 1; largest < 5000; largest += 7) {
    const found = ticks(largest);
    assert.ok((found.at(-1) as number) >= largest && found.length <= 6, `${largest}: ${found}`);
    assert.ok(found.every(Number.isInteger));
  }
});

test('labels are left out where they would touch', () => {
  assert.equal(labelStride(24, 600, 40), 2);
  assert.equal(labelStride(7, 600, 40), 1);
  assert.equal(labelStride(0, 600, 40), 1);
  assert.equal(labelStride(24, 0, 40), 1);
});

test('values stand on each other', () => {
  assert.deepEqual(stack([2, 0, 3]), [
    { from: 0, to: 2 },
    { from: 2, to: 2 },
    { from: 2, to: 5 },
  ]);
  assert.deepEqual(stack([]), []);
});

test('counts are written for people', () => {
  assert.equal(toCount(1_234_567), '1,234,567');
  assert.equal(toShortCount(1500), '1.5K');
  assert.equal(toShortCount(12), '12');
});
