// Log-out that the login method has a part in: the provider tells the gateway behind the browser's
// back, and who signs out here can go on to do so there.
import https from 'node:https';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { formsOf, textOf } from '../harness/html.mjs';
import { isSanitized } from '../harness/build.mjs';
import { startLab, kApp, kAuth, kOther } from '../harness/lab.mjs';
import { pki } from '../harness/pki.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually } from '../harness/process.mjs';

const kSecond = { ms: isSanitized() ? 2000 : 1000 };
const kSecondProvider = 'Second client';
let lab;
let method; // id of the login method
let second; // of the same provider's other client
before(async () => {
  lab = await startLab({
    idp: true,
    config(c, { idp }) {
      c.identity_providers.push(idp.entry(kSecondProvider, 'gateway-post'));
      c.applications[0].allowed_idps = ['Test provider'];
      c.applications[1].allowed_idps = ['Test provider', kSecondProvider];
    },
  });
  method = await methodOf(await signedIn('carol'));
  const browser = lab.browser();
  await mustSignIn(lab, browser, kOther, { method: kSecondProvider, credentials: { user: 'carol' } });
  second = await methodOf(browser);
  assert.notEqual(second, method);
});
after(() => lab?.stop());

const methodOf = async (browser) =>
  (await browser.fetch(lab.gateway.url(kOther, '/cdn-cgi/access/get-identity'))).json.idp.id;
async function signedIn(user) {
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider(user));
  await mustSignIn(lab, browser, kOther);
  return browser;
}
const open = async (browser, host) => (await browser.fetch(lab.gateway.url(host))).status;
const post = (id, fields, options = {}) =>
  lab.browser().fetch(`${lab.gateway.issuer}/cdn-cgi/access/backchannel-logout/${id}`, {
    form: fields,
    ...options,
  });
const tell = async (user, more, id = method) =>
  post(id, { logout_token: await lab.idp.logoutToken(user, more) });

describe('back-channel logout', () => {
  test('an open stream ends', async () => {
    const browser = await signedIn('alice');
    const stream = { received: 0, closed: false };
    const request = https.get(lab.gateway.url(kApp, '/sse?stream=logout'), {
      ca: fs.readFileSync(pki().ca),
      headers: { cookie: `CF_Authorization=${browser.cookie(kApp, 'CF_Authorization')}` },
      agent: false,
    });
    request.on('error', () => (stream.closed = true));
    request.on('close', () => (stream.closed = true));
    request.on('response', (response) => {
      response.on('data', (chunk) => (stream.received += chunk.length));
      response.on('error', () => {});
    });
    await eventually(() => stream.received > 0, { what: 'the stream' });
    assert.equal((await tell('alice')).status, 200);
    await eventually(() => stream.closed, { ...kSecond, what: 'the end of the stream' });
  });
  test('a token is accepted once', async () => {
    const token = await lab.idp.logoutToken('alice');
    assert.equal((await post(method, { logout_token: token })).status, 200);
    const browser = await signedIn('alice');
    const again = await post(method, { logout_token: token });
    assert.equal(again.status, 400);
    assert.equal(again.json.error, 'invalid_request');
    assert.equal(await open(browser, kApp), 200);
  });
  test('of one login method ends nothing of another, and is not taken for it', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, {
      method: kSecondProvider,
      credentials: { user: 'alice' },
    });
    assert.equal((await tell('alice')).status, 200);
    assert.equal((await tell('alice', {}, second)).status, 400, 'the token of the other client');
    assert.equal(await open(browser, kOther), 200);
    assert.equal((await tell('alice', { client: 'gateway-post' }, second)).status, 200);
    await eventually(async () => (await open(browser, kOther)) === 401, kSecond);
  });
  test('what is refused ends nothing', async () => {
    const browser = await signedIn('alice');
    const now = Math.floor(Date.now() / 1000);
    const wrong = {
      'unknown key': { key: 'evil' },
      'another issuer': { claims: { iss: 'https://other.example' } },
      'another audience': { claims: { aud: 'else' } },
      'no event': { claims: { events: null } },
      'a nonce': { claims: { nonce: 'n' } },
      'no jti': { claims: { jti: null } },
      'a session only': { claims: { sub: null, sid: 's' } },
      'too old': { claims: { iat: now - 600 } },
      'from the future': { claims: { iat: now + 600 } },
      expired: { claims: { exp: now - 600 } },
      'the type of another token': { header: { typ: 'at+jwt' } },
    };
    for (const [name, more] of Object.entries(wrong)) {
      const answer = await tell('alice', more);
      assert.equal(answer.status, 400, `${name}: ${answer.text}`);
      assert.equal(answer.headers['cache-control'], 'no-store', name);
      assert.equal(answer.json.error, 'invalid_request', name);
    }
    const good = await lab.idp.logoutToken('alice');
    assert.equal((await post('no-such-method', { logout_token: good })).status, 400);
    assert.equal((await post(method, {})).status, 400);
    assert.equal(
      (await post(method, undefined, { json: { logout_token: good } })).status,
      415,
    );
    assert.equal(await open(browser, kApp), 200);
    assert.equal((await post(method, { logout_token: good })).status, 200);
  });
});

describe('signing out at the provider', () => {
  const logout = (browser, host) =>
    browser.navigate(lab.gateway.url(host, '/cdn-cgi/access/logout'));
  const linkOf = (page) => /href="([^"]*)">Also sign out at/.exec(page.text)?.[1];

  test('is offered after a log-out everywhere, and leads there and back', async () => {
    const browser = await signedIn('alice');
    assert.equal(linkOf(await logout(browser, kApp)), undefined, 'of one application');
    const page = await logout(browser, kAuth);
    assert.equal(page.status, 200);
    assert.equal(page.headers.refresh, undefined);
    assert.match(textOf(page.text), /Also sign out at Test provider/);
    assert.equal(linkOf(page), `/cdn-cgi/access/logout/${method}`);

    const away = await browser.navigate(new URL(linkOf(page), page.url).href);
    const target = new URL(away.location);
    assert.equal(target.origin, lab.idp.issuer);
    assert.deepEqual([...target.searchParams.keys()].sort(), [
      'client_id',
      'post_logout_redirect_uri',
      'state',
    ]);
    assert.equal(target.searchParams.get('client_id'), 'gateway');
    assert.equal(
      target.searchParams.get('post_logout_redirect_uri'),
      `${lab.gateway.issuer}/`,
    );
    const question = await fetch(target, { redirect: 'manual' });
    assert.equal(question.status, 200);
    const [form] = formsOf(await question.text());
    const back = await fetch(new URL(form.action, target), {
      method: 'POST',
      redirect: 'manual',
      headers: {
        cookie: question.headers
          .getSetCookie()
          .map((line) => line.split(';')[0])
          .join('; '),
      },
      body: new URLSearchParams({ ...form.fields, logout: 'yes' }),
    });
    const home = back.headers.get('location');
    assert.equal(home, `${lab.gateway.issuer}/?state=${target.searchParams.get('state')}`);
    assert.equal((await browser.navigate(home)).status, 200);
  });
  test('is not offered to whom nobody has signed in', async () => {
    assert.equal(linkOf(await logout(lab.browser(), kAuth)), undefined);
  });
  test('of an unknown login method is a page of ours', async () => {
    const page = await lab
      .browser()
      .navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout/no-such-method'));
    assert.equal(page.status, 404);
    assert.equal(page.location, null);
  });
});
