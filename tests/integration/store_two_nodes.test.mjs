// Two gateways on one PostgreSQL: what is changed on one is obeyed by the other's workers within a
// second, and what was missed while the database was away is caught up.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Api, connect } from '../harness/api.mjs';
import { policyBody } from '../harness/api_resources.mjs';
import { TestGateway } from '../harness/gateway.mjs';
import { isSanitized } from '../harness/build.mjs';
import { startLab, kAuth, kOther } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually, freePort, sleep } from '../harness/process.mjs';

const kAccess = '/accounts/{account_id}/access';
const kSecond = isSanitized() ? 2000 : 1000;
const kDatabase = 'gatehouse_1';
const kNew = 'old.gateway.test'; // has a certificate, and no ingress rule yet
let lab;
let other; // the second gateway
let api;
let there; // the API of the other
before(async () => {
  lab = await startLab({
    store: 'postgres',
    idp: true,
    config(c) {
      c.api = { requests_per_5_minutes: 0 };
      c.ingress = c.ingress.filter(({ hostname }) => hostname !== kNew);
    },
  });
  // The same file, but for what belongs to a node; the master key is the same on all.
  const directory = path.join(lab.directory, 'second');
  const state = path.join(directory, 'state');
  const keys = fs
    .readdirSync(lab.gateway.state, { recursive: true })
    .find((name) => path.basename(name) === 'master.key');
  fs.mkdirSync(path.join(state, path.dirname(keys)), { recursive: true, mode: 0o700 });
  fs.chmodSync(directory, 0o711);
  fs.chmodSync(state, fs.statSync(lab.gateway.state).mode & 0o777);
  fs.copyFileSync(path.join(lab.gateway.state, keys), path.join(state, keys));
  const configuration = structuredClone(lab.gateway.configuration);
  configuration.listen = {
    ...configuration.listen,
    https_port: await freePort(),
    public_https_port: configuration.listen.https_port,
  };
  configuration.state_directory = state;
  other = new TestGateway({ directory, configuration });
  await other.start();
  api = await connect(lab.gateway);
  there = new Api(other, api.token, { account: api.account });
});
after(async () => {
  api?.close();
  there?.close();
  await other?.stop();
  await lab?.stop();
});

// The one status that all workers of a gateway give.
async function everywhere(gateway, browser, host = kOther) {
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => browser.fetch(gateway.url(host)).catch(() => ({ status: 0 }))),
  );
  const found = [...new Set(answers.map(({ status }) => status))];
  return found.length === 1 ? found[0] : found.join();
}
const within = (gateway, browser, status, ms = kSecond) =>
  eventually(async () => (await everywhere(gateway, browser)) === status, {
    ms,
    what: `${status} of the other node`,
  });
const policyPath = async () => {
  const app = (await api.get(`${kAccess}/apps`)).find(({ domain }) => domain === kOther);
  return `${kAccess}/apps/${app.id}/policies/${app.policies[0].id}`;
};
const onlyBob = policyBody('Bob', { include: [{ email: { email: 'bob@corp.example' } }] });

