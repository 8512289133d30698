// Every change through the API leaves a record: who, when, from where, before and after. No secret is
// in it, nor in any log, nor readable in the store.
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { auditOf } from '../harness/audit.mjs';
import { connect, newToken } from '../harness/api.mjs';
import { identityProviders, policyBody, postureIntegrations } from '../harness/api_resources.mjs';
import { startLab } from '../harness/lab.mjs';

const kBase = '/accounts/{account_id}';
let lab;
let api;
const secrets = [];
before(async () => {
  lab = await startLab({ idp: true });
  api = await connect(lab.gateway, { name: 'Terraform' });
  secrets.push(api.token);
});
after(async () => {
  api?.close();
  await lab?.stop();
});
const newest = () => auditOf(lab.gateway, 'resource_changed').at(-1);

test('a change, with what was and what is', async () => {
  const group = await api.post(`${kBase}/access/groups`, {
    name: 'Before',
    include: [{ everyone: {} }],
  });
  const added = newest();
  assert.equal(added.actor, 'Terraform');
  assert.equal(added.ip, '127.0.0.1');
  assert.ok(added.details.reference, JSON.stringify(added.details));
  const { kind, id, name, what } = added.details;
  assert.deepEqual(
    { kind, id, name, what },
    { kind: 'group', id: group.id, name: 'Before', what: 'added' },
  );
  assert.equal(added.details.before, undefined);
  assert.equal(added.details.after.name, 'Before');
  await api.put(`${kBase}/access/groups/${group.id}`, {
    name: 'After',
    include: [{ everyone: {} }],
  });
  const changed = newest().details;
  assert.deepEqual(
    [changed.what, changed.before.name, changed.after.name],
    ['changed', 'Before', 'After'],
  );
  await api.delete(`${kBase}/access/groups/${group.id}`);
  const removed = newest().details;
  assert.deepEqual(
    [removed.what, removed.before.name, removed.after],
    ['removed', 'After', undefined],
  );
});

test('what is refused leaves none', async () => {
  const count = auditOf(lab.gateway, 'resource_changed').length;
  await api.request('POST', `${kBase}/access/groups`, { json: { name: 1 } });
  await api.request('DELETE', `${kBase}/access/groups/${crypto.randomUUID()}`);
  assert.equal(auditOf(lab.gateway, 'resource_changed').length, count);
});

test('the API shows the same trail, in pages', async () => {
  const page = await api.get(`${kBase}/gatehouse/audit?event=resource_changed&per_page=2`);
  assert.equal(page.length, 2);
  assert.ok(
    page.every(({ event, actor }) => event === 'resource_changed' && actor === 'Terraform'),
  );
  assert.deepEqual(
    (await api.all(`${kBase}/gatehouse/audit?event=resource_changed`, 2)).length,
    auditOf(lab.gateway, 'resource_changed').length,
  );
});

describe('no secret anywhere', () => {
  const secret = (name) => {
    const value = `${name}-${crypto.randomUUID()}`;
    secrets.push(value);
    return value;
  };
  test('of providers, integrations, service tokens, API tokens', async () => {
    for (const [type, config] of Object.entries(identityProviders(secret('provider')))) {
      const made = await api.post(`${kBase}/access/identity_providers`, {
        name: `P ${type}`,
        type,
        config,
      });
      await api.put(`${kBase}/access/identity_providers/${made.id}`, {
        name: `P2 ${type}`,
        type,
        config,
      });
    }
    for (const [type, config] of Object.entries(postureIntegrations(secret('integration'))))
      await api.post(`${kBase}/devices/posture/integration`, {
        name: type,
        type,
        interval: '10m',
        config,
      });
    const token = await api.post(`${kBase}/access/service_tokens`, { name: 'Robot' });
    secrets.push(token.client_secret);
    secrets.push(
      (await api.post(`${kBase}/access/service_tokens/${token.id}/rotate`)).client_secret,
    );
    secrets.push(await newToken(lab.gateway, { role: 'read_only' }));
    // And where something is wrong with what stands beside it.
    const config = { ...identityProviders(secret('refused')).oidc, issuer: 7 };
    await api.request('POST', `${kBase}/access/identity_providers`, {
      json: { name: 'Bad', type: 'oidc', config },
    });
  });
  test('in answers of the API', async () => {
    const everything = [];
    for (const target of [
      ...['access/identity_providers', 'access/service_tokens', 'devices/posture/integration'],
      ...['gatehouse/audit?per_page=1000', 'gatehouse/api_tokens'],
    ])
      everything.push((await api.request('GET', `${kBase}/${target}`)).text);
    for (const one of secrets) assert.ok(!everything.join().includes(one), one);
  });
  test('in the logs, the store, or any file but the keys', async () => {
    const files = lab.gateway.stateFiles();
    assert.ok(files.some((file) => file === lab.gateway.storeFile()));
    for (const file of files) {
      const bytes = fs.readFileSync(file);
      for (const one of secrets) assert.equal(bytes.indexOf(one), -1, `${one} in ${file}`);
    }
    for (const one of secrets) assert.ok(!lab.gateway.logs().includes(one), one);
  });
});

test('a role and its limits', async () => {
  const reader = await connect(lab.gateway, { role: 'read_only' });
  assert.ok((await reader.get(`${kBase}/access/apps`)).length > 0);
  for (const [method, target, json] of [
    ['POST', '/access/groups', { name: 'No', include: [{ everyone: {} }] }],
    ['POST', '/access/keys/rotate', undefined],
    ['POST', '/gatehouse/revocations', { user: 'alice@corp.example' }],
    ['POST', '/gatehouse/api_tokens', { name: 'Mine', role: 'administrator' }],
  ]) {
    const answer = await reader.request(method, kBase + target, { json });
    assert.equal(answer.status, 403, `${method} ${target}`);
    assert.equal(answer.json.errors[0].code, 10001);
  }
  reader.close();
  const helper = await connect(lab.gateway, { role: 'help_desk' });
  assert.ok(Array.isArray(await helper.get(`${kBase}/access/users`)));
  assert.equal((await helper.request('GET', `${kBase}/access/identity_providers`)).status, 403);
  helper.close();
  const scoped = await connect(lab.gateway, { scopes: ['access/groups'] });
  await scoped.post(`${kBase}/access/groups`, { name: 'Scoped', include: [{ everyone: {} }] });
  assert.equal((await scoped.request('GET', `${kBase}/access/apps`)).status, 403);
  scoped.close();
});

test('too many requests: 429 with Retry-After, for that token alone', async () => {
  const other = await startLab({
    config(c) {
      c.api = { requests_per_5_minutes: 20 };
    },
  });
  try {
    const busy = await connect(other.gateway);
    const quiet = await connect(other.gateway);
    let last;
    for (let i = 0; i < 30; i++) last = await busy.request('GET', `${kBase}/access/groups`);
    assert.equal(last.status, 429);
    assert.ok(Number(last.headers['retry-after']) > 0);
    assert.equal((await quiet.request('GET', `${kBase}/access/groups`)).status, 200);
    busy.close();
    quiet.close();
  } finally {
    await other.stop();
  }
});

test('policies that were stored by file are changed like any other', async () => {
  const [app] = await api.get(`${kBase}/access/apps?name=Other`);
  await api.post(`${kBase}/access/apps/${app.id}/policies`, policyBody('By API'));
  const { before, after } = newest().details;
  assert.equal(after.policies.length, before.policies.length + 1);
});
