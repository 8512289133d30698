// What the API tells of the past and the present: decisions with their traces and as a live tail,
// counters that survive restarts, devices and sessions.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from '../harness/api.mjs';
import {
  application,
  everyone,
  kApp,
  newServiceToken,
  policy,
  serviceToken,
  startLab,
} from '../harness/lab.mjs';
import { once } from '../harness/http.mjs';
import { eventually } from '../harness/process.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';

const kBase = '/accounts/{account_id}';
const kMachine = 'machine.gateway.test';
const kOpen = 'open.gateway.test';
const robot = newServiceToken('Robot');
let lab;
let api;
before(async () => {
  lab = await startLab({
    idp: true,
    agent: true,
    config(c) {
      c.decision_log = { allow_sample: 1 };
      c.service_tokens.push(robot.entry);
      c.applications.push(
        application('Machine', kMachine, [
          policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }),
        ]),
        application('Open', kOpen, [policy('bypass', 'Anyone', { include: [everyone()] })]),
      );
    },
  });
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await lab?.stop();
});

const decisions = (query = '') => api.get(`${kBase}/gatehouse/decisions${query}`);
const page = async (query) => {
  const { json } = await api.request('GET', `${kBase}/gatehouse/decisions${query}`);
  return { lines: json.result, cursors: json.result_info.cursors };
};
// Fails without a person: no sign-in is asked for.
const wrong = { 'CF-Access-Client-Id': 'x.access', 'CF-Access-Client-Secret': 'y' };
const refuse = async () => {
  const answer = await once(lab.gateway.url(kApp, '/a'), {
    headers: { accept: 'application/json', ...wrong },
  });
  return JSON.parse(answer.text).reference;
};

describe('decisions', () => {
  test('who, from what, and the whole trace of a refusal by its reference', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    const policies = lab.gateway.configuration.applications[0].policies;
    policies.unshift(policy('deny', 'Nobody', { include: [everyone()] }));
    lab.gateway.write();
    assert.equal((await lab.gateway.apply()).code, 0);
    try {
      await eventually(async () => (await browser.fetch(lab.gateway.url(kApp))).status === 403);
      const [line] = await eventually(async () => {
        const found = await decisions('?reason=blocked_by_policy&limit=1');
        return found.length > 0 && found;
      });
      assert.equal(line.user.email, 'alice@corp.example');
      assert.equal(line.application_name, 'App');
      assert.equal(line.policy_name, 'Nobody');
      assert.equal(line.posture.length, 1);
      assert.equal(line.posture[0].integration_name, 'Tanium');
      assert.equal(line.posture[0].signals.managed, true);
      const mine = await decisions('?email=alice@corp.example&effect=deny');
      assert.ok(mine.length > 0 && mine.every(({ user }) => user.email === 'alice@corp.example'));
      const reviewed = await api.get(`${kBase}/gatehouse/decisions/${line.reference}`);
      assert.deepEqual(reviewed.decision, line);
      assert.equal(reviewed.exact, true, JSON.stringify(reviewed));
      assert.equal(reviewed.explanation.reason, 'blocked_by_policy');
      assert.ok(reviewed.explanation.policies[0].decided);
      assert.match(reviewed.text, /Nobody/);
    } finally {
      policies.shift();
      lab.gateway.write();
      assert.equal((await lab.gateway.apply()).code, 0);
    }
    // The rule is gone: what it would be now, and that this is not what it was.
    const [line] = await decisions('?reason=blocked_by_policy&limit=1');
    const reviewed = await api.get(`${kBase}/gatehouse/decisions/${line.reference}`);
    assert.equal(reviewed.exact, false);
    assert.match(reviewed.note, /changed since/);
  });
  test('a live tail gives each line once, older pages lead to the end', async () => {
    let { cursors } = await page('');
    const references = [];
    for (let i = 0; i < 5; i++) references.push(await refuse());
    const seen = [];
    await eventually(async () => {
      const next = await page(`?limit=2&after=${cursors.newer}`);
      seen.push(...next.lines.map(({ reference }) => reference));
      cursors = next.cursors;
      return references.every((reference) => seen.includes(reference));
    });
    assert.equal(new Set(seen).size, seen.length);
    const all = [];
    let at = await page('?limit=3');
    for (;;) {
      all.push(...at.lines.map(({ reference, effect }) => reference + effect));
      if (at.cursors.older === null) break;
      at = await page(`?limit=3&cursor=${at.cursors.older}`);
    }
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.length > 5);
  });
});

describe('statistics', () => {
  const statistics = () => api.get(`${kBase}/gatehouse/statistics`);
  const total = (result, member) => result.buckets.reduce((sum, one) => sum + one[member], 0);
  test('are counted within seconds, and a restart counts nothing twice', async () => {
    await once(lab.gateway.url(kOpen));
    await once(lab.gateway.url(kMachine), { headers: robot.headers });
    await eventually(async () => (await decisions('?effect=bypass')).length > 0);
    const denied = (await decisions('?effect=deny&limit=1000')).length;
    const counted = await eventually(
      async () => {
        const now = await statistics();
        return total(now, 'denied') === denied && total(now, 'bypassed') > 0 && now;
      },
      { ms: 30_000 },
    );
    assert.ok(total(counted, 'sign_ins') > 0);
    assert.ok(total(counted, 'allowed_sampled') > 0);
    assert.ok(counted.refusals.some(({ reason }) => reason === 'service_token_invalid'));
    assert.equal(counted.applications[0].name, 'App');
    assert.equal(counted.now.sessions, 1);
    assert.equal(counted.now.devices, 1);
    await lab.gateway.stop();
    await lab.gateway.start();
    await refuse();
    const again = await eventually(
      async () => {
        const now = await statistics();
        return total(now, 'denied') > denied && now;
      },
      { ms: 30_000 },
    );
    assert.equal(total(again, 'denied'), denied + 1);
    assert.equal(total(again, 'sign_ins'), total(counted, 'sign_ins'));
  });
  test('a service token tells when it was seen', async () => {
    const [token] = await api.get(`${kBase}/access/service_tokens`);
    assert.ok(Math.abs(Date.now() - Date.parse(token.last_seen_at)) < 120_000, token.last_seen_at);
  });
});

describe('people and devices', () => {
  test('a device with its checks, the session with its evidence, the user with both', async () => {
    const [device] = await api.get(`${kBase}/gatehouse/devices?search=alice`);
    assert.equal(device.user.email, 'alice@corp.example');
    assert.equal(device.sessions, 1);
    const [evidence] = device.evidence;
    assert.deepEqual(
      evidence.checks.map(({ name, outcome }) => [name, outcome]),
      [['Managed device', 'pass']],
    );
    const [session] = await api.get(`${kBase}/gatehouse/sessions?search=alice`);
    assert.equal(session.devices[0].device_id, device.id);
    const [user] = await api.get(`${kBase}/access/users?search=alice`);
    assert.equal(user.active_session_count, 1);
    await api.post(`${kBase}/gatehouse/revocations`, { device: device.id });
    const [revoked] = await api.get(`${kBase}/gatehouse/devices`);
    assert.deepEqual(
      [revoked.id, revoked.revoked, revoked.sessions, revoked.user],
      [device.id, true, 0, null],
    );
  });
});
