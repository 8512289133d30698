import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, fieldErrors, otherErrors, toFieldName } from './field_errors.ts';

test('a JSON pointer names a field', () => {
  assert.equal(toFieldName('/config/client_id'), 'config.client_id');
  assert.equal(toFieldName('/a~1b/~0c'), 'a/b.~c');
  assert.equal(toFieldName(''), '');
});

test('what the API refuses is found beside its field, and nothing is lost', () => {
  const errors = fieldErrors([
    { pointer: '/name', message: 'name: is taken' },
    { pointer: '/config/port', message: 'must be 1 to 65535' },
    { pointer: '/policies/1/name', message: 'policies[1].name: is taken as well' },
    { pointer: '', message: 'nothing else' },
  ]);
  assert.equal(errorOf(errors, 'name'), 'is taken');
  assert.equal(errorOf(errors, 'config'), 'must be 1 to 65535');
  assert.equal(errorOf(errors, 'nam'), undefined);
  assert.deepEqual(otherErrors(errors, ['name']), [
    'config.port: must be 1 to 65535',
    'policies.1.name: is taken as well',
    'nothing else',
  ]);
});
