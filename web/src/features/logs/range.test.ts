import assert from 'node:assert/strict';
import test from 'node:test';
import { toAsked, toLocalInput } from './range.ts';

const now = Date.parse('2026-01-31T08:00:00Z');

test('a range begins so long ago', () => {
  assert.deepEqual(toAsked('', '2026-01-01T00:00:00Z', '', now), {});
  assert.deepEqual(toAsked('1h', '', '', now), { since: '2026-01-31T07:00:00.000Z' });
  assert.deepEqual(toAsked('7d', 'ignored', 'ignored', now), {
    since: '2026-01-24T08:00:00.000Z',
  });
  assert.deepEqual(toAsked('own', '2026-01-01T00:00:00Z', 'soon', now), {
    since: '2026-01-01T00:00:00Z',
  });
  assert.deepEqual(toAsked('other', '', '', now), {});
});

test('a moment stands in its field and comes back', () => {
  const shown = toLocalInput('2026-01-31T08:05:59Z');
  assert.equal(new Date(shown).toISOString(), '2026-01-31T08:05:00.000Z');
  assert.equal(toLocalInput(''), '');
  assert.equal(toLocalInput('soon'), '');
});
