// Tests from the dashboard: a real sign-in or check of a device in the administrator's own browser,
// which signs nobody in.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from '../harness/api.mjs';
import { textOf } from '../harness/html.mjs';
import { kPin, kProvider, kTanium, startLab } from '../harness/lab.mjs';
import { SignIn } from '../harness/signin.mjs';

const kBase = '/accounts/{account_id}';
let lab;
let api;
before(async () => {
  lab = await startLab({
    idp: true,
    smtp: true,
    agent: true,
    config(c) {
      // Client secret as somebody mistyped it, and a provider that is not there.
      const [entry] = c.identity_providers.filter(({ name }) => name === kProvider);
      c.identity_providers.push(
        { ...entry, name: 'Wrong secret', config: { ...entry.config, client_secret: 'wrong' } },
        {
          ...entry,
          name: 'Nowhere',
          config: { ...entry.config, issuer: 'https://127.0.0.1:1' },
        },
      );
      // No application allows any but the code by mail.
      for (const one of c.applications) one.allowed_idps = [kPin];
      c.device_posture_integrations.push({
        name: 'Other key',
        type: 'tanium',
        config: {
          ...c.device_posture_integrations[0].config,
          public_certificate:
            '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n',
        },
      });
    },
  });
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await lab?.stop();
});

const start = (body) => api.post(`${kBase}/gatehouse/tests`, body);
const login = (name) => start({ kind: 'login', identity_provider_id: name });
const device = (name) => start({ kind: 'device', integration_id: name });
const read = ({ id }) => api.get(`${kBase}/gatehouse/tests/${id}`);
const open = async (started, how = {}) => {
  const flow = new SignIn(lab, lab.browser());
  return flow.finish(await flow.follow(await flow.navigate(started.url)), how);
};
const noSession = async () =>
  assert.deepEqual(await api.get(`${kBase}/gatehouse/sessions`), [], 'somebody was signed in');

describe('a login method', () => {
  test('that no application allows: what the provider said, and nobody is signed in', async () => {
    const started = await login(kProvider);
    assert.equal((await read(started)).state, 'waiting');
    const last = await open(started, { credentials: { user: 'alice' } });
    assert.equal(last.status, 200, textOf(last.text));
    assert.match(textOf(last.text), /close this tab/);
    const result = await read(started);
    assert.equal(result.state, 'succeeded', JSON.stringify(result));
    assert.equal(result.login.email, 'alice@corp.example');
    assert.ok(result.login.subject);
    assert.ok(!JSON.stringify(result).includes('eyJ'), 'a token in the result');
    await noSession();
  });
  test('by code', async () => {
    const started = await login(kPin);
    await open(started, { address: 'stranger@elsewhere.example' });
    const result = await read(started);
    assert.equal(result.login?.email, 'stranger@elsewhere.example', JSON.stringify(result));
    await noSession();
  });
  test('with a wrong client secret: says so', async () => {
    const started = await login('Wrong secret');
    await open(started, { credentials: { user: 'alice' } });
    const { state, failure } = await read(started);
    assert.equal(state, 'failed');
    assert.equal(failure.code, 'invalid_client', JSON.stringify(failure));
    assert.match(failure.hint, /client secret/);
    assert.ok(!JSON.stringify(failure).includes('wrong"'));
  });
  test('whose provider is not there: says so', async () => {
    const started = await login('Nowhere');
    await open(started);
    const { state, failure } = await read(started);
    assert.equal(state, 'failed');
    assert.match(failure.hint, /reaches the provider/, JSON.stringify(failure));
  });
  test('the URL works once, and the result is for whoever started it', async () => {
    const started = await login(kPin);
    const browser = lab.browser();
    assert.equal((await browser.navigate(started.url)).status, 200);
    assert.equal((await lab.browser().navigate(started.url)).status, 400);
    const other = await connect(lab.gateway);
    const answer = await other.request('GET', `${kBase}/gatehouse/tests/${started.id}`);
    assert.equal(answer.status, 404);
    other.close();
  });
});

describe('a device', () => {
  test('its verified evidence and the outcome of the checks', async () => {
    const started = await device(kTanium);
    const last = await open(started);
    assert.match(textOf(last.text), /close this tab/);
    const result = await read(started);
    assert.equal(result.state, 'succeeded', JSON.stringify(result));
    assert.equal(result.device.signals.managed, true);
    assert.deepEqual(
      result.device.checks.map(({ name, outcome }) => [name, outcome]),
      [['Managed device', 'pass']],
    );
    await noSession();
  });
  test('signed with another key: which one, and which are configured', async () => {
    const started = await device('Other key');
    await open(started);
    const { state, failure } = await read(started);
    assert.equal(state, 'failed');
    assert.equal(failure.code, 'bad_signature');
    assert.match(failure.detail, /configured keys/);
  });
  test('without an agent', async () => {
    const started = await device(kTanium);
    await open(started, {
      device: () => ({ error: 'agent_unreachable', permission: 'granted' }),
    });
    const { failure } = await read(started);
    assert.equal(failure.code, 'agent_unreachable');
    assert.match(failure.hint, /agent runs/);
  });
});
