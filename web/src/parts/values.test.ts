import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rebased, valueAt, withValueAt } from './values.ts';

test('a value within is read and written, and nothing else changes', () => {
  const values = { name: 'Tanium', config: { port: '17472', exchange: { path: '' } } };
  assert.equal(valueAt(values, 'config.exchange.path'), '');
  assert.equal(valueAt(values, 'config.token.issuer'), undefined);
  assert.deepEqual(withValueAt(values, 'config.exchange.path', '/x').config, {
    port: '17472',
    exchange: { path: '/x' },
  });
  assert.deepEqual(withValueAt(values, 'a.b', 1), { ...values, a: { b: 1 } });
  assert.equal(values.config.exchange.path, '');
});

test('what was typed stays, and the rest is what it is now', () => {
  const start = { name: 'a', list: ['x'], input: { managed: true, age: '1h' } };
  const typed = { name: 'a', list: ['x'], input: { managed: false, age: '1h' } };
  const next = { name: 'b', list: ['y'], input: { managed: true, age: '2h' } };
  assert.deepEqual(rebased(start, typed, next), {
    name: 'b',
    list: ['y'],
    input: { managed: false, age: '2h' },
  });
  assert.deepEqual(rebased({ list: ['x'] }, { list: ['z'] }, { list: ['y'] }), { list: ['z'] });
});
