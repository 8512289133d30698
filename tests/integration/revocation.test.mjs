// What the administrator ends: one session, a user, a device, an application's tokens, one token.
// Every worker obeys from the next request on.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { startLab, kApp, kAuth, kOther, kProvider } from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { program } from '../harness/build.mjs';
import { runProgram } from '../harness/process.mjs';

let lab;
before(async () => {
  lab = await startLab({ idp: true, device: true });
});
after(() => lab?.stop());

const command = (...args) =>
  runProgram(program('gatehouse'), [...args, '--state', lab.gateway.state], { name: args[0] });
const revoke = async (...args) => {
  const { code, stdout, output } = await command('revoke', ...args, '--output', 'json');
  assert.equal(code, 0, output);
  const answer = JSON.parse(stdout);
  assert.equal(answer.enforced, true);
  return answer;
};
const sessions = async (...args) => {
  const { code, stdout, output } = await command('sessions', ...args, '--output', 'json');
  assert.equal(code, 0, output);
  return JSON.parse(stdout);
};

const fromDevice = async (page, flow) => ({
  token: await lab.device.answer(flow.challenge(page)),
});
const signedIn = async (user = 'alice') => {
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, { ...byProvider(user), device: fromDevice });
  await mustSignIn(lab, browser, kOther);
  return browser;
};
const token = (browser, host = kOther) => browser.cookie(host, 'CF_Authorization');
const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
const nonce = (browser) => claims(token(browser)).identity_nonce;
// The same answer from whichever worker, at once: on connections of their own, which the workers
// share among them.
const open = async (browser, host = kOther) => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => browser.fetch(lab.gateway.url(host))),
  );
  const found = new Set(answers.map(({ status }) => status));
  assert.equal(found.size, 1, [...found].join());
  return answers[0].status;
};
const withToken = (jwt) => {
  const browser = lab.browser();
  browser.jar(kOther).set('CF_Authorization', { value: jwt, attributes: {} });
  return browser;
};

describe('gatehouse sessions', () => {
  test('lists who is signed in, with their devices', async () => {
    const browser = await signedIn();
    const all = await sessions();
    const [mine] = all.sessions.filter((session) => session.nonce === nonce(browser));
    assert.equal(mine.email, 'alice@corp.example');
    assert.equal(mine.login_method, kProvider);
    assert.equal(mine.devices[0].device_id, 'device-1');
    assert.ok(Date.parse(mine.created_at) <= Date.now());
    assert.ok(Date.parse(mine.expires_at) > Date.now());
    assert.equal((await sessions('--user', mine.user_id)).sessions.length, 1);
    const { stdout } = await command('sessions', '--user', 'Alice@corp.example');
    assert.match(stdout, /^NONCE +E-MAIL +LOGIN METHOD +SINCE +EXPIRES +DEVICES$/m);
    assert.ok(stdout.includes(mine.nonce) && stdout.includes('device-1'));
  });
});

