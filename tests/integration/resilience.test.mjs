// DESIGN 8.3: what goes on when a part dies, and that nobody gets in by it.
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kOther,
  kTanium,
  application,
  domain,
  email,
  policy,
  posture,
} from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { eventually, isAlive, signal, sleep } from '../harness/process.mjs';
import { isSanitized } from '../harness/build.mjs';

const kBrief = 'brief.gateway.test';
const fetchStatus = (lab, browser, host) =>
  browser.fetch(lab.gateway.url(host)).then(
    (answer) => answer.status,
    () => 0,
  );

describe('the control plane is killed', () => {
  let lab;
  let browser;
  before(async () => {
    lab = await startLab({
      idp: true,
      agent: true,
      config(c) {
        c.device_posture_rules.push({
          name: 'Checked often',
          type: 'tanium',
          input: { connection_id: kTanium, managed: true },
          expiration: '4s',
        });
        c.applications.push(
          application('Brief', kBrief, [
            policy('allow', 'Corp people', {
              include: [domain('corp.example')],
              require: [posture('Checked often')],
            }),
          ]),
        );
      },
    });
    browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    await mustSignIn(lab, browser, kBrief);
    await lab.gateway.kill9();
  });
  after(() => lab?.stop());

  test('who is signed in goes on, and evidence still ages', async () => {
    assert.equal(await fetchStatus(lab, browser, kApp), 200);
    assert.equal(await fetchStatus(lab, browser, kBrief), 200);
    await eventually(async () => (await fetchStatus(lab, browser, kBrief)) === 401, {
      ms: 8000,
      what: 'the end of the evidence',
    });
    const seen = lab.origin.requests.length;
    const answer = await browser.fetch(lab.gateway.url(kBrief));
    assert.equal(answer.json.reason, 'posture_stale');
    assert.equal(lab.origin.requests.length, seen);
    assert.equal(await fetchStatus(lab, browser, kApp), 200);
  });
  test('who is not signed in is not let in, and sign-in says that it is down', async () => {
    const nobody = lab.browser();
    assert.equal(await fetchStatus(lab, nobody, kApp), 401);
    const answer = await new SignIn(lab, nobody).begin(kApp);
    assert.ok([502, 503, 504].includes(answer.status), `${answer.status}`);
  });
  test('codes of requests that fail meanwhile are in no log', async () => {
    const nobody = lab.browser();
    for (const url of [
      lab.gateway.url(kApp, '/cdn-cgi/access/authorized?nonce=marked-code'),
      `${lab.gateway.issuer}/cdn-cgi/access/callback?code=marked-code&state=x`,
    ])
      assert.equal((await nobody.navigate(url)).status, 503);
    assert.ok(!lab.gateway.logs().includes('marked-code'));
  });
  test('started again it takes over: sessions go on, sign-in works, one nginx', async () => {
    const master = lab.gateway.nginxMaster();
    await lab.gateway.start();
    assert.equal(lab.gateway.nginxMaster(), master, 'the running nginx is taken over');
    assert.equal(await fetchStatus(lab, browser, kApp), 200);
    await mustSignIn(lab, lab.browser(), kApp, byProvider('carol'));
    await mustSignIn(lab, browser, kBrief);
    assert.ok(isAlive(master));
  });
});

describe('nginx dies', () => {
  let lab;
  let browser;
  before(async () => {
    lab = await startLab({ idp: true });
    browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
  });
  after(() => lab?.stop());

  test('a worker: back at once', async () => {
    for (const pid of lab.gateway.nginxWorkers()) signal(pid, 'SIGKILL');
    await eventually(async () => (await fetchStatus(lab, browser, kApp)) === 200, {
      ms: isSanitized() ? 5000 : 1000,
    });
    assert.ok(lab.gateway.nginxWorkers().length > 0);
  });
  test('the master: started again by the control plane', async () => {
    const master = lab.gateway.nginxMaster();
    const workers = lab.gateway.nginxWorkers();
    signal(master, 'SIGKILL');
    await eventually(
      () => {
        const now = lab.gateway.nginxMaster();
        return now && now !== master;
      },
      { ms: 10_000, what: 'another master' },
    );
    await eventually(async () => (await fetchStatus(lab, browser, kApp)) === 200, { ms: 10_000 });
    await eventually(() => workers.every((pid) => !isAlive(pid)), {
      ms: 15_000,
      what: 'the end of the old workers',
    });
    // And it is in order: a change reaches all workers.
    const [{ policies }] = lab.gateway.configuration.applications;
    policies[0].include = [email('nobody@corp.example')];
    lab.gateway.write();
    lab.gateway.hangUp();
    await eventually(async () => (await fetchStatus(lab, browser, kApp)) === 403);
    for (let i = 0; i < 20; i++) assert.equal(await fetchStatus(lab, browser, kApp), 403);
  });
  test('ended in order, nothing is left behind', async () => {
    const how = await lab.gateway.stop();
    assert.equal(how.code, 0, `${how.code} ${how.signal}`);
    assert.deepEqual(how.left, []);
  });
});

