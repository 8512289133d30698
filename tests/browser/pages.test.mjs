// Every page of the gateway as people meet it: axe-core finds nothing in light, dark and at phone
// width, in English and in German, with the organization's colours and logo.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  application,
  domain,
  email,
  kApp,
  kAuth,
  kOther,
  kPin,
  policy,
} from '../harness/lab.mjs';
import { checkAxeEverywhere } from './axe.mjs';
import { choose, enterPin, picture, startBrowser, visit } from './visit.mjs';

const kPurposeHost = 'open.gateway.test';
const kForeign = 'brief.gateway.test';
const kNowhere = 'old.gateway.test';
// A square in the colours of the design.
const kLogo = `data:image/svg+xml;base64,${Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32"><rect width="32" height="32" rx="6" fill="#ffb300"/><text x="42" y="23" font-size="20" fill="#fff" font-family="sans-serif">Corp</text></svg>',
).toString('base64')}`;
const kDesign = {
  background_color: '#1a237e',
  text_color: '#ffffff',
  logo_path: kLogo,
  header_text: 'For people of Corp and their guests.',
  footer_text: 'Help: +49 30 1234',
};
const people = () => policy('allow', 'Corp people', { include: [domain('corp.example')] });

let lab;
let browser;
before(async () => {
  lab = await startLab({
    idp: true,
    smtp: true,
    agent: true,
    config(c) {
      c.applications.push(
        application('Wiki', kPurposeHost, [
          {
            ...people(),
            purpose_justification_required: true,
            purpose_justification_prompt: 'Which ticket is this for?',
          },
        ]),
        application('Board', kForeign, [
          policy('allow', 'Chair', { include: [email('chair@corp.example')] }),
        ]),
      );
    },
  });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

const url = (host, target = '/') => lab.gateway.url(host, target);
const endpoint = (name) => url(kAuth, `/cdn-cgi/access/${name}`);

const kLanguages = [
  {
    locale: 'en-GB',
    lang: 'en',
    chooser: 'Sign in',
    pinRequest: 'Sign in with a code',
    pinEntry: 'Enter your code',
    wrong: 'This is not the code. Check the newest mail.',
    purpose: 'Say why you need it',
    posture: 'Checking this device',
    refused: 'You do not have access',
    nowhere: 'There is no application at this address',
    notFound: 'Not found',
    signedOut: 'You are signed out',
  },
  {
    locale: 'de-DE',
    lang: 'de',
    chooser: 'Anmelden',
    pinRequest: 'Mit einem Code anmelden',
    pinEntry: 'Geben Sie Ihren Code ein',
    wrong: 'Das ist nicht der Code. Sehen Sie in der neuesten E‑Mail nach.',
    purpose: 'Wozu brauchen Sie den Zugang?',
    posture: 'Dieses Gerät wird geprüft',
    refused: 'Sie haben keinen Zugang',
    nowhere: 'Unter dieser Adresse gibt es keine Anwendung',
    notFound: 'Nicht gefunden',
    signedOut: 'Sie sind abgemeldet',
  },
];

// One landmark, one heading, the language, nothing that the policy refused, nothing that axe finds.
async function check(page, heading, language, name) {
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), language.lang);
  assert.equal(await page.locator('main').count(), 1);
  assert.equal(await page.locator('h1').count(), 1);
  assert.ok((await page.title()).startsWith(heading));
  await checkAxeEverywhere(page, { what: `${name} in ${language.lang}` });
  await picture(page, `page-${name}-${language.lang}`);
  assert.deepEqual(page.violations, []);
}