describe('gatehouse revoke', () => {
  test('--session ends one browser, --user every browser of a person', async () => {
    const one = await signedIn();
    const two = await signedIn();
    const three = await signedIn();
    const { name } = await revoke(`--session=${nonce(one)}`);
    assert.equal(name, 'alice@corp.example');
    assert.equal(await open(one), 401);
    assert.equal(await open(two), 200);
    const page = await new SignIn(lab, one).begin(kOther);
    assert.ok(page.location?.startsWith(lab.idp.issuer), 'the global session still signs in');

    assert.ok((await revoke('--user', 'ALICE@corp.example')).sessions >= 2);
    for (const browser of [two, three])
      for (const host of [kApp, kOther]) assert.equal(await open(browser, host), 401);
    assert.equal((await sessions('--user', 'alice@corp.example')).sessions.length, 0);
    await mustSignIn(lab, two, kOther, byProvider('alice'));
  });

  test('--application ends its tokens; people are back without a question', async () => {
    const one = await signedIn();
    const two = await signedIn();
    await revoke('--application', 'Other');
    for (const browser of [one, two]) {
      assert.equal(await open(browser, kOther), 401);
      assert.equal(await open(browser, kApp), 200);
    }
    const old = token(one);
    const back = await mustSignIn(lab, one, kOther);
    assert.ok(!back.trail.some((line) => line.includes(lab.idp.issuer)), back.trail.join('\n'));
    assert.equal(await open(one, kOther), 200);
    assert.equal(await open(withToken(old), kOther), 401);
    assert.equal(
      (await withToken(old).fetch(lab.gateway.url(kOther, '/cdn-cgi/access/get-identity'))).status,
      401,
    );
  });

  test('--token ends one token, in every spelling of it', async () => {
    const browser = await signedIn();
    const first = token(browser);
    await browser.navigate(lab.gateway.url(kOther, '/cdn-cgi/access/logout'));
    await mustSignIn(lab, browser, kOther);
    const second = token(browser);
    const copy = lab.browser();
    copy.jars.set(kAuth, new Map(browser.jar(kAuth)));
    await mustSignIn(lab, copy, kOther);
    const third = token(copy);
    assert.notEqual(claims(second).jti, claims(third).jti);
    assert.notEqual(claims(first).jti, claims(second).jti);

    // As it comes out of a pipe: padded, with a line end.
    const { status, stderr } = spawnSync(
      program('gatehouse'),
      ['revoke', '--token', '-', '--state', lab.gateway.state],
      { input: `${second}==\n` },
    );
    assert.equal(status, 0, String(stderr));
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const respelled = second.slice(0, -1) + alphabet[alphabet.indexOf(second.at(-1)) | 15];
    for (const spelling of [second, `${second}=`, `${second}==`, respelled, `"${second}"`])
      assert.equal(await open(withToken(spelling)), 401, spelling.slice(-8));
    assert.equal(await open(withToken(third)), 200);
    assert.equal(await open(browser, kApp), 200);
    await revoke('--token', claims(third).jti);
    assert.equal(await open(withToken(third)), 401);
  });

  test('--device ends its sessions and bars it until --restore', async () => {
    const browser = await signedIn();
    assert.ok((await revoke('--device', 'device-1')).sessions >= 1);
    assert.equal(await open(browser, kApp), 401);
    assert.equal(await open(browser, kOther), 401, 'the session that held its evidence has ended');
    const how = { ...byProvider('alice'), device: fromDevice };
    const refused = await signIn(lab, browser, kApp, how);
    assert.equal(refused.result?.reason, 'device_revoked');
    assert.equal(refused.status, 403);
    await mustSignIn(lab, browser, kOther);
    assert.deepEqual((await sessions()).revoked_devices, ['device-1']);
    // Another device of the same person is not concerned.
    const elsewhere = lab.browser();
    await mustSignIn(lab, elsewhere, kApp, {
      ...byProvider('alice'),
      device: async (page, flow) => ({
        token: await lab.device.answer(flow.challenge(page), { sub: 'device-2' }),
      }),
    });
    assert.equal(
      (await signIn(lab, lab.browser(), kApp, how)).result?.reason,
      'device_revoked',
      'in a new browser as well',
    );
    await revoke('--device', 'device-1', '--restore');
    await mustSignIn(lab, browser, kApp, how);
  });

  test('log-out everywhere is of one browser', async () => {
    const one = await signedIn();
    const two = await signedIn();
    await one.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
    for (const host of [kApp, kOther]) {
      assert.equal(await open(one, host), 401);
      assert.equal(await open(two, host), 200);
    }
  });

  test('survives a restart, and leaves audit records', async () => {
    const browser = await signedIn();
    const other = await signedIn();
    await revoke('--token', token(browser));
    await revoke('--device', 'device-9');
    await lab.gateway.restart();
    assert.equal(await open(browser, kOther), 401);
    assert.equal(await open(browser, kApp), 200);
    assert.equal(await open(other, kOther), 200);
    assert.deepEqual((await sessions()).revoked_devices, ['device-9']);
    await revoke('--device', 'device-9', '--restore');

    const database = new DatabaseSync(lab.gateway.storeFile(), { readOnly: true });
    const events = database
      .prepare("SELECT event, actor, details FROM audit WHERE event LIKE 'revocation%'")
      .all();
    database.close();
    assert.ok(events.every(({ actor }) => actor === 'gatehouse revoke'));
    const what = new Set(events.map(({ details }) => JSON.parse(details).what));
    assert.deepEqual([...what].sort(), ['application', 'device', 'session', 'token', 'user']);
    assert.ok(events.some(({ event }) => event === 'revocation_lifted'));
    assert.ok(!lab.gateway.logs().includes(token(browser)), 'a token in the logs');
  });

  for (const [args, code, said] of [
    [[], 2, /--session, --user/],
    [['--user', 'a@corp.example', '--session', 'x'], 2, /one of/],
    [['--user', 'a@corp.example', '--restore'], 2, /--restore is for --device/],
    [['--session', 'nobody'], 1, /no live session/],
    [['--user', 'eve@corp.example'], 1, /--user: nobody/],
    [['--application', 'Nothing'], 1, /no application/],
    [['--token', 'a.b.c'], 1, /neither an application token/],
    [['--device', 'never-revoked', '--restore'], 1, /not revoked/],
  ])
    test(`revoke ${args.join(' ')}: exit ${code}`, async () => {
      const result = await command('revoke', ...args);
      assert.equal(result.code, code, result.output);
      assert.match(result.output, said);
    });
});
