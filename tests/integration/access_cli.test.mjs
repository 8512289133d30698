// `gatehouse access`: the real command, a browser that signs in and confirms, and the token that
// comes of it.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { startLab, kApp, kAuth, kOther, application, domain, policy } from '../harness/lab.mjs';
import { SignIn, byProvider } from '../harness/signin.mjs';
import { formsOf, textOf } from '../harness/html.mjs';
import { auditOf } from '../harness/audit.mjs';
import { program } from '../harness/build.mjs';
import { pki } from '../harness/pki.mjs';
import { once } from '../harness/http.mjs';
import { Child, eventually, runProgram } from '../harness/process.mjs';

let lab;
let state;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications.push(
        application(
          'Bound',
          `${kOther}/bound`,
          [policy('allow', 'Corp people', { include: [domain('corp.example')] })],
          { enable_binding_cookie: true },
        ),
      );
    },
  });
  state = path.join(lab.directory, 'cli');
});
after(() => lab?.stop());

const environment = () => ({ XDG_STATE_HOME: state, DISPLAY: '', WAYLAND_DISPLAY: '' });
const options = (host) => [
  '--ca-file',
  pki().ca,
  '--resolve',
  `${host}:${lab.gateway.port}:127.0.0.1`,
];
const access = (host, action, target = '/', ...more) =>
  runProgram(
    program('gatehouse'),
    ['access', ...options(host), action, lab.gateway.url(host, target), ...more],
    { env: environment(), name: `access ${action}` },
  );
const tokenFiles = () => {
  const directory = path.join(state, 'gatehouse/access');
  return fs.existsSync(directory)
    ? fs.readdirSync(directory).map((name) => path.join(directory, name))
    : [];
};

// A `login` that waits for its browser: {child, url, code}.
async function beginLogin(host, target = '/', ...more) {
  const child = new Child(
    program('gatehouse'),
    ['access', ...options(host), 'login', lab.gateway.url(host, target), ...more],
    { env: environment() },
  );
  const [, url, code] = await eventually(
    () => /(https:\S+)[\s\S]* code (\S+)\n/.exec(child.output),
    { what: 'the address' },
  );
  return { child, url, code };
}
const openPage = async (browser, url) => {
  const flow = new SignIn(lab, browser);
  return flow.finish(await flow.follow(await flow.navigate(url)), byProvider('alice'));
};
const confirm = (browser, page, headers = {}) => {
  const form = formsOf(page.text)[0];
  return browser.navigate(new URL(form.action, page.url).href, {
    method: 'POST',
    form: form.fields,
    headers: { origin: lab.gateway.issuer, 'sec-fetch-site': 'same-origin', ...headers },
  });
};
async function mustLogIn(browser, host, ...more) {
  const login = await beginLogin(host, '/', ...more);
  const page = await openPage(browser, login.url);
  assert.equal((await confirm(browser, page)).status, 200);
  const { code } = await login.child.exited;
  assert.equal(code, 0, login.child.output);
  return { ...login, page };
}

