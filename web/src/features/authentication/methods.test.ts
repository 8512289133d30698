import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import {
  checkMethod,
  freeName,
  kMethods,
  methodKind,
  redirectUrl,
  toMethodRequest,
  toMethodValues,
  type MethodKind,
} from './methods.ts';

const kind = (type: string) => {
  const found = methodKind(type);
  assert.ok(found, type);
  return found;
};
const tenant = '01234567-89ab-cdef-0123-456789abcdef';

test('what is offered is what the gateway can sign in with', () => {
  const list = fs.readFileSync(
    new URL('../../../../src/identity/kinds.cmake', import.meta.url),
    'utf8',
  );
  const folders = (/GATEHOUSE_IDENTITY_KINDS\n([^)]*)\)/.exec(list)?.[1] ?? '').split(/\s+/).filter(Boolean);
  const types = folders.map(
    (folder) => new RegExp(`GATEHOUSE_TYPE_OF_${folder} ([^)]+)\\)`).exec(list)?.[1] ?? folder,
  );
  assert.ok(types.includes('azureAD'));
  assert.deepEqual(kMethods.map(({ type }) => type).sort(), ['onetimepin', ...types].sort());
});

test('every field both ways', () => {
  for (const method of kMethods) {
    const config: Record<string, unknown> = {};
    for (const { key, kind: form, choices } of method.fields)
      config[key] =
        form === 'switch' ? true : form === 'lines' ? ['a', 'b'] : (choices?.at(-1)?.value ?? 'text');
    const { client_secret: secret, ...shown } = config;
    const values = toMethodValues(method, { name: 'x', config });
    if (secret) assert.equal(values.config.client_secret, '', method.type);
    assert.deepEqual(toMethodRequest(method, values, shown).config, shown, method.type);
    if (secret) values.config.client_secret = 'text';
    assert.deepEqual(toMethodRequest(method, values, shown).config, config, method.type);
  }
});

test('what is not shown stays, and what the API only shows is not sent back', () => {
  const method = kind('oidc');
  const config = { issuer: 'https://a.example', client_id: 'b', leeway_seconds: 5, redirect_url: 'x' };
  const values = toMethodValues(method, { name: 'x', config });
  assert.equal(values.config.pkce_enabled, true);
  assert.deepEqual(toMethodRequest(method, values, config).config, {
    issuer: 'https://a.example',
    client_id: 'b',
    leeway_seconds: 5,
  });
});

test('what is wrong is told beside its field', () => {
  const azure = kind('azureAD');
  const problems = (
    method: MethodKind,
    config: Record<string, string>,
    surroundings = { names: ['Taken'], hasSecret: false },
    name = 'New',
  ) =>
    Object.entries(checkMethod(method, { name, config }, surroundings))
      .filter(([, problem]) => problem)
      .map(([field]) => field);
  const whole = { client_id: tenant, client_secret: 's', directory_id: tenant };
  assert.deepEqual(problems(azure, whole), []);
  assert.deepEqual(problems(azure, whole, undefined, 'Taken'), ['name']);
  assert.deepEqual(problems(azure, {}), ['config.client_id', 'config.client_secret', 'config.directory_id']);
  assert.deepEqual(problems(azure, { ...whole, client_secret: '' }, { names: [], hasSecret: true }), []);
  assert.deepEqual(problems(azure, { ...whole, directory_id: 'contoso' }), ['config.directory_id']);
  assert.deepEqual(problems(kind('oidc'), { issuer: 'login.example.com', client_id: 'a' }), ['config.issuer']);
  assert.deepEqual(problems(kind('oidc'), { issuer: 'https://a.example?b', client_id: 'a' }), ['config.issuer']);
  assert.deepEqual(problems(kind('onetimepin'), {}), []);
  assert.deepEqual(
    problems(kind('google-apps'), { client_id: 'a', client_secret: 'b', apps_domain: 'https://x' }),
    ['config.apps_domain'],
  );
});

test('a second one has a name of its own', () => {
  assert.equal(freeName('Azure AD', []), 'Azure AD');
  assert.equal(freeName('Azure AD', ['Azure AD']), 'Azure AD 2');
  assert.equal(freeName('Azure AD', ['Azure AD', 'Azure AD 2']), 'Azure AD 3');
  assert.equal(redirectUrl('auth.example.com:8443'), 'https://auth.example.com:8443/cdn-cgi/access/callback');
});
