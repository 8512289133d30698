// The end of a session: of one application, of everything.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth, kOther } from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually } from '../harness/process.mjs';

let lab;
before(async () => {
  lab = await startLab({ idp: true });
});
after(() => lab?.stop());

const signedIn = async () => {
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  await mustSignIn(lab, browser, kOther);
  return browser;
};
const open = async (browser, host) => (await browser.fetch(lab.gateway.url(host))).status;
const logout = (browser, host) => browser.navigate(lab.gateway.url(host, '/cdn-cgi/access/logout'));

describe('log-out', () => {
  test('of an application ends its token, not the others', async () => {
    const browser = await signedIn();
    const thief = browser.clone();
    lab.browsers.push(thief);
    assert.ok((await logout(browser, kApp)).status < 400);
    assert.equal(browser.cookie(kApp, 'CF_Authorization'), undefined);
    await eventually(async () => (await open(thief, kApp)) === 401, {
      ms: 1000,
      what: 'the end of a copied token',
    });
    assert.equal(await open(browser, kOther), 200);
    // The global session lives: the application opens again without a question.
    await mustSignIn(lab, browser, kApp);
  });
  test('of the application alone leaves other browsers of the same person signed in', async () => {
    const one = await signedIn();
    const two = await signedIn();
    await logout(one, kApp);
    assert.equal(await open(two, kApp), 200);
  });
  test('on the auth domain ends everything at once, copies too', async () => {
    const browser = await signedIn();
    const thief = browser.clone();
    lab.browsers.push(thief);
    const answer = await logout(browser, kAuth);
    assert.ok(answer.status < 400);
    assert.equal(browser.cookie(kAuth, 'CF_Authorization'), undefined);
    const began = Date.now();
    await eventually(
      async () => (await open(thief, kApp)) === 401 && (await open(thief, kOther)) === 401,
      { ms: 1000 },
    );
    assert.ok(Date.now() - began < 1000);
    const page = await new SignIn(lab, thief).begin(kApp);
    assert.ok(page.location?.startsWith(lab.idp.issuer), 'a copied global session still signs in');
    assert.equal(
      (await thief.fetch(`${lab.gateway.issuer}/cdn-cgi/access/get-identity`)).status,
      401,
    );
  });
  test('without a session is not an error', async () => {
    for (const host of [kApp, kAuth]) assert.ok((await logout(lab.browser(), host)).status < 400);
  });
  test('with the token of another application, or junk, ends nothing', async () => {
    const browser = await signedIn();
    const other = lab.browser();
    for (const value of [browser.cookie(kOther, 'CF_Authorization'), 'a.b.c']) {
      other.jar(kApp).set('CF_Authorization', { value, attributes: {} });
      await logout(other, kApp);
    }
    assert.equal(await open(browser, kApp), 200);
    assert.equal(await open(browser, kOther), 200);
  });
});