describe('a person at a command line', () => {
  const browser = () => lab.browser();
  test('without a sign-in gets nothing but a hint', async () => {
    for (const action of ['token', 'curl']) {
      const result = await access(kApp, action);
      assert.equal(result.code, 3, result.output);
      assert.equal(result.stdout, '');
      assert.match(result.output, /gatehouse access login https:\/\/app\.gateway\.test/);
    }
    assert.equal((await access(kApp, 'token', '/', '--help')).code, 0);
    const wrong = await runProgram(program('gatehouse'), ['access', 'token', 'http://a/']);
    assert.equal(wrong.code, 2);
  });

  test('signs in, sees the same code, and goes through the gateway with that token', async () => {
    const { page, code, child } = await mustLogIn(browser(), kApp);
    assert.equal(new URL(page.url).hostname, kAuth);
    assert.ok(textOf(page.text).includes(code), textOf(page.text));
    assert.match(textOf(page.text), /alice@corp\.example/);
    assert.match(child.stdout, /^Signed in to app\.gateway\.test until \S+Z\.\n$/);

    const [file] = tokenFiles();
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal(fs.statSync(path.dirname(file)).mode & 0o777, 0o700);

    const token = (await access(kApp, 'token')).stdout.trim();
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.equal(claims.type, 'app');
    assert.deepEqual(claims.aud, [await lab.gateway.audience(kApp)]);
    const json = JSON.parse((await access(kApp, 'token', '/', '--output', 'json')).stdout);
    assert.equal(json.token, token);
    assert.equal(json.aud, claims.aud[0]);

    const passed = await access(kApp, 'curl', '/x?y=1', '-s');
    assert.equal(passed.code, 0, passed.output);
    assert.equal(JSON.parse(passed.stdout).url, '/x?y=1');
    assert.ok(!passed.stdout.includes('CF_Authorization'));
    const headers = { 'cf-access-token': token };
    assert.equal((await once(lab.gateway.url(kApp), { headers })).status, 200);
    assert.equal((await once(lab.gateway.url(kApp))).status, 401);
    // It opens this application and no other.
    assert.equal((await once(lab.gateway.url(kOther), { headers })).status, 401);
    assert.equal((await access(kOther, 'token')).code, 3);
    assert.ok(auditOf(lab.gateway, 'admission').some((e) => e.details.client === 'command line'));
  });

  test('sends the token to no other host, such as that of a second URL', async () => {
    const token = (await access(kApp, 'token')).stdout.trim();
    const other = lab.gateway.url(kOther, '/');
    const both = await access(
      kApp,
      'curl',
      '/',
      ...['-s', '-v', other],
      ...['--resolve', `${kOther}:${lab.gateway.port}:127.0.0.1`],
    );
    const sent = both.output.split('\n').filter((line) => line.startsWith('> '));
    assert.equal(sent.filter((line) => /^> Host:/i.test(line)).length, 2);
    assert.equal(sent.filter((line) => line.includes(token)).length, 1);
    assert.match(both.stdout, /"error"/);
  });

  test('is refused a file that others may read', async () => {
    const [file] = tokenFiles();
    fs.chmodSync(file, 0o644);
    const result = await access(kApp, 'token');
    assert.equal(result.code, 1);
    assert.match(result.output, /others may use .*chmod go-rwx/);
    fs.chmodSync(file, 0o600);
    assert.equal((await access(kApp, 'token')).code, 0);
  });

  test('loses it with the session, and an ended one is removed', async () => {
    assert.equal((await access(kApp, 'token')).code, 0);
    const ended = await lab.gateway.command('revoke', '--user', 'alice@corp.example');
    assert.equal(ended.code, 0, ended.output);
    assert.equal((await access(kApp, 'curl')).code, 3);
    assert.deepEqual(tokenFiles(), []);

    await mustLogIn(browser(), kApp);
    const [file] = tokenFiles();
    fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file)), expires_at: 1 }));
    assert.equal((await access(kApp, 'token')).code, 3);
    assert.deepEqual(tokenFiles(), []);
  });
});

describe('the hand-over', () => {
  const id = (secret) => crypto.createHash('sha256').update(secret).digest('base64url');
  const key = crypto.generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x;
  const start = (host, more) =>
    lab.gateway.url(host, `/cdn-cgi/access/cli?${new URLSearchParams({ path: '/', key, ...more })}`);
  const take = (secret) => once(lab.gateway.url(kApp, `/cdn-cgi/access/cli/transfer/${secret}`));

  test('gives once, and only to who has the secret', async () => {
    const browser = lab.browser();
    const secret = crypto.randomBytes(32).toString('base64url');
    const page = await openPage(browser, start(kApp, { id: id(secret) }));
    assert.equal((await take(secret)).status, 404);
    const elsewhere = { origin: lab.gateway.url(kApp, ''), 'sec-fetch-site': 'same-site' };
    assert.equal((await confirm(browser, page, elsewhere)).status, 403);
    assert.equal((await confirm(lab.browser(), page)).status, 400);
    assert.equal((await take(secret)).status, 404);

    assert.equal((await confirm(browser, page)).status, 200);
    assert.notEqual((await confirm(browser, page)).status, 200);
    for (const wrong of [id(secret), key, crypto.randomBytes(32).toString('base64url'), 'x'])
      assert.equal((await take(wrong)).status, 404);
    const given = await take(secret);
    assert.equal(given.status, 200);
    assert.ok(!given.text.includes('eyJ'));
    assert.equal((await take(secret)).status, 404);
  });

  test('of another key is of no use to the command', async () => {
    const login = await beginLogin(kApp);
    const browser = lab.browser();
    const url = new URL(login.url);
    url.searchParams.set('key', key);
    const page = await openPage(browser, url.href);
    assert.ok(!textOf(page.text).includes(login.code));
    assert.equal((await confirm(browser, page)).status, 200);
    assert.equal((await login.child.exited).code, 1);
    assert.match(login.child.output, /cannot be opened/);
  });

  test('begins with a key and an id only, and leaves out what is bound to browsers', async () => {
    const browser = lab.browser();
    for (const more of [{}, { id: 'x' }, { id: id('x'), key: 'x' }])
      assert.equal((await browser.navigate(start(kApp, more))).status, 400);
    const bound = await openPage(browser, start(kOther, { id: id('x'), path: '/bound/' }));
    assert.equal(bound.status, 403);
    assert.match(textOf(bound.text), /browsers only/);
  });
});