describe('from one to the other', () => {
  let alice;
  before(async () => {
    alice = lab.browser();
    await mustSignIn(lab, alice, kOther, byProvider('alice'));
  });
  test('a new session counts there', () => within(other, alice, 200));
  test('a log-out at the provider, told to one of them', async () => {
    const carol = lab.browser();
    await mustSignIn(lab, carol, kOther, byProvider('carol'));
    await within(other, carol, 200);
    const [{ id }] = await api.get(`${kAccess}/identity_providers`);
    const answer = await lab
      .browser()
      .fetch(`${lab.gateway.issuer}/cdn-cgi/access/backchannel-logout/${id}`, {
        form: { logout_token: await lab.idp.logoutToken('carol') },
      });
    assert.equal(answer.status, 200, answer.text);
    await within(other, carol, 401);
    assert.equal(await everywhere(other, alice), 200);
  });
  test('a policy, in both directions', async () => {
    const target = await policyPath();
    await api.put(target, onlyBob);
    assert.equal(await everywhere(lab.gateway, alice), 403);
    await within(other, alice, 403);
    await there.put(target, policyBody('People'));
    assert.equal(await everywhere(other, alice), 200);
    await within(lab.gateway, alice, 200);
  });
  test('edits on both at once lose nothing', async () => {
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    await Promise.all(
      numbers.map((n) =>
        (n % 2 ? api : there).post(`${kAccess}/groups`, {
          name: `Group ${n}`,
          include: [{ everyone: {} }],
        }),
      ),
    );
    await eventually(
      async () => {
        const lists = await Promise.all([api, there].map((one) => one.get(`${kAccess}/groups`)));
        return lists.every((list) => list.length === 10);
      },
      { ms: kSecond, what: 'ten groups on both' },
    );
  });
  test('a revocation of tokens, of a session, of a user', async () => {
    const app = (await api.get(`${kAccess}/apps`)).find(({ domain }) => domain === kOther);
    await api.post(`${kAccess}/apps/${app.id}/revoke_tokens`);
    await within(other, alice, 401);
    await mustSignIn(lab, alice, kOther);
    await within(other, alice, 200);
    await there.post(`${kAccess}/organizations/revoke_user`, { email: 'alice@corp.example' });
    await within(lab.gateway, alice, 401);
    await mustSignIn(lab, alice, kOther, byProvider('alice'));
    await within(other, alice, 200);
  });
  test('keys that were rotated: tokens of before and after count on both', async () => {
    await api.post(`${kAccess}/keys/rotate`);
    const carol = lab.browser();
    await mustSignIn(lab, carol, kOther, byProvider('carol'));
    await within(other, carol, 200);
    await within(other, alice, 200);
  });
  test('a host that is new is served by both', async () => {
    const ingress = '/accounts/{account_id}/gatehouse/ingress';
    const rules = await api.get(ingress);
    await api.put(ingress, [{ hostname: kNew, service: lab.origin.service }, ...rules]);
    await api.post(`${kAccess}/apps`, {
      ...{ name: 'New', type: 'self_hosted', domain: kNew },
      policies: [policyBody('People')],
    });
    await eventually(async () => (await everywhere(other, lab.browser(), kNew)) === 401, {
      ms: 10_000,
      what: 'the new host',
    });
  });
});

describe('the database', () => {
  let alice;
  before(async () => {
    alice = lab.browser();
    await mustSignIn(lab, alice, kOther, byProvider('alice'));
    await within(other, alice, 200);
  });
  // As a client does it: again until it is answered.
  const persistently = (change) => eventually(change, { ms: 15_000, every: 100, what: 'a change' });
  const changeTo = async (body) => {
    const target = await persistently(policyPath);
    await persistently(async () => (await api.put(target, body)).id);
  };
  test('loses every connection: what is changed then arrives', async () => {
    for (let round = 0; round < 3; round++) {
      assert.ok((await lab.postgres.cutOff(kDatabase)) > 0);
      await changeTo(onlyBob);
      await within(other, alice, 403, 5 * kSecond);
      await lab.postgres.cutOff(kDatabase);
      await changeTo(policyBody('People'));
      await within(other, alice, 200, 5 * kSecond);
    }
  });
  test('is stopped: who is signed in goes on, changes are refused, nothing is lost', async () => {
    await lab.postgres.down();
    for (const gateway of [lab.gateway, other]) assert.equal(await everywhere(gateway, alice), 200);
    const refused = await api.request('POST', `${kAccess}/groups`, {
      json: { name: 'While it is away', include: [{ everyone: {} }] },
    });
    assert.equal(refused.status, 503, refused.text);
    assert.equal(await everywhere(lab.gateway, lab.browser()), 401);
    await sleep(1500);
    for (const gateway of [lab.gateway, other]) assert.equal(await everywhere(gateway, alice), 200);
    await lab.postgres.up();
    await changeTo(onlyBob);
    await within(other, alice, 403, 10 * kSecond);
    await changeTo(policyBody('People'));
    await within(other, alice, 200);
    assert.ok(
      !(await there.get(`${kAccess}/groups`)).some(({ name }) => name === 'While it is away'),
    );
  });
  test('fails as a machine does, and is back', async () => {
    await lab.postgres.down('KILL');
    await lab.postgres.up();
    await changeTo(onlyBob);
    await within(other, alice, 403, 10 * kSecond);
    await changeTo(policyBody('People'));
    await within(other, alice, 200, 5 * kSecond);
  });
  test('of a node that was away: it starts with what the others did', async () => {
    await other.kill9();
    await changeTo(onlyBob);
    assert.equal(await everywhere(other, alice), 200, 'its workers go on with what they have');
    await other.start();
    await within(other, alice, 403, 5 * kSecond);
    await changeTo(policyBody('People'));
    await within(other, alice, 200);
  });
});

test(`the auth domain ${kAuth} answers on both`, async () => {
  const answers = await Promise.all(
    [lab.gateway, other].map((gateway) =>
      lab.browser().fetch(gateway.url(kAuth, '/cdn-cgi/access/certs')),
    ),
  );
  assert.deepEqual(answers[0].json, answers[1].json);
});
