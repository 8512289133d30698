import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { checkToken, kScopes, toTokenRequest, type TokenValues } from './token.ts';

const values: TokenValues = { name: ' Terraform ', role: 'administrator', isLimited: false, scopes: ['access/apps'], days: '30' };
const now = new Date('2030-01-01T00:00:00.123Z');

test('the scopes are those of the API', () => {
  const description = fs.readFileSync(new URL('../../../../api/openapi.yaml', import.meta.url), 'utf8');
  const scopes = new Set([...description.matchAll(/^ {6}x-scope: (\S+)$/gm)].map(([, scope]) => scope));
  // Open to every token.
  scopes.delete('gatehouse/me');
  assert.deepEqual(kScopes.map(({ value }) => value).sort(), [...scopes].sort());
});

test('what is sent', () => {
  assert.deepEqual(toTokenRequest(values, now), {
    name: 'Terraform',
    role: 'administrator',
    scopes: [],
    expires_at: '2030-01-31T00:00:00Z',
  });
  assert.deepEqual(toTokenRequest({ ...values, isLimited: true, days: '' }, now), {
    name: 'Terraform',
    role: 'administrator',
    scopes: ['access/apps'],
  });
});

test('what is wrong', () => {
  const wrong = (change: object) =>
    Object.entries(checkToken({ ...values, ...change }, ['Taken'])).filter(([, problem]) => problem).map(([name]) => name);
  assert.deepEqual(wrong({}), []);
  assert.deepEqual(wrong({ name: '' }), ['name']);
  assert.deepEqual(wrong({ name: 'Taken' }), ['name']);
  assert.deepEqual(wrong({ name: 'a'.repeat(101) }), ['name']);
  assert.deepEqual(wrong({ isLimited: true, scopes: [] }), ['scopes']);
});
