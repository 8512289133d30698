// Rotation of the signing keys and of the master key while people work, and while the control plane
// is killed in the middle of it.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { startLab, kApp, kAuth, kOther } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { once } from '../harness/http.mjs';
import { program } from '../harness/build.mjs';
import { runProgram, sleep } from '../harness/process.mjs';

let lab;
before(async () => {
  lab = await startLab({ idp: true });
});
after(() => lab?.stop());

const keys = async (...args) => {
  const { code, stdout, output } = await runProgram(
    program('gatehouse'),
    ['keys', ...args, '--state', lab.gateway.state, '--output', 'json'],
    { name: 'keys' },
  );
  return { code, output, answer: code === 0 ? JSON.parse(stdout) : null };
};
const must = async (...args) => {
  const { code, output, answer } = await keys(...args);
  assert.equal(code, 0, output);
  return answer;
};
const states = ({ keys: list }) => list.map(({ state }) => state);
const signedIn = async () => {
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  return browser;
};
const status = async (browser, host = kApp) => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => browser.fetch(lab.gateway.url(host))),
  );
  const found = new Set(answers.map((answer) => answer.status));
  assert.equal(found.size, 1, [...found].join());
  return answers[0].status;
};
const kid = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;
const certs = async () =>
  JSON.parse((await once(lab.gateway.url(kAuth, '/cdn-cgi/access/certs'))).text);
const isVerified = async (token) =>
  jwtVerify(token, createLocalJWKSet({ keys: (await certs()).keys }), {
    issuer: lab.gateway.issuer,
  });

describe('gatehouse keys rotate', () => {
  test('nobody notices: tokens of both keys are good everywhere', async () => {
    const workers = lab.gateway.nginxWorkers();
    const one = await signedIn();
    const before = one.cookie(kApp, 'CF_Authorization');
    const first = await must('list');
    assert.deepEqual(states(first), ['successor', 'current']);
    assert.equal(first.key_rotation_interval_days, 42);
    assert.equal(kid(before), first.keys[1].kid);

    const rotated = await must('rotate');
    assert.deepEqual(states(rotated), ['successor', 'current', 'retiring']);
    assert.equal(rotated.keys[1].kid, first.keys[0].kid, 'it was published before');
    const ends = Date.parse(rotated.keys[2].retires_at) - Date.now();
    assert.ok(Math.abs(ends - 7 * 86400_000) < 60_000, String(ends));

    assert.equal(await status(one), 200);
    await mustSignIn(lab, one, kOther); // silent: the global session's token is the old key's
    const two = await signedIn();
    const afterwards = two.cookie(kApp, 'CF_Authorization');
    assert.equal(kid(afterwards), rotated.keys[1].kid);
    for (const token of [before, afterwards]) await isVerified(token);
    assert.equal(await status(two), 200);
    assert.equal((await certs()).public_cert.kid, rotated.keys[1].kid);
    assert.deepEqual(lab.gateway.nginxWorkers(), workers, 'nginx is not reloaded');

    // The same after a start.
    await lab.gateway.restart();
    assert.deepEqual((await must('list')).keys, rotated.keys);
    assert.equal(await status(one), 200);
    for (const token of [before, afterwards]) await isVerified(token);
  });

  test('the table for people', async () => {
    const { code, stdout } = await runProgram(program('gatehouse'), [
      'keys',
      '--state',
      lab.gateway.state,
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /^KEY +STATE +MADE +GOOD UNTIL$/m);
    assert.match(stdout, /^Rotated every 42 days, next in 42 days\.$/m);
  });
});

describe('gatehouse keys rotate-master', () => {
  const file = () => path.join(lab.gateway.state, 'keys', 'master.key');

  test('while requests and sign-ins run: none fails', async () => {
    const browser = await signedIn();
    const before = fs.readFileSync(file());
    let running = true;
    const seen = [];
    const requests = (async () => {
      while (running) seen.push((await browser.fetch(lab.gateway.url(kApp))).status);
    })();
    const people = (async () => {
      while (running) await signedIn();
    })();
    for (let i = 0; i < 5; i++) {
      const { master_key_file } = await must('rotate-master');
      assert.equal(master_key_file, file());
    }
    running = false;
    await Promise.all([requests, people]);
    assert.deepEqual([...new Set(seen)], [200]);
    assert.notDeepEqual(fs.readFileSync(file()), before);
    assert.deepEqual(fs.readdirSync(path.dirname(file())), ['master.key']);
    assert.equal(fs.statSync(file()).mode & 0o777, 0o600);

    await lab.gateway.restart();
    assert.equal(await status(browser), 200);
    await signedIn(); // the provider's secret is readable
  });

  test('the control plane is killed in the middle, again and again', async () => {
    const browser = await signedIn();
    const list = await must('list');
    const socketPath = path.join(lab.gateway.state, 'run', 'admin.sock');
    for (let i = 0; i < 12; i++) {
      // Asked as the command does, without the time that it takes to start one.
      const asked = new Promise((resolve) => {
        http
          .request({ socketPath, path: '/keys/rotate-master', method: 'POST' }, resolve)
          .on('error', resolve)
          .end();
      });
      await sleep(3 * i); // before, within, and after: whichever it is
      await lab.gateway.kill9();
      await asked;
      assert.equal(await status(browser), 200, 'nginx goes on');
      await lab.gateway.start();
      assert.deepEqual(fs.readdirSync(path.dirname(file())), ['master.key']);
      assert.deepEqual((await must('list')).keys, list.keys);
    }
    assert.equal(await status(browser), 200);
    await signedIn();
  });
});
