// Edits at the same time lose nothing: different policies of one application, different resources,
// the same one with If-Match.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from '../harness/api.mjs';
import { policyBody } from '../harness/api_resources.mjs';
import { startLab } from '../harness/lab.mjs';

const kBase = '/accounts/{account_id}/access';
const kHost = 'admin.gateway.test';
let lab;
let api;
before(async () => {
  lab = await startLab({
    config(c) {
      c.api = { requests_per_5_minutes: 0 };
    },
  });
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await lab?.stop();
});

const newApplication = (name, policies) =>
  api.post(`${kBase}/apps`, {
    ...{ name, type: 'self_hosted', domain: `${kHost}/${name}` },
    policies,
  });

test('twelve policies of one application, each renamed by somebody else', async () => {
  const numbers = Array.from({ length: 12 }, (_, n) => n + 1);
  const app = await newApplication(
    'shared',
    numbers.map((n) => policyBody(`Policy ${n}`)),
  );
  await Promise.all(
    app.policies.map((policy) =>
      api.put(`${kBase}/apps/${app.id}/policies/${policy.id}`, {
        ...policyBody(`${policy.name} renamed`),
        precedence: policy.precedence,
      }),
    ),
  );
  const after = await api.get(`${kBase}/apps/${app.id}`);
  assert.deepEqual(
    after.policies.map(({ name }) => name),
    numbers.map((n) => `Policy ${n} renamed`),
  );
});

test('policies added and removed at once, while the application itself is changed', async () => {
  const app = await newApplication(
    'busy',
    [1, 2, 3, 4].map((n) => policyBody(`Old ${n}`)),
  );
  const [removed, kept] = [app.policies.slice(0, 2), app.policies.slice(2)];
  await Promise.all([
    ...[1, 2, 3, 4, 5, 6].map((n) =>
      api.post(`${kBase}/apps/${app.id}/policies`, policyBody(`New ${n}`)),
    ),
    ...removed.map(({ id }) => api.delete(`${kBase}/apps/${app.id}/policies/${id}`)),
    api.patch(`${kBase}/apps/${app.id}/settings`, { skip_interstitial: true }),
    api.patch(`${kBase}/apps/${app.id}/settings`, { allow_iframe: true }),
  ]);
  const after = await api.get(`${kBase}/apps/${app.id}`);
  assert.deepEqual(
    after.policies.map(({ name }) => name).sort(),
    [...kept.map(({ name }) => name), ...[1, 2, 3, 4, 5, 6].map((n) => `New ${n}`)].sort(),
  );
  assert.equal(new Set(after.policies.map(({ precedence }) => precedence)).size, 8);
  assert.deepEqual([after.skip_interstitial, after.allow_iframe], [true, true]);
});

test('resources of many kinds', async () => {
  const numbers = Array.from({ length: 10 }, (_, n) => n);
  await Promise.all(
    numbers.flatMap((n) => [
      api.post(`${kBase}/groups`, { name: `At once ${n}`, include: [{ everyone: {} }] }),
      api.post(`${kBase}/tags`, { name: `at-once-${n}` }),
      newApplication(`at-once-${n}`, [policyBody('People')]),
      api.post('/accounts/{account_id}/gateway/lists', { name: `At once ${n}`, type: 'EMAIL' }),
    ]),
  );
  const names = async (target) =>
    (await api.get(target)).map(({ name }) => name).filter((name) => /^at.once/i.test(name));
  for (const target of [
    `${kBase}/groups`,
    `${kBase}/tags`,
    `${kBase}/apps`,
    '/accounts/{account_id}/gateway/lists',
  ])
    assert.equal((await names(target)).length, numbers.length, target);
});

test('items appended to one list by many', async () => {
  const list = await api.post('/accounts/{account_id}/gateway/lists', {
    name: 'Board',
    type: 'EMAIL',
  });
  const addresses = Array.from({ length: 20 }, (_, n) => `person-${n}@corp.example`);
  await Promise.all(
    addresses.map((value) =>
      api.patch(`/accounts/{account_id}/gateway/lists/${list.id}`, { append: [{ value }] }),
    ),
  );
  const items = await api.all(`/accounts/{account_id}/gateway/lists/${list.id}/items`);
  assert.deepEqual(items.map(({ value }) => value).sort(), addresses.sort());
});

test('with If-Match one of two edits happens; the other is told', async () => {
  const group = await api.post(`${kBase}/groups`, {
    name: 'Contended',
    include: [{ everyone: {} }],
  });
  const target = `${kBase}/groups/${group.id}`;
  const { headers } = await api.request('GET', target);
  assert.ok(headers.etag, 'an ETag');
  const edit = (name) =>
    api.request('PUT', target, {
      json: { name, include: [{ everyone: {} }] },
      headers: { 'if-match': headers.etag },
    });
  const names = Array.from({ length: 8 }, (_, n) => `Edited ${n}`);
  const answers = await Promise.all(names.map(edit));
  const done = answers.filter(({ status }) => status === 200);
  assert.equal(done.length, 1);
  assert.ok(answers.every(({ status }) => status === 200 || status === 412));
  assert.equal((await api.get(target)).name, done[0].json.result.name);
  assert.equal(
    (await api.request('DELETE', target, { headers: { 'if-match': headers.etag } })).status,
    412,
  );
  const now = (await api.request('GET', target)).headers.etag;
  assert.notEqual(now, headers.etag);
  assert.equal((await api.request('DELETE', target, { headers: { 'if-match': now } })).status, 202);
});
