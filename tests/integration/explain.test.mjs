// `gatehouse explain` asked of a running gateway: the configuration in force, real sessions, and
// the same answer as the request gets.
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { startLab, kApp, kOther, application, email, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { runProgram } from '../harness/process.mjs';
import { program } from '../harness/build.mjs';

const kClosed = 'machine.gateway.test';
let lab;
let browser;
let nonce;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications.push(
        application('Closed', kClosed, [
          policy('allow', 'Root', { include: [email('root@corp.example')] }),
        ]),
      );
    },
  });
  browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('carol'));
  nonce = jose.decodeJwt(browser.cookie(kApp, 'CF_Authorization')).identity_nonce;
});
after(() => lab?.stop());

const explain = (args) =>
  runProgram(program('gatehouse'), [
    ...['explain', '--state', path.join(lab.directory, 'state'), '--output', 'json'],
    ...args,
  ]);
async function answer(args) {
  const { code, stdout, output } = await explain(args);
  assert.equal(code, 0, output);
  return JSON.parse(stdout);
}

describe('explain --state', () => {
  test('a live session by its nonce gets the decision that its requests get', async () => {
    for (const [host, effect] of [
      [kApp, 'allow'],
      [kOther, 'allow'],
      [kClosed, 'deny'],
    ]) {
      const told = await answer(['--app', host, '--session', nonce, '--ip', '127.0.0.1']);
      assert.equal(told.effect, effect, host);
      const user = told.inputs.find(({ name }) => name === 'user');
      assert.equal(user.value, 'carol@corp.example');
    }
    assert.equal((await browser.navigate(lab.gateway.url(kApp))).status, 200);
  });
  test('somebody who is not signed in, by what is said of them', async () => {
    const told = await answer(['--app', 'Closed', '--user', 'root@corp.example']);
    assert.equal(told.effect, 'allow');
    assert.equal(told.policy.name, 'Root');
    assert.equal((await answer(['--app', 'Closed'])).reason, 'not_signed_in');
  });
  test('wrong arguments: exit code 2 and what exists', async () => {
    for (const [args, said] of [
      [['--app', 'Nothing'], /there is no application `Nothing`.*Closed/],
      [['--app', 'Closed', '--session', 'n'], /no live session/],
      [['--app', 'Closed', '--session', nonce, '--user', 'a@b.example'], /--user: --session/],
    ]) {
      const { code, output } = await explain(args);
      assert.equal(code, 2, output);
      assert.match(output, said);
    }
  });
  test('a session that has ended is none', async () => {
    await browser.navigate(`${lab.gateway.issuer}/cdn-cgi/access/logout`);
    const { code, output } = await explain(['--app', 'Closed', '--session', nonce]);
    assert.equal(code, 2, output);
    assert.match(output, /no live session/);
  });
});
