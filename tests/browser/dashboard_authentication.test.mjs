// Access > Authentication: login methods and device posture, made, changed, tested and taken away by
// real clicks.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDashboard, told } from './dashboard.mjs';
import { checkAxe, checkAxeEverywhere } from './axe.mjs';
import { kPin } from '../harness/lab.mjs';
import { enterPin, picture } from './visit.mjs';

const kPosture = '/access/authentication/device-posture';
const kMethods = '/access/authentication/login-methods';
let dashboard;
let lab;
let page;
before(async () => {
  dashboard = await startDashboard({ agent: true });
  lab = dashboard.lab;
  page = await dashboard.open('/access/authentication');
});
after(() => dashboard?.stop());

const go = (target) => page.goto(dashboard.url(target));
const save = () => page.getByRole('button', { name: 'Save', exact: true }).click();
const row = (name) => page.getByRole('row').filter({ hasText: name });
const certificate = () => page.getByRole('textbox', { name: 'Public certificate' });
const dialog = () => page.getByRole('dialog');

test('the tabs have addresses, and nothing is wrong with how they look', async () => {
  await page.getByRole('tab', { name: 'Device Posture' }).click();
  await page.waitForURL(dashboard.url(kPosture));
  await page.getByText('managed, checked in within 7 days').first().waitFor();
  await checkAxeEverywhere(page, { what: 'device posture' });
  await picture(page, 'dashboard-device-posture');
  await page.goBack();
  await page.getByRole('tab', { name: 'Login methods', selected: true }).waitFor();
  await checkAxeEverywhere(page, { what: 'login methods' });
  await picture(page, 'dashboard-login-methods');
});

test('a certificate is understood when it is dropped, and its check comes with it', async () => {
  await go(`${kPosture}/add/tanium`);
  await page.getByLabel('File of public certificate').setInputFiles({
    name: 'tanium.pem',
    mimeType: 'application/x-pem-file',
    buffer: Buffer.from(lab.agent.publicKey),
  });
  await told(page, /^Public key, (EC P-256|Ed25519|RSA)/);
  await page.getByLabel('Name', { exact: true }).fill('Laptops');
  await page.getByLabel('Port', { exact: true }).fill(String(lab.agent.port));
  await checkAxeEverywhere(page, { what: 'a new provider' });
  await save();
  await page.waitForURL(dashboard.url(kPosture));
  // The provider and the check of the same name.
  await page.getByRole('link', { name: 'Laptops', exact: true }).nth(1).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Laptops', exact: true }).count(), 2);
});

test('this device is tested, and shows its evidence', async () => {
  await go(kPosture);
  const opened = page.context().waitForEvent('page');
  await page.getByRole('button', { name: 'Test this device: Laptops' }).click();
  const tab = await opened;
  await dialog().getByText('The client’s answer was verified').waitFor();
  await dialog().getByText('Laptops passes').waitFor();
  await checkAxe(page, { what: 'a test of this device' });
  await picture(page, 'dashboard-test-device');
  await dialog().getByRole('button', { name: 'Close' }).click();
  await tab.close();
});

test('a provider is changed; what the API refuses stands beside its field', async () => {
  await go(kPosture);
  await page.getByRole('link', { name: 'Laptops', exact: true }).first().click();
  await page.getByRole('heading', { level: 1, name: 'Laptops' }).waitFor();
  await page.getByRole('button', { name: /^Advanced/ }).click();
  const addresses = page.getByLabel('Addresses that are tried');
  await addresses.fill('ftp://127.0.0.1:1');
  await save();
  await told(page, /must begin with `http:\/\/` or `https:\/\/`/);
  assert.equal(await addresses.getAttribute('aria-invalid'), 'true');
  await addresses.fill('');
  await page.getByLabel('Name', { exact: true }).fill('All laptops');
  await save();
  await told(page, 'Saved: All laptops');
  assert.ok((await certificate().inputValue()).includes('BEGIN PUBLIC KEY'));
});

test('somebody else was quicker: nothing is overwritten, what was typed stays', async () => {
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByLabel('Port', { exact: true }).fill('17999');
  await other.getByRole('button', { name: 'Save', exact: true }).click();
  await told(other, 'Saved: All laptops');
  await other.close();

  await page.getByLabel('Name', { exact: true }).fill('Every laptop');
  await save();
  await told(page, 'Somebody changed it meanwhile');
  await page.getByRole('button', { name: 'Load it anew' }).click();
  const port = page.getByLabel('Port', { exact: true });
  await port.and(page.locator('[value="17999"]')).waitFor();
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Every laptop');
  await save();
  await told(page, 'Saved: Every laptop');
});

test('what is in use is not taken away, and who uses it is told', async () => {
  await go(kPosture);
  await row('Every laptop').getByRole('button', { name: 'Delete Every laptop' }).click();
  await dialog().getByText('These checks ask it; delete them first:').waitFor();
  await dialog().getByText('Laptops', { exact: true }).waitFor();
  await checkAxe(page, { what: 'a question before destruction' });
  await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
  await dialog().getByRole('alert').waitFor();
  await dialog().getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('button', { name: 'Delete Laptops' }).click();
  await dialog().getByText('No policy asks for it.').waitFor();
  await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
  await told(page, 'Deleted: Laptops');
  await page.getByRole('button', { name: 'Delete Every laptop' }).click();
  await dialog().getByText('No check asks it').waitFor();
  await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
  await told(page, 'Deleted: Every laptop');
});

test('a login method is tested: nobody is signed in by it', async () => {
  await go(kMethods);
  const opened = page.context().waitForEvent('page');
  await page.getByRole('button', { name: `Test: ${kPin}` }).click();
  const tab = await opened;
  await enterPin(tab, lab.smtp, 'alice@corp.example');
  await dialog().getByText('The sign-in works').waitFor();
  await dialog().getByText('alice@corp.example').first().waitFor();
  await dialog().getByRole('button', { name: 'Close' }).click();
  await tab.close();
});

test('a secret is written, and never shown again', async () => {
  await go(`${kMethods}/add/oidc`);
  await page.getByLabel('Issuer', { exact: true }).waitFor();
  await checkAxeEverywhere(page, { what: 'a new login method' });
  await save();
  await told(page, 'This is needed');
  await page.getByLabel('Name', { exact: true }).fill('Corporate');
  await page.getByLabel('Issuer', { exact: true }).fill('https://login.corp.example');
  await page.getByLabel('Client id', { exact: true }).fill('gateway');
  await page.getByLabel(/^Client secret/).fill('not to be seen');
  await save();
  await page.waitForURL(dashboard.url(kMethods));
  await page.getByRole('link', { name: 'Corporate', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Corporate' }).waitFor();
  await page.getByLabel('Issuer', { exact: true }).waitFor();
  assert.ok(!(await page.content()).includes('not to be seen'));
  await page.getByLabel('Name', { exact: true }).fill('Corporate login');
  await save();
  await told(page, 'Saved: Corporate login');
});

test('who may only look is offered nothing else', async () => {
  const auditor = await dashboard.open(kPosture, { as: 'auditor@corp.example' });
  await auditor.getByText('managed, checked in within 7 days').first().waitFor();
  assert.equal(await auditor.getByRole('link', { name: '+ Add' }).count(), 0);
  assert.equal(await auditor.getByRole('button', { name: /^(Delete|Test)/ }).count(), 0);
  await dashboard.leave(auditor);
  await dashboard.leave(page);
});
