import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import {
  checkCheck,
  checkProvider,
  describeCheck,
  kProviderKinds,
  newCheck,
  newProvider,
  toCheckRequest,
  toCheckValues,
  toProviderConfig,
  toProviderValues,
} from './posture.ts';

const source = new URL('../../../../src/', import.meta.url);
const certificate = fs.readFileSync(new URL('jose/testdata/keys/p256.pem', source), 'utf8');
const now = new Date('2027-01-01T00:00:00Z');
const surroundings = { names: ['Demo agent'], checkNames: ['Managed'], now };

test('what a new provider sends', () => {
  const values = newProvider();
  assert.equal(values.config.port, '17472');
  values.config.public_certificate = certificate;
  assert.deepEqual(toProviderConfig(values), { port: 17472, public_certificate: certificate });
  assert.ok(values.makeCheck);
});

test('a profile both ways, and what the form does not show stays', () => {
  const config = {
    port: 17473,
    public_certificate: certificate,
    exchange: {
      candidates: ['http://127.0.0.1:{port}', 'http://localhost:{port}'],
      request: { nonce_field: '', extra: { v: 1 } },
      timeouts: { exchange_ms: 800 },
      delivery: 'browser',
    },
    token: { algs: ['ES256'], max_age: '30s' },
    claims: { managed_true_values: [true] },
    managed: { missing_last_checkin: 'fail' },
  };
  assert.deepEqual(toProviderConfig(toProviderValues({ name: 'x', config }), config), config);
  // What is emptied goes, and leaves no empty object.
  const values = toProviderValues({ name: 'x', config });
  values.config.token = { algs: '', max_age: ' ' };
  assert.equal(toProviderConfig(values, config).token, null);
});

test('several certificates in a list are one text', () => {
  const values = toProviderValues({ name: 'x', config: { public_certificate: ['a\n', 'b'] } });
  assert.equal(values.config.public_certificate, 'a\nb');
});

test('what is refused beside its field before anything is sent', () => {
  const with_ = (change: { name?: string; port?: string; certificate?: string }) => {
    const values = newProvider();
    values.name = change.name ?? values.name;
    values.config.port = change.port ?? '17472';
    values.config.public_certificate = change.certificate ?? certificate;
    return checkProvider(values, surroundings);
  };
  assert.deepEqual(Object.values(with_({})).filter(Boolean), []);
  for (const port of ['', '0', '65536', '-1', '1.5', 'x', '99999'])
    assert.match(with_({ port })['config.port'] ?? '', /1 to 65535/, port);
  for (const port of ['1', '65535']) assert.equal(with_({ port })['config.port'], undefined);
  assert.match(with_({ name: 'Demo agent' }).name ?? '', /of this name already/);
  assert.match(with_({ name: ' ' }).name ?? '', /Give it a name/);
  assert.match(with_({ name: 'ä'.repeat(128) }).name ?? '', /255/);
  assert.match(with_({ name: 'Managed' }).makeCheck ?? '', /There is a check called Managed/);
  assert.match(with_({ certificate: 'x' })['config.public_certificate'] ?? '', /not a certificate/);

  const values = newProvider();
  values.config.public_certificate = 'broken';
  values.config.exchange = { request: { extra: '{' }, timeouts: { exchange_ms: 'soon' } };
  const found = checkProvider(values, { ...surroundings, unchanged: 'broken' });
  assert.equal(found['config.public_certificate'], undefined);
  assert.equal(found['config.exchange.request.extra'], 'Must be JSON');
  assert.equal(found['config.exchange.timeouts.exchange_ms'], 'Must be a whole number');
});

test('checks both ways', () => {
  const values = newCheck('integration');
  values.name = 'Tanium';
  assert.deepEqual(toCheckRequest(values), {
    name: 'Tanium',
    type: 'tanium',
    expiration: '1h',
    input: { connection_id: 'integration', managed: true, max_checkin_age: '168h' },
  });
  values.input.patched = true;
  values.input.vulnerability_operator = '<';
  values.input.vulnerability_score = '7.5';
  values.description = 'All laptops';
  const request = toCheckRequest(values);
  const check = { id: '1', ...request, input: request.input as Record<string, unknown> };
  assert.deepEqual(toCheckValues(check), values);
  assert.equal(
    describeCheck(check, (text) => text),
    'managed, checked in within 168h, patched, vulnerability score below 7.5',
  );
  assert.match(describeCheck({ id: '1', name: 'x', type: 'firewall' }, String), /never passed/);
});

test('what is wrong with a check', () => {
  const values = newCheck();
  values.input.vulnerability_operator = '<';
  values.input.max_checkin_age = 'x';
  const found = checkCheck(values, []);
  for (const field of ['name', 'input.connection_id', 'input.max_checkin_age', 'input.vulnerability_score'])
    assert.ok(found[field], field);
  values.name = 'Managed';
  assert.match(checkCheck(values, ['Managed']).name ?? '', /already/);
});

test('providers that work are those that the gateway has', () => {
  const folders = fs
    .readdirSync(new URL('posture/', source), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const working: string[] = kProviderKinds.filter(({ works }) => works).map(({ type }) => type);
  assert.deepEqual(working.sort(), folders.sort());
});
