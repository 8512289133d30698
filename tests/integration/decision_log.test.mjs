// The decision log: what is in a line, what is written at all, that it stays bounded, and that a full
// disk stops nobody.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kOther,
  application,
  domain,
  everyone,
  ip,
  newServiceToken,
  policy,
  posture,
  serviceToken,
} from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { once, rawGet, sendRaw } from '../harness/http.mjs';
import { eventually } from '../harness/process.mjs';

const kOpen = 'open.gateway.test';
const kMachine = 'machine.gateway.test';
const robot = newServiceToken('Robot');
// Refused, and not only because nobody has signed in: that is no decision against anybody.
const kFalse = { 'CF-Access-Client-Id': 'x.access', 'CF-Access-Client-Secret': 'y' };

const directoryOf = (lab) => path.join(lab.gateway.state, 'log');
const filesOf = (lab) => fs.readdirSync(directoryOf(lab)).sort();
const linesOf = (file) =>
  fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1) // the last one is being written
    .map((line) => JSON.parse(line));
const current = (lab) => path.join(directoryOf(lab), 'decisions.jsonl');
const lineOf = (lab, test) =>
  eventually(() => linesOf(current(lab)).find(test), { what: 'the line in the log' });

describe('a line', () => {
  let lab;
  before(async () => {
    lab = await startLab({
      idp: true,
      agent: true,
      config(c) {
        c.nginx.workers = 1;
        c.decision_log = { allow_sample: 3 };
        c.service_tokens.push(robot.entry);
        c.applications.push(
          application('Machine', kMachine, [
            policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }),
          ]),
          application('Open', kOpen, [policy('bypass', 'Anyone', { include: [everyone()] })]),
        );
        c.applications[0].policies[0].require = [posture(), ip('127.0.0.0/8')];
      },
    });
  });
  after(() => lab?.stop());

  test('of a refusal: who, where, why, and the reference that the client got', async () => {
    const answer = await once(lab.gateway.url(kApp, '/secret?token=very-secret'), {
      headers: { accept: 'application/json', ...kFalse },
    });
    const { reference } = JSON.parse(answer.text);
    const line = await lineOf(lab, (each) => each.reference === reference);
    assert.equal(line.effect, 'deny');
    assert.equal(line.reason, 'service_token_invalid');
    assert.equal(line.host, kApp);
    assert.equal(line.method, 'GET');
    assert.equal(line.ip.slice(0, 4), '127.');
    assert.equal(line.status, answer.status);
    assert.deepEqual(JSON.parse(line.evidence), {});
    assert.ok(!fs.readFileSync(current(lab), 'utf8').includes('very-secret'));
  });
  test('of somebody signed in and refused: the policy, the evidence and its age', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    const change = lab.gateway.configuration.applications[0].policies;
    change.unshift(policy('deny', 'Nobody', { include: [everyone()] }));
    lab.gateway.write();
    assert.equal((await lab.gateway.apply()).code, 0);
    try {
      await eventually(async () => (await browser.fetch(lab.gateway.url(kApp))).status === 403);
      const line = await lineOf(lab, (each) => each.reason === 'blocked_by_policy');
      assert.equal(line.effect, 'deny');
      assert.equal(line.host, kApp);
      assert.equal(line.status, 403);
      assert.match(line.policy, /./);
      assert.match(line.application, /./);
      assert.ok(line.transaction > 0, `${line.transaction}`);
      const evidence = JSON.parse(line.evidence);
      const ages = Object.entries(evidence).filter(([name]) => name.startsWith('posture/'));
      assert.equal(ages.length, 1);
      for (const age of [evidence.identity, ages[0][1]]) assert.ok(age >= 0 && age < 60, `${age}`);
    } finally {
      change.shift();
      lab.gateway.write();
      assert.equal((await lab.gateway.apply()).code, 0);
    }
  });
  test('of a bypass', async () => {
    assert.equal((await once(lab.gateway.url(kOpen))).status, 200);
    const line = await lineOf(lab, (each) => each.effect === 'bypass');
    assert.equal(line.host, kOpen);
    assert.equal(line.reason, '');
    assert.equal(line.status, 200);
  });
  test('of one allowed request of so many, with the reference that the application saw', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    const allowed = () => linesOf(current(lab)).filter((line) => line.effect === 'allow');
    lab.origin.clear();
    for (let i = 0; i < 3; i++)
      assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 200);
    const seen = lab.origin.requests.map((request) => request.values('gatehouse-request-id')[0]);
    assert.equal(new Set(seen).size, 3);
    const lines = await eventually(
      () => {
        const found = allowed().filter((line) => seen.includes(line.reference));
        return found.length > 0 && found;
      },
      { what: 'an allowed request in the log' },
    );
    assert.equal(lines.length, 1);
    assert.ok(JSON.parse(lines[0].evidence).identity >= 0);
  });
  test('of a service token names it', async () => {
    for (let i = 0; i < 3; i++)
      await once(lab.gateway.url(kMachine), { headers: { ...robot.headers } });
    const line = await lineOf(lab, (each) => each.host === kMachine && each.effect === 'allow');
    assert.ok(JSON.parse(line.evidence).service_token);
    assert.ok(!fs.readFileSync(current(lab), 'utf8').includes(robot.secret));
  });
});

