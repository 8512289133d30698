// A change through the API counts for the very next request, on every worker, and nginx is only
// reloaded when hosts, routes or certificates change.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from '../harness/api.mjs';
import { policyBody } from '../harness/api_resources.mjs';
import { startLab, kApp, kOther } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually } from '../harness/process.mjs';

const kBase = '/accounts/{account_id}';
const kAccess = `${kBase}/access`;
const kNew = 'old.gateway.test'; // has a certificate, and no ingress rule yet
let lab;
let api;
let alice;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.api = { requests_per_5_minutes: 0 };
      c.nginx = { workers: 4 };
      c.ingress = c.ingress.filter(({ hostname }) => hostname !== kNew);
    },
  });
  api = await connect(lab.gateway);
  alice = lab.browser();
  await mustSignIn(lab, alice, kOther, byProvider('alice'));
  await mustSignIn(lab, alice, kApp);
});
after(async () => {
  api?.close();
  await lab?.stop();
});

// On connections of their own, which the workers share among them: one status, from all.
async function everywhere(host = kOther, options = {}) {
  const answers = await Promise.all(
    Array.from({ length: 24 }, () => alice.fetch(lab.gateway.url(host), options)),
  );
  const found = [...new Set(answers.map(({ status }) => status))];
  assert.equal(found.length, 1, found.join());
  return found[0];
}
const applicationOf = async (host) =>
  (await api.get(`${kAccess}/apps`)).find((app) => app.domain === host);
// Runs `change`, which must not make nginx load its configuration anew.
async function withoutReload(change) {
  const workers = lab.gateway.nginxWorkers();
  await change();
  assert.deepEqual(lab.gateway.nginxWorkers(), workers);
}

test('a policy, back and forth', () =>
  withoutReload(async () => {
    const app = await applicationOf(kOther);
    const [policy] = app.policies;
    const target = `${kAccess}/apps/${app.id}/policies/${policy.id}`;
    for (let round = 0; round < 10; round++) {
      await api.put(
        target,
        policyBody('People', { include: [{ email: { email: 'bob@corp.example' } }] }),
      );
      assert.equal(await everywhere(), 403, `round ${round}`);
      await api.put(target, policyBody('People'));
      assert.equal(await everywhere(), 200, `round ${round}`);
    }
  }));

test('a group, a list and a reusable policy that it is decided by', () =>
  withoutReload(async () => {
    const list = await api.post(`${kBase}/gateway/lists`, {
      ...{ name: 'Board', type: 'EMAIL', items: [{ value: 'alice@corp.example' }] },
    });
    const group = await api.post(`${kAccess}/groups`, {
      ...{ name: 'Board', include: [{ email_list: { id: list.id } }] },
    });
    const reusable = await api.post(
      `${kAccess}/policies`,
      policyBody('Board', { include: [{ group: { id: group.id } }] }),
    );
    const app = await applicationOf(kOther);
    const { name, type, domain } = app;
    await api.put(`${kAccess}/apps/${app.id}`, { name, type, domain, policies: [reusable.id] });
    assert.equal(await everywhere(), 200);
    await api.patch(`${kBase}/gateway/lists/${list.id}`, { remove: ['alice@corp.example'] });
    assert.equal(await everywhere(), 403);
    await api.patch(`${kBase}/gateway/lists/${list.id}`, {
      append: [{ value: 'alice@corp.example' }],
    });
    assert.equal(await everywhere(), 200);
    await api.put(`${kAccess}/groups/${group.id}`, {
      name: 'Board',
      include: [{ email: { email: 'bob@corp.example' } }],
    });
    assert.equal(await everywhere(), 403);
    await api.put(`${kAccess}/policies/${reusable.id}`, policyBody('Board'));
    assert.equal(await everywhere(), 200);
    await api.put(`${kAccess}/apps/${app.id}`, {
      name,
      type,
      domain,
      policies: [policyBody('People')],
    });
  }));

