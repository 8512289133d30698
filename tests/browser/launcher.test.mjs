// The start page of the auth domain: what may be opened and why something is closed, sessions,
// devices, and their ends, with the keyboard and without scripts as well.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  application,
  email,
  everyone,
  kApp,
  kAuth,
  kOther,
  kPin,
  kTanium,
  policy,
  posture,
} from '../harness/lab.mjs';
import { checkAxeEverywhere } from './axe.mjs';
import { choose, enterPin, picture, shown, startBrowser, visit } from './visit.mjs';

const kOffice = 'admin.gateway.test';
const kFirefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0';

let lab;
let browser;
before(async () => {
  lab = await startLab({
    smtp: true,
    agent: true,
    config(c) {
      c.applications[0].app_launcher_visible = true;
      c.applications.push(
        application('Office', kOffice, [
          policy('allow', 'In the office', {
            include: [everyone()],
            require: [{ ip: { ip: '192.0.2.0/24' } }],
          }),
        ]),
        application('Board', 'brief.gateway.test', [
          policy('allow', 'Chair', { include: [email('chair@corp.example')] }),
        ]),
        application('Internals', 'machine.gateway.test', [
          policy('allow', 'All', { include: [everyone()] }),
        ], { app_launcher_visible: false }),
        application('Strict', 'open.gateway.test', [
          policy('allow', 'All', { include: [everyone()], require: [posture()] }),
        ]),
      );
      for (let i = 1; i <= 6; i++)
        c.applications.push({ type: 'bookmark', name: `Guide ${i}`, domain: `guide${i}.example` });
    },
  });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

const home = () => lab.gateway.url(kAuth, '/');
async function signedIn(address, options) {
  const page = await visit(browser, options);
  await page.goto(lab.gateway.url(kOther, '/'));
  if (await page.getByRole('button', { name: kPin }).isVisible()) await choose(page, kPin);
  await enterPin(page, lab.smtp, address);
  await shown(page, lab.gateway.url(kOther, '/'));
  return page;
}
const card = (page, name) => page.locator('.apps li', { has: page.getByText(name, { exact: true }) });

describe('the launcher', () => {
  test('nobody: says so; somebody: what opens, what is closed and why', async () => {
    const nobody = await visit(browser);
    await nobody.goto(home());
    await nobody.getByText('You are not signed in.').waitFor();
    await checkAxeEverywhere(nobody, { what: 'launcher, nobody' });
    await nobody.context().close();

    const page = await signedIn('lea@corp.example');
    await page.goto(home());
    await page.getByText('lea@corp.example').waitFor();
    assert.match(await card(page, 'App').innerText(), /Your device is checked first\./);
    assert.match(await card(page, 'Office').innerText(), /cannot use this from your network/);
    assert.match(await card(page, 'Office').innerText(), /office or VPN/);
    for (const hidden of ['Board', 'Internals']) assert.equal(await card(page, hidden).count(), 0);
    assert.equal(
      await card(page, 'Guide 1').getByRole('link').getAttribute('href'),
      'https://guide1.example',
    );
    await checkAxeEverywhere(page, { what: 'launcher' });
    await picture(page, 'launcher');
    await card(page, 'Other').getByRole('link').click();
    await shown(page, lab.gateway.url(kOther, '/'));
    assert.deepEqual(page.violations, []);
    await page.context().close();
  });

  test('in German', async () => {
    const page = await signedIn('gerd@corp.example', { locale: 'de-DE' });
    await page.goto(home());
    await page.getByRole('heading', { level: 1, name: 'Anwendungen' }).waitFor();
    await page.getByRole('heading', { name: 'Ihre Sitzungen' }).waitFor();
    assert.match(await card(page, 'Office').innerText(), /Aus Ihrem Netzwerk/);
    await checkAxeEverywhere(page, { what: 'launcher in German' });
    await picture(page, 'launcher-de');
    await page.context().close();
  });

  test('narrows down while one types; without scripts the form asks the gateway', async () => {
    const page = await signedIn('sam@corp.example');
    await page.goto(home());
    const field = page.getByLabel('Search applications');
    await field.pressSequentially('guide4');
    assert.deepEqual(await page.locator('.apps .name:visible').allInnerTexts(), ['Guide 4']);
    await checkAxeEverywhere(page, { what: 'launcher, searched' });
    await field.fill('nothing like it');
    await page.getByText('No application has this').waitFor();
    await field.fill('');
    assert.ok((await page.locator('.apps .name:visible').count()) > 8);
    const state = await page.context().storageState();
    await page.context().close();

    const plain = await visit(browser, { javaScriptEnabled: false, storageState: state });
    await plain.goto(home());
    await plain.getByLabel('Search applications').fill('guide5');
    await plain.keyboard.press('Enter');
    await plain.waitForURL(/\?q=guide5$/);
    assert.deepEqual(await plain.locator('.apps .name').allInnerTexts(), ['Guide 5']);
    await plain.context().close();
  });

  test('shows the device, and what it lacks when it does', async () => {
    const page = await signedIn('dora@corp.example');
    await page.goto(home());
    await page.getByText('No device has been checked yet.').waitFor();
    await page.goto(lab.gateway.url(kApp, '/'));
    await shown(page, lab.gateway.url(kApp, '/'));
    await page.goto(home());
    const devices = page.getByRole('region', { name: 'Your devices' });
    assert.match(await devices.innerText(), new RegExp(`Managed\\s+${kTanium}, checked just now`));
    assert.match(await devices.innerText(), /All checks passed/);
    await lab.agent.set({ managed: false });
    try {
      // The agent is asked again by an application that wants a fresh word of it.
      await page.goto(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
      const again = await signedIn('dora@corp.example');
      await again.goto(lab.gateway.url(kApp, '/'));
      await again.waitForURL(/\/cdn-cgi\/access\/refused\?/);
      await again.goto(home());
      const now = await again.getByRole('region', { name: 'Your devices' }).innerText();
      assert.match(now, /Not managed/);
      assert.match(now, /Managed device: This device is not managed by your organization/);
      assert.match(await card(again, 'Strict').innerText(), /Check again/);
      await checkAxeEverywhere(again, { what: 'launcher, device refused' });
      await picture(again, 'launcher-device');
      await again.context().close();
    } finally {
      await lab.agent.set({ managed: true });
    }
    await page.context().close();
  });

  test('ends one session, and then all of them, with the keyboard', async () => {
    const here = await signedIn('eve@corp.example');
    const there = await signedIn('eve@corp.example', { userAgent: kFirefox });
    await here.goto(home());
    const sessions = here.getByRole('region', { name: 'Your sessions' });
    assert.match(await sessions.innerText(), /Firefox · Windows/);
    assert.match(await sessions.innerText(), /This browser/);
    assert.match(await sessions.innerText(), /127\.0\.0\.1/);
    assert.equal(await sessions.locator('.rows li').count(), 2);
    await here.getByRole('button', { name: /^End the session: Firefox · Windows/ }).focus();
    await here.keyboard.press('Enter');
    await here.getByText('Firefox · Windows').waitFor({ state: 'detached' });
    assert.equal(await sessions.locator('.rows li').count(), 1);
    // It is over there too, at the application itself.
    await there.goto(lab.gateway.url(kOther, '/'));
    assert.equal(new URL(there.url()).hostname, kAuth);
    await there.context().close();

    const third = await signedIn('eve@corp.example');
    await here.goto(home());
    await here.getByRole('button', { name: 'Sign out everywhere' }).focus();
    await here.keyboard.press('Enter');
    await here.getByRole('heading', { name: 'You are signed out everywhere' }).waitFor();
    await checkAxeEverywhere(here, { what: 'signed out everywhere' });
    await picture(here, 'signed-out-everywhere');
    for (const page of [here, third]) {
      await page.goto(home());
      await page.getByText('You are not signed in.').waitFor();
      await page.goto(lab.gateway.url(kOther, '/'));
      assert.equal(new URL(page.url()).hostname, kAuth);
      assert.deepEqual(page.violations, []);
      await page.context().close();
    }
  });

  test('another site cannot end anything', async () => {
    const page = await signedIn('mia@corp.example');
    await page.goto(home());
    const transaction = await page.locator('.everywhere input[name=transaction]').inputValue();
    await page.goto(lab.gateway.url(kOther, '/'));
    await page.setContent(
      `<form method="post" action="${lab.gateway.url(kAuth, '/cdn-cgi/access/sessions/end-all')}"><input name="transaction" value="${transaction}"><button>x</button></form>`,
    );
    await page.getByRole('button').click();
    await page.getByRole('heading', { name: 'Not from here' }).waitFor();
    await page.goto(home());
    await page.getByText('mia@corp.example').waitFor();
    await page.context().close();
  });
});
