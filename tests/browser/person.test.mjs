// What a person can do (issue 2, 1 to 4), in Debian's Chromium: open the application, choose a login
// method, sign in, have the device checked, be refused for it, repair it, be let in again.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth, kOther, kPin, kProvider, email, policy } from '../harness/lab.mjs';
import {
  choose,
  enterPin,
  enterProvider,
  picture,
  refusal,
  refusalShown,
  shown,
  startBrowser,
  visit,
} from './visit.mjs';

let lab;
let browser;
before(async () => {
  lab = await startLab({ idp: true, smtp: true, agent: true });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});
const app = (target = '/') => lab.gateway.url(kApp, target);
const opened = async (page, target) => {
  const answer = await shown(page, app(target));
  assert.deepEqual(page.violations, []);
  return answer;
};

describe('a person', () => {
  test('signs in by code, the device is checked, the application opens and shows what it received', async () => {
    const page = await visit(browser);
    await page.goto(app('/start?a=b'));
    assert.equal(new URL(page.url()).hostname, kAuth);
    for (const name of [kPin, kProvider]) await page.getByRole('button', { name }).waitFor();
    await picture(page, 'chooser');
    await choose(page, kPin);
    await page.locator('input[name=email]').waitFor();
    await picture(page, 'pin-request');
    await page.locator('input[name=email]').fill('pia@corp.example');
    await page.locator('form:has(input[name=email]) button').first().click();
    await page.locator('input[name=code]').waitFor();
    await picture(page, 'pin-entry');
    await page.locator('input[name=code]').fill('000000');
    await page.locator('form:has(input[name=code]) button').first().click();
    await page.locator('#code-error').waitFor();
    await picture(page, 'pin-entry-wrong');
    // Hold the exchange for a picture.
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route(`http://127.0.0.1:${lab.agent.port}/**`, async (route) => {
      await held;
      await route.continue();
    });
    await page.locator('input[name=code]').fill(await lab.smtp.codeFor('pia@corp.example'));
    assert.equal(lab.smtp.to('pia@corp.example').length, 1);
    await page.locator('form:has(input[name=code]) button').first().click();
    // What stays pending may be the browser's question to her, so that is explained.
    await page.locator('#explanation').waitFor();
    await picture(page, 'posture-explained');
    release();
    const answer = await opened(page, '/start?a=b');
    assert.equal(answer.email, 'pia@corp.example');
    assert.equal(answer.policy, encodeURIComponent('Corp people'));
    assert.ok(answer.headers.some(([name]) => name.toLowerCase() === 'gatehouse-device-id'));
    await picture(page, 'application');
    // The token is out of the page's reach, and nothing of the sign-in is in the address.
    assert.ok(!(await page.evaluate(() => document.cookie)).includes('CF_'));
    await page.context().close();
  });

  test('signs in at the provider; the next application opens silently', async () => {
    const page = await visit(browser);
    await page.goto(app());
    await choose(page, kProvider);
    await enterProvider(page, 'alice');
    assert.equal((await opened(page, '/')).email, 'alice@corp.example');
    await page.goto(lab.gateway.url(kOther, '/next'));
    assert.equal((await shown(page, lab.gateway.url(kOther, '/next'))).email, 'alice@corp.example');
    await page.context().close();
  });

  test('unmanaged: refused with the reason; managed again: opens without a new sign-in', async () => {
    const page = await visit(browser);
    await lab.agent.set({ managed: false });
    try {
      await page.goto(app());
      await choose(page, kProvider);
      await enterProvider(page, 'carol');
      assert.equal(await refusal(page), 'posture_not_managed');
      assert.match(await page.locator('body').innerText(), /managed/i);
      await picture(page, 'refused-not-managed');
    } finally {
      await lab.agent.set({ managed: true });
    }
    await page.goto(app('/again'));
    assert.equal((await opened(page, '/again')).email, 'carol@corp.example');
    await page.context().close();
  });

  test("the agent stops: refused, and told what to do; it starts: the page's own retry opens the application", async () => {
    const page = await visit(browser);
    await lab.agent.stop();
    try {
      await page.goto(app('/kept?x=1'));
      await choose(page, kProvider);
      await enterProvider(page, 'alice');
      assert.equal(await refusal(page), 'agent_unreachable');
      await picture(page, 'refused-no-agent');
    } finally {
      await lab.agent.start();
    }
    await page
      .getByRole('link', { name: /again/i })
      .or(page.getByRole('button', { name: /again/i }))
      .first()
      .click();
    assert.equal((await opened(page, '/kept?x=1')).email, 'alice@corp.example');
    await page.context().close();
  });

  test('the policy is changed and SIGHUP sent: the next request obeys; back again: opens', async () => {
    const page = await visit(browser);
    await page.goto(app());
    await choose(page, kProvider);
    await enterProvider(page, 'alice');
    await opened(page, '/');
    const { policies } = lab.gateway.configuration.applications[0];
    const changed = async (list, expected) => {
      lab.gateway.configuration.applications[0].policies = list;
      lab.gateway.write();
      lab.gateway.hangUp();
      for (let i = 0; i < 50; i++) {
        const response = await page.goto(app());
        if (response.status() === expected) return;
        await page.waitForTimeout(20);
      }
      assert.fail(`never ${expected}`);
    };
    await changed(
      [policy('allow', 'Root', { include: [email('root@corp.example')] })],
      403,
    );
    assert.equal(await refusalShown(page), 'identity_not_permitted');
    await picture(page, 'refused-by-policy');
    await changed(policies, 200);
    await page.context().close();
  });

  test('cancels at the provider: said so; begins again and gets in', async () => {
    const page = await visit(browser);
    await page.goto(app('/kept'));
    await choose(page, kProvider);
    await page.locator('#cancel').click();
    await page.getByRole('heading', { name: 'did not sign you in' }).waitFor();
    assert.match(await page.locator('main').innerText(), /Reference\s+[0-9a-f]{32}/);
    await picture(page, 'sign-in-failed');
    await page.getByRole('link', { name: 'Try again' }).click();
    await choose(page, kProvider);
    await enterProvider(page, 'alice');
    assert.equal((await opened(page, '/kept')).email, 'alice@corp.example');
    await page.context().close();
  });

  test('another domain is refused, and may use another account', async () => {
    const page = await visit(browser);
    await page.goto(app('/there'));
    await choose(page, kProvider);
    await enterProvider(page, 'bob');
    await page.getByText('bob@contractor.example').first().waitFor();
    await picture(page, 'refused-identity');
    assert.equal(await refusalShown(page), 'identity_not_permitted');
    assert.equal(page.exchanges, 0);
    await page.getByRole('link', { name: 'Use another account' }).click();
    await page.getByRole('link', { name: 'Sign in to App' }).waitFor();
    await picture(page, 'use-another-account');
    await page.getByRole('link', { name: 'Sign in to App' }).click();
    await choose(page, kPin);
    await enterPin(page, lab.smtp, 'ben@corp.example');
    assert.equal((await opened(page, '/there')).email, 'ben@corp.example');
    await page.context().close();
  });

  test('two tabs, both sign in', async () => {
    const one = await visit(browser);
    const two = await one.context().newPage();
    await one.goto(app('/one'));
    await two.goto(app('/two'));
    for (const page of [one, two]) await choose(page, kProvider);
    await enterProvider(one, 'alice');
    assert.equal((await shown(one, app('/one'))).url, '/one');
    // The provider knows her by now in this browser, or asks again.
    if (
      await two
        .locator('#login')
        .isVisible()
        .catch(() => false)
    )
      await enterProvider(two, 'alice');
    assert.equal((await shown(two, app('/two'))).url, '/two');
    await one.context().close();
  });

  test('logs out, and is asked to sign in again', async () => {
    const page = await visit(browser);
    await page.goto(app());
    await choose(page, kPin);
    await enterPin(page, lab.smtp, 'leo@corp.example');
    await opened(page, '/');
    await page.goto(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
    await picture(page, 'logged-out');
    await page.goto(lab.gateway.url(kAuth));
    await page.getByText('You are not signed in').waitFor();
    await picture(page, 'home-signed-out');
    await page.goto(app());
    await page.getByRole('button', { name: kPin }).waitFor();
    await page.context().close();
  });

  test('addresses that lead nowhere say so', async () => {
    const page = await visit(browser);
    for (const [name, url, status] of [
      ['not-found', lab.gateway.url(kAuth, '/nothing'), 404],
      ['broken-link', lab.gateway.url(kAuth, `/cdn-cgi/access/login/${kApp}?kid=x`), 400],
      ['sign-in-over', lab.gateway.url(kAuth, '/cdn-cgi/access/callback?state=x&code=y'), 400],
    ]) {
      assert.equal((await page.goto(url)).status(), status, name);
      assert.match(await page.locator('main').innerText(), /Reference\s+[0-9a-f]{32}/);
      assert.deepEqual(page.violations, []);
      await picture(page, name);
    }
    await page.context().close();
  });

  test('the pages work with the keyboard alone and name what they are', async () => {
    const page = await visit(browser);
    await page.goto(app());
    assert.ok((await page.title()).length > 0);
    assert.ok(await page.locator('html').getAttribute('lang'));
    assert.equal(await page.locator('h1').count(), 1);
    const button = page.getByRole('button', { name: kPin });
    for (
      let i = 0;
      i < 10 && !(await button.evaluate((node) => node === document.activeElement));
      i++
    )
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const field = page.locator('input[name=email]');
    await field.waitFor();
    assert.ok(
      await field.evaluate((node) => node.labels.length > 0 || node.hasAttribute('aria-label')),
      'the field has no label',
    );
    await page.context().close();
  });
});
