// The browser between the page and the device: a page of the public internet needs the visitor's
// permission; Safari never gets through. Each has its own reason, and nothing hangs.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { allowLoopback } from './browser.mjs';
import { startLab, kApp, kProvider } from '../harness/lab.mjs';
import { enterProvider, picture, refusal, shown, startBrowser, visit } from './visit.mjs';

const kSafari =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15';
let lab;
let browser;
before(async () => {
  lab = await startLab({ idp: true, agent: true });
  browser = await startBrowser({ publicPorts: [lab.gateway.port] });
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});
const app = (target = '/') => lab.gateway.url(kApp, target);
const signIn = async (page) => {
  await page.goto(app()); // one login method: at the provider at once
  await enterProvider(page, 'alice');
};

describe(`a page of the public internet (${kProvider})`, () => {
  test('permitted: the device is asked and the application opens', async () => {
    const page = await visit(browser);
    await allowLoopback(page.context(), lab.gateway.issuer);
    await signIn(page);
    assert.equal((await shown(page, app())).email, 'alice@corp.example');
    assert.deepEqual(page.violations, []);
    await page.context().close();
  });
  test('denied: said so, with what to do; permitted afterwards: opens without a new sign-in', async () => {
    const page = await visit(browser);
    // Granting something else denies the rest.
    await page.context().grantPermissions(['notifications'], { origin: lab.gateway.issuer });
    await signIn(page);
    assert.equal(await refusal(page), 'permission_denied');
    assert.match(await page.locator('body').innerText(), /permission|allow/i);
    await picture(page, 'refused-permission');
    await allowLoopback(page.context(), lab.gateway.issuer);
    await page.goto(app());
    assert.equal((await shown(page, app())).email, 'alice@corp.example');
    await page.context().close();
  });
  test('permitted but no agent: that is the reason, not the permission', async () => {
    const page = await visit(browser);
    await allowLoopback(page.context(), lab.gateway.issuer);
    await lab.agent.stop();
    try {
      await signIn(page);
      assert.equal(await refusal(page), 'agent_unreachable');
    } finally {
      await lab.agent.start();
    }
    await page.context().close();
  });
  test('an agent that never answers: refused within its time', async () => {
    const page = await visit(browser);
    await allowLoopback(page.context(), lab.gateway.issuer);
    await page.route(`http://127.0.0.1:${lab.agent.port}/**`, () => {});
    const began = Date.now();
    await signIn(page);
    await page.waitForURL(/\/cdn-cgi\/access\/posture\?/);
    await picture(page, 'posture');
    assert.ok(!(await page.locator('#explanation').isVisible()), 'there is no question to explain');
    assert.equal(await refusal(page), 'agent_unreachable');
    assert.ok(Date.now() - began < 15_000, `${Date.now() - began} ms`);
    await page.context().close();
  });
  test('Safari: said so, at once', async () => {
    const page = await visit(browser, { userAgent: kSafari });
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'vendor', { get: () => 'Apple Computer, Inc.' });
      Object.defineProperty(navigator, 'userAgentData', { get: () => undefined });
      delete window.chrome;
      // WebKit knows no such permission.
      navigator.permissions.query = () => Promise.reject(new TypeError('unknown permission'));
    });
    await page.route(`http://127.0.0.1:${lab.agent.port}/**`, (route) =>
      route.abort('blockedbyclient'),
    );
    await signIn(page);
    assert.equal(await refusal(page), 'browser_unsupported');
    assert.match(await page.locator('body').innerText(), /browser/i);
    await picture(page, 'refused-browser');
    await page.context().close();
  });
  test('without scripts the page says that it needs them', async () => {
    const page = await visit(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.waitForURL(/\/cdn-cgi\/access\/posture\?/);
    assert.match(await page.locator('noscript, body').first().innerText(), /script/i);
    await picture(page, 'posture-no-script');
    await page.context().close();
  });
});