// Lines of 8 KB each: nginx writes the method down as it comes.
const kBytes = 8000;
async function flood(lab, requests) {
  const method = 'X'.repeat(kBytes);
  const lines = Object.entries(kFalse).map(([name, value]) => `${name}: ${value}`);
  const one = rawGet(kOther, '/', lines).replace('GET', method).replace('close', 'keep-alive');
  let answered = 0;
  for (let sent = 0; sent < requests; sent += 10) {
    const last = one.replace('keep-alive', 'close');
    const { responses } = await sendRaw(lab.gateway.port, kOther, one.repeat(9) + last);
    for (const { status } of responses) {
      assert.ok(status === 401 || status === 403, `${status}`);
      answered += 1;
    }
  }
  assert.equal(answered, requests);
}

test('the log is rotated, nothing is lost, and the oldest goes', async () => {
  const lab = await startLab({
    idp: true,
    config(c) {
      c.decision_log = { max_size: '1MiB', files: 3 };
    },
  });
  try {
    const kRequests = 150;
    await flood(lab, kRequests);
    await eventually(() => filesOf(lab).includes('decisions.jsonl.1'), { ms: 10_000, what: '.1' });
    await once(lab.gateway.url(kOther), { headers: kFalse });
    // Workers, who are not root, have the new file open; every request is in one of the two.
    await eventually(() => fs.existsSync(current(lab)) && linesOf(current(lab)).length > 0, {
      what: 'a line in the new file',
    });
    const count = ['', '.1'].reduce((sum, end) => sum + linesOf(current(lab) + end).length, 0);
    assert.equal(count, kRequests + 1);
    for (const generation of [2, 3]) {
      const { ino } = fs.statSync(`${current(lab)}.1`);
      await flood(lab, kRequests);
      await eventually(() => fs.statSync(`${current(lab)}.1`).ino !== ino, {
        ms: 10_000,
        what: `generation ${generation}`,
      });
    }
    assert.deepEqual(
      filesOf(lab).filter((name) => name !== 'decisions.jsonl'),
      ['decisions.jsonl.1', 'decisions.jsonl.2'],
    );
  } finally {
    await lab.stop();
  }
});

test('a full disk stops nobody', async (t) => {
  const lab = await startLab({ idp: true, start: false });
  const directory = directoryOf(lab);
  fs.mkdirSync(directory, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0750', 'tmpfs', directory], {
      stdio: 'ignore',
    });
  } catch {
    await lab.stop();
    t.skip('a small file system cannot be mounted here');
    return;
  }
  try {
    await lab.gateway.start();
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    await flood(lab, 100);
    await lab.gateway.logged(/No space left on device/);
    assert.equal((await browser.fetch(lab.gateway.url(kOther))).status, 200);
    assert.equal((await once(lab.gateway.url(kOther))).status, 401);
    fs.truncateSync(current(lab), 0);
    await once(lab.gateway.url(kOther), { headers: kFalse });
    await eventually(() => fs.statSync(current(lab)).size > 0, {
      ms: 10_000,
      what: 'a line again',
    });
  } finally {
    await lab.gateway.stop();
    execFileSync('umount', [directory]);
    await lab.stop();
  }
});
