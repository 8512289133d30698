// The steps of the product's documentation, as written, on a fresh gateway; then people sign in.
//   1. Access > Authentication, tab Device Posture, + Add, Tanium, name, port, certificate, Save
//   2. Access > Applications, a new one; Allow, Emails ending in @team.com, Require Device Posture
//   3. Access > Authentication, tab Login methods: Azure AD twice; switched for the application
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { kApp, kPin, kProvider } from '../harness/lab.mjs';
import { addTo, pick, rule, select, startDashboard, told } from './dashboard.mjs';
import { checkAxe } from './axe.mjs';
import { choose, enterPin, enterProvider, picture, refusal, shown, visit } from './visit.mjs';

const kPrivateKey = [
  '-----BEGIN PRIVATE KEY-----',
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2',
  '-----END PRIVATE KEY-----',
].join('\n');

let dashboard;
let lab;
let page;
before(async () => {
  dashboard = await startDashboard({ fresh: true, agent: true, idp: true });
  lab = dashboard.lab;
  page = await dashboard.open('/');
});
after(() => dashboard?.stop());

const save = () => page.getByRole('button', { name: 'Save', exact: true }).click();
const app = () => lab.gateway.url(kApp, '/');

test('1. a device posture provider, and what is refused beside its field', async () => {
  await dashboard.menu(page, 'Authentication');
  await page.getByRole('tab', { name: 'Device Posture' }).click();
  await page.getByRole('link', { name: '+ Add' }).first().click();
  await page.getByRole('link', { name: 'Tanium', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('Tanium');
  const port = page.getByLabel('Port', { exact: true });
  assert.equal(await port.inputValue(), '17472');
  const certificate = page.getByRole('textbox', { name: 'Public certificate' });

  // Nothing of this is sent.
  const sent = [];
  page.on('request', (request) => {
    if (request.method() !== 'GET') sent.push(request.url());
  });
  const isRefused = async (field, text) => {
    await save();
    await page.getByText(text).first().waitFor();
    assert.equal(await field.getAttribute('aria-invalid'), 'true', String(text));
    assert.deepEqual(sent, []);
  };
  await certificate.fill('not a certificate');
  await isRefused(certificate, /PEM|certificate/);
  await certificate.fill(kPrivateKey);
  await isRefused(certificate, /private key/i);
  await certificate.fill(lab.agent.publicKey);
  await port.fill('70000');
  await isRefused(port, /65535/);
  // This device's agent does not have the usual port here.
  await port.fill(String(lab.agent.port));
  await checkAxe(page, { what: 'a new provider' });
  await picture(page, 'dashboard-step-1');
  await save();
  await page.waitForURL(dashboard.url('/access/authentication/device-posture'));
  await page.getByRole('link', { name: 'Tanium', exact: true }).first().waitFor();

  await page.getByRole('link', { name: '+ Add' }).first().click();
  await page.getByRole('link', { name: 'Tanium', exact: true }).click();
  sent.length = 0;
  await page.getByRole('textbox', { name: 'Public certificate' }).fill(lab.agent.publicKey);
  await isRefused(page.getByLabel('Name', { exact: true }), /already/);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Leave' }).click();
});

test('2. an application: Emails ending in @team.com, and Device Posture', async () => {
  await dashboard.menu(page, 'Applications');
  await page.getByRole('link', { name: 'Add an application' }).first().click();
  await page.getByLabel('Application name').fill('Wiki');
  await page.getByLabel('Host', { exact: true }).fill(kApp);
  await page.getByLabel('Service URL').fill(lab.origin.service);
  await page.getByRole('combobox', { name: 'Action' }).getByText('Allow').waitFor();
  const include = rule(page, 'Include rule 1');
  await select(include, 'Selector', 'Emails ending in');
  await addTo(include, 'Ending', '@team.com');
  await page.getByRole('button', { name: 'Add require' }).click();
  const require = rule(page, 'Require rule 1');
  await select(require, 'Selector', 'Device Posture');
  await pick(require, 'Check', /^Tanium/);
  await checkAxe(page, { what: 'a new application' });
  await picture(page, 'dashboard-step-2');
  await page.getByRole('button', { name: 'Add the application' }).click();
  await page.getByRole('heading', { level: 1, name: 'Wiki' }).waitFor();
  await page.getByRole('tab', { name: 'Policies' }).click();
  await told(page, 'Emails ending in @team.com');
  await told(page, 'Device Posture: Tanium');
});

test('3. Azure AD twice under two names, switched for the application', async () => {
  for (const [name, client] of [
    ['Azure AD', '11111111-aaaa-4bbb-8ccc-000000000001'],
    ['Azure AD managed', '11111111-aaaa-4bbb-8ccc-000000000002'],
  ]) {
    await dashboard.menu(page, 'Authentication');
    await page.getByRole('tab', { name: 'Login methods' }).click();
    await page.getByRole('link', { name: '+ Add' }).first().click();
    await page.getByRole('link', { name: 'Azure AD', exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Application (client) id').fill(client);
    await page.getByLabel('Client secret').fill('a secret');
    await page.getByLabel('Directory (tenant) id').fill('11111111-2222-4333-8444-555555555555');
    await save();
    await page.getByRole('heading', { level: 1, name: 'Authentication' }).waitFor();
    await page.getByRole('link', { name, exact: true }).waitFor();
  }
  await dashboard.menu(page, 'Applications');
  await page.getByRole('link', { name: 'Wiki' }).click();
  await page.getByRole('tab', { name: 'Authentication' }).click();
  const method = (name) => page.getByRole('switch', { name, exact: true });
  await method('Azure AD').waitFor();
  for (const name of ['Azure AD', 'Azure AD managed', kProvider])
    assert.ok(await method(name).isChecked(), `${name}: all are on at first`);
  await method('Azure AD managed').click();
  await checkAxe(page, { what: 'login methods of an application' });
  await picture(page, 'dashboard-step-3');
  await save();
  await told(page, 'Saved: login methods');
  await page.reload();
  await method('Azure AD').waitFor();
  assert.ok(await method('Azure AD').isChecked());
  assert.ok(!(await method('Azure AD managed').isChecked()));

  // What is on is what the chooser has.
  const visitor = await visit(dashboard.browser);
  await visitor.goto(app());
  await visitor.getByRole('button', { name: 'Azure AD', exact: true }).waitFor();
  assert.equal(await visitor.getByRole('button', { name: 'Azure AD managed' }).count(), 0);
  await visitor.context().close();
});

const come = async (address) => {
  const visitor = await visit(dashboard.browser);
  await visitor.goto(app());
  await choose(visitor, kPin);
  await enterPin(visitor, lab.smtp, address);
  return visitor;
};

test('a member with a managed device is let in', async () => {
  const visitor = await come('alice@team.com');
  assert.equal((await shown(visitor, app())).email, 'alice@team.com');
  assert.deepEqual(visitor.violations, []);
  await visitor.context().close();
});
test('a member whose device is not managed is kept out, with the reason', async () => {
  await lab.agent.set({ managed: false });
  const visitor = await come('bob@team.com');
  assert.equal(await refusal(visitor), 'posture_not_managed');
  await visitor.context().close();
  await lab.agent.set({ managed: true });
});
test('a stranger is kept out', async () => {
  const visitor = await visit(dashboard.browser);
  await visitor.goto(app());
  await choose(visitor, kProvider);
  await enterProvider(visitor, 'bob'); // of another domain
  assert.equal(await refusal(visitor), 'identity_not_permitted');
  await visitor.context().close();
});
test('nothing went wrong on the dashboard', () => dashboard.leave(page));