describe('the node state', () => {
  let lab;
  let browser;
  before(async () => {
    lab = await startLab({ idp: true });
    browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
  });
  afterEach(async () => {
    if (!lab.gateway.child) await lab.gateway.start();
  });
  after(() => lab?.stop());

  test('deleted and started again: rebuilt, the session goes on', async () => {
    const directory = lab.gateway.nodeState();
    await lab.gateway.stop();
    fs.rmSync(directory, { recursive: true });
    await lab.gateway.start();
    assert.equal(await fetchStatus(lab, browser, kApp), 200);
  });
  test('deleted under the running gateway: refused or right, then rebuilt', async () => {
    const directory = lab.gateway.nodeState();
    for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name));
    const nobody = lab.browser();
    await eventually(
      async () => {
        const [mine, theirs] = [
          await fetchStatus(lab, browser, kApp),
          await fetchStatus(lab, nobody, kApp),
        ];
        assert.ok([200, 503].includes(mine) && [401, 503].includes(theirs), `${mine} ${theirs}`);
        return mine === 200 && fs.existsSync(path.join(directory, 'data.mdb'));
      },
      { ms: 25_000, every: 200, what: 'the node state again' },
    );
  });
  for (const [name, damage] of [
    [
      'absent',
      (directory) => {
        for (const file of fs.readdirSync(directory)) fs.rmSync(path.join(directory, file));
      },
    ],
    [
      'overwritten',
      (directory) => fs.writeFileSync(path.join(directory, 'data.mdb'), Buffer.alloc(65_536, 0x5a)),
    ],
    ['empty', (directory) => fs.truncateSync(path.join(directory, 'data.mdb'))],
  ]) {
    test(`${name}, and nobody to rebuild it: everything is refused`, async () => {
      const directory = lab.gateway.nodeState();
      const master = lab.gateway.nginxMaster();
      await lab.gateway.kill9();
      // A fresh worker, so that nothing is mapped from before.
      const workers = lab.gateway.nginxWorkers(master);
      damage(directory);
      for (const pid of workers) signal(pid, 'SIGKILL');
      await eventually(async () => (await fetchStatus(lab, browser, kApp)) === 503, {
        ms: 10_000,
        what: '503',
      });
      const answer = await browser.fetch(lab.gateway.url(kApp));
      assert.equal(answer.json.reason, 'node_state_unavailable');
      assert.equal((await browser.navigate(lab.gateway.url(kOther))).status, 503);
      await lab.gateway.start();
      await eventually(async () => (await fetchStatus(lab, browser, kApp)) === 200, {
        ms: 10_000,
        what: 'access again',
      });
    });
  }
  test('too old: refused', { timeout: 90_000 }, async () => {
    lab.gateway.configuration.organization.node_state_max_age = '15s';
    lab.gateway.write();
    await lab.gateway.restart();
    assert.equal(await fetchStatus(lab, browser, kApp), 200);
    await lab.gateway.kill9();
    await eventually(async () => (await fetchStatus(lab, browser, kApp)) === 503, {
      ms: 30_000,
      every: 250,
      what: '503',
    });
    assert.equal((await browser.fetch(lab.gateway.url(kApp))).json.reason, 'node_state_too_old');
  });
});

describe('a restart', () => {
  test('keeps sessions, keys and tokens; ready within a second', async (t) => {
    const lab = await startLab({ idp: true });
    try {
      const browser = lab.browser();
      await mustSignIn(lab, browser, kApp, byProvider('alice'));
      const certs = (
        await browser.get(`${lab.gateway.issuer}/cdn-cgi/access/certs`, { cookies: false })
      ).json;
      const began = Date.now();
      await lab.gateway.stop();
      const stopped = Date.now();
      await lab.gateway.start();
      t.diagnostic(`stopped in ${stopped - began} ms, ready in ${Date.now() - stopped} ms`);
      assert.ok(Date.now() - stopped < (isSanitized() ? 8000 : 1000));
      assert.equal(lab.gateway.ready, lab.gateway.issuer);
      assert.equal(await fetchStatus(lab, browser, kApp), 200);
      assert.deepEqual(
        (await browser.get(`${lab.gateway.issuer}/cdn-cgi/access/certs`, { cookies: false })).json,
        certs,
      );
      assert.equal((await signIn(lab, browser, kOther)).headers['x-origin'], 'echo');
      await sleep(0);
    } finally {
      await lab.stop();
    }
  });
});