test('a service token, disabled and deleted', () =>
  withoutReload(async () => {
    const token = await api.post(`${kAccess}/service_tokens`, { name: 'Robot' });
    const app = await applicationOf(kOther);
    const policy = await api.post(`${kAccess}/apps/${app.id}/policies`, {
      ...{ name: 'Robots', decision: 'non_identity' },
      include: [{ service_token: { token_id: token.id } }],
    });
    const headers = {
      'cf-access-client-id': token.client_id,
      'cf-access-client-secret': token.client_secret,
    };
    assert.equal(await everywhere(kOther, { headers }), 200);
    await api.put(`${kAccess}/service_tokens/${token.id}`, { name: 'Robot', enabled: false });
    assert.notEqual(await everywhere(kOther, { headers }), 200);
    await api.put(`${kAccess}/service_tokens/${token.id}`, { name: 'Robot', enabled: true });
    assert.equal(await everywhere(kOther, { headers }), 200);
    await api.delete(`${kAccess}/apps/${app.id}/policies/${policy.id}`);
    await api.delete(`${kAccess}/service_tokens/${token.id}`);
    assert.notEqual(await everywhere(kOther, { headers }), 200);
  }));

test("an application's tokens, a session, a device", () =>
  withoutReload(async () => {
    const app = await applicationOf(kOther);
    await api.post(`${kAccess}/apps/${app.id}/revoke_tokens`);
    assert.equal(await everywhere(), 401);
    assert.equal(await everywhere(kApp), 200);
    await mustSignIn(lab, alice, kOther);
    assert.equal(await everywhere(), 200);
    assert.equal(
      await api.post(`${kAccess}/organizations/revoke_user`, { email: 'alice@corp.example' }),
      true,
    );
    for (const host of [kOther, kApp]) assert.equal(await everywhere(host), 401);
    await mustSignIn(lab, alice, kOther, byProvider('alice'));
    await mustSignIn(lab, alice, kApp);
  }));

test('an application on a host that is served: no reload; and gone again', () =>
  withoutReload(async () => {
    const made = await api.post(`${kAccess}/apps`, {
      ...{ name: 'Closed', type: 'self_hosted', domain: `${kOther}/closed` },
      policies: [policyBody('Bob', { include: [{ email: { email: 'bob@corp.example' } }] })],
    });
    assert.notEqual((await alice.fetch(lab.gateway.url(kOther, '/closed'))).status, 200);
    assert.equal(await everywhere(), 200);
    await api.delete(`${kAccess}/apps/${made.id}`);
    assert.equal((await alice.fetch(lab.gateway.url(kOther, '/closed'))).status, 200);
  }));

test('a host that is new is served at once; nginx has been reloaded', async () => {
  const workers = lab.gateway.nginxWorkers();
  const rules = await api.get(`${kBase}/gatehouse/ingress`);
  await api.put(`${kBase}/gatehouse/ingress`, [
    { hostname: kNew, service: lab.origin.service },
    ...rules,
  ]);
  await api.post(`${kAccess}/apps`, {
    ...{ name: 'New host', type: 'self_hosted', domain: kNew },
    policies: [policyBody('People')],
  });
  await eventually(
    () => {
      const now = lab.gateway.nginxWorkers();
      return now.length > 0 && now.every((pid) => !workers.includes(pid));
    },
    { what: 'new workers', ms: 10_000 },
  );
  const answer = await mustSignIn(lab, alice, kNew);
  assert.equal(answer.json.email, 'alice@corp.example');
  assert.equal(await everywhere(), 200);
});

test('what nginx cannot serve is refused and changes nothing', async () => {
  const before = await api.get(`${kAccess}/apps`);
  const rules = await api.get(`${kBase}/gatehouse/ingress`);
  for (const [method, target, json] of [
    [
      'POST',
      `${kAccess}/apps`,
      {
        name: 'Nowhere',
        type: 'self_hosted',
        domain: 'unknown.gateway.test',
        policies: [policyBody('People')],
      },
    ],
    [
      'PUT',
      `${kBase}/gatehouse/ingress`,
      [{ hostname: 'unknown.gateway.test', service: lab.origin.service }, ...rules],
    ],
  ])
    await withoutReload(async () => {
      const answer = await api.request(method, target, { json });
      assert.ok(answer.status >= 400, answer.text);
      assert.match(answer.text, /unknown\.gateway\.test/);
    });
  assert.deepEqual(await api.get(`${kAccess}/apps`), before);
  assert.deepEqual(await api.get(`${kBase}/gatehouse/ingress`), rules);
  assert.equal(await everywhere(), 200);
});
