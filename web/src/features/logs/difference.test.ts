import assert from 'node:assert/strict';
import test from 'node:test';
import { changeTitle, differences, eventWord } from './difference.ts';

test('only what differs is shown, by its path', () => {
  assert.deepEqual(
    differences(
      {
        name: 'Wiki',
        updated_at: '1',
        policies: [{ name: 'A', include: [{ everyone: {} }] }],
        tags: ['x'],
        cors: null,
      },
      {
        name: 'Wiki 2',
        updated_at: '2',
        policies: [{ name: 'A', include: [{ email: { email: 'a@b.c' } }] }],
        tags: ['x', 'y'],
        cors: null,
      },
    ),
    [
      { path: 'name', before: 'Wiki', after: 'Wiki 2' },
      { path: 'policies 1 › include 1 › everyone', before: 'empty', after: undefined },
      { path: 'tags', before: 'x', after: 'x, y' },
      { path: 'policies 1 › include 1 › email › email', before: undefined, after: 'a@b.c' },
    ],
  );
});

test('what was made or removed differs in everything', () => {
  assert.deepEqual(differences(undefined, { name: 'A', on: true }), [
    { path: 'name', before: undefined, after: 'A' },
    { path: 'on', before: undefined, after: 'true' },
  ]);
  assert.deepEqual(differences({ name: 'A' }, null), [
    { path: 'name', before: 'A', after: undefined },
  ]);
  assert.deepEqual(differences(undefined, undefined), []);
  assert.deepEqual(differences({ a: 1 }, { a: 1 }), []);
});

test('events are words', () => {
  assert.equal(eventWord('backup'), 'Made a backup');
  assert.equal(eventWord('moon_landed'), 'Moon landed');
  assert.equal(
    changeTitle('resource_changed', { kind: 'service_token', name: 'CI', what: 'added' }),
    'Added service token CI',
  );
  assert.equal(changeTitle('api_token_issued', { name: 'CI' }), 'Issued an API token: CI');
  assert.equal(changeTitle('backup', {}), 'Made a backup');
});