async function everyPage(language, suffix = '') {
  const address = `${language.lang}${suffix}@corp.example`;
  const page = await visit(browser, { locale: language.locale });
  const name = (what) => what + suffix;
  await page.goto(url(kOther, '/'));
  await check(page, language.chooser, language, name('chooser'));
  await choose(page, kPin);
  await check(page, language.pinRequest, language, name('pin-request'));
  const mails = lab.smtp.to(address).length;
  await page.locator('input[name=email]').fill(address);
  await page.keyboard.press('Enter');
  await check(page, language.pinEntry, language, name('pin-entry'));
  await page.keyboard.type('000000');
  await page.keyboard.press('Enter');
  await page.getByText(language.wrong).waitFor();
  await check(page, language.pinEntry, language, name('pin-wrong'));
  await page.locator('input[name=code]').fill(await lab.smtp.codeFor(address, mails + 1));
  await page.keyboard.press('Enter');
  await page.waitForURL(url(kOther, '/'));

  await page.goto(url(kPurposeHost));
  await check(page, language.purpose, language, name('purpose'));

  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  await page.route(`http://127.0.0.1:${lab.agent.port}/**`, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(url(kApp));
  await page.locator('#explanation').waitFor();
  await check(page, language.posture, language, name('posture'));
  release();
  await page.waitForURL(url(kApp));

  await page.goto(url(kForeign));
  await check(page, language.refused, language, name('refused'));

  await page.goto(url(kNowhere)); // nginx itself
  await check(page, language.nowhere, language, name('nowhere'));
  const refused = await page.reload();
  assert.equal(refused.headers()['content-language'], language.lang);
  assert.match(refused.headers().vary, /Accept-Language/);

  await page.goto(endpoint('nothing'));
  await check(page, language.notFound, language, name('not-found'));
  await page.goto(endpoint('logout'));
  await check(page, language.signedOut, language, name('signed-out'));
  await page.context().close();
}

describe('pages', () => {
  for (const language of kLanguages)
    test(`in ${language.lang}: accessible, bright, dark and on a phone`, () => everyPage(language));

  test('nothing moves while the device is checked', async () => {
    const page = await visit(browser);
    await page.addInitScript(() => {
      globalThis.shifted = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) globalThis.shifted += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto(url(kOther, '/'));
    await choose(page, kPin);
    await enterPin(page, lab.smtp, 'still@corp.example');
    await page.waitForURL(url(kOther, '/'));
    await page.route(`http://127.0.0.1:${lab.agent.port}/**`, () => {});
    await page.goto(url(kApp));
    await page.locator('#status:not(:empty)').waitFor();
    assert.ok((await page.evaluate(() => globalThis.shifted)) < 0.01);
    await page.context().close();
  });

  test('stay under 30 KB with everything they load', async () => {
    const page = await visit(browser);
    const bodies = [];
    page.on('response', (response) => {
      if (response.status() === 200) bodies.push(response.body());
    });
    await page.goto(url(kOther, '/'), { waitUntil: 'networkidle' });
    const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
    assert.ok(bytes > 5_000 && bytes < 30_000, `${bytes} bytes`);
    await page.context().close();
  });

  test("wear the organization's colours, logo and words", async () => {
    lab.gateway.configuration.organization.login_design = kDesign;
    lab.gateway.write();
    const applied = await lab.gateway.apply();
    assert.equal(applied.code, 0, applied.output);
    const page = await visit(browser);
    await page.goto(url(kOther, '/'));
    await page.getByText(kDesign.header_text).waitFor();
    await page.getByText(kDesign.footer_text).waitFor();
    const colours = await page.evaluate(() => [
      getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector('footer')).color,
      document.querySelector('.logo').naturalWidth > 0,
    ]);
    assert.deepEqual(colours, ['rgb(26, 35, 126)', 'rgb(255, 255, 255)', true]);
    await page.context().close();
    await everyPage(kLanguages[0], '-branded');
  });

  test('a colour that cannot be read is replaced, a bad one is refused by field', async () => {
    lab.gateway.configuration.organization.login_design = {
      background_color: '#ffd600',
      text_color: '#ffffff',
    };
    lab.gateway.write();
    assert.equal((await lab.gateway.apply()).code, 0);
    const page = await visit(browser);
    await page.goto(url(kOther, '/'));
    await page.locator('h1').waitFor();
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.querySelector('footer')).color),
      'rgb(0, 0, 0)',
    );
    await checkAxeEverywhere(page, { what: 'yellow' });
    await picture(page, 'page-chooser-yellow');
    await page.context().close();
    lab.gateway.configuration.organization.login_design.background_color = 'yellow';
    lab.gateway.write();
    const refused = await lab.gateway.apply();
    assert.equal(refused.code, 2);
    assert.match(refused.output, /login_design\.background_color: must be a colour such as/);
  });
});
