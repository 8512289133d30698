// People and devices in the dashboard: who is signed in with which device, ending it, finding
// somebody, and what a role that only looks is not offered.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDashboard, told } from './dashboard.mjs';
import { kApp, kAuth, kProvider } from '../harness/lab.mjs';
import { checkAxeEverywhere } from './axe.mjs';
import { choose, enterProvider, picture, shown, visit } from './visit.mjs';

let dashboard;
let page;
let member;
before(async () => {
  dashboard = await startDashboard({ idp: true, agent: true });
  await signIn();
  page = await dashboard.open('/');
});
after(() => dashboard?.stop());

async function signIn() {
  await member?.context().close();
  member = await visit(dashboard.browser);
  await member.goto(app());
  await choose(member, kProvider);
  await enterProvider(member, 'alice');
  assert.equal((await shown(member, app())).email, 'alice@corp.example');
}
const app = (target = '/') => dashboard.lab.gateway.url(kApp, target);
const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();
const link = (name) => page.getByRole('link', { name, exact: true });
const button = (name) => page.getByRole('button', { name, exact: true });
const toUser = async () => {
  await dashboard.menu(page, 'Users');
  await link('alice@corp.example').click();
  await heading('alice@corp.example');
};

describe('the overview', () => {
  test('says how things are; its span stands in the address', async () => {
    await page.getByRole('heading', { name: 'Health' }).waitFor();
    const tile = page.locator('dt:has-text("People signed in") + dd');
    await tile.filter({ hasText: /^[12]$/ }).waitFor();
    await checkAxeEverywhere(page, { what: 'overview' });
    await picture(page, 'dashboard-overview');
    await page.getByRole('tab', { name: '7 days' }).click();
    await page.waitForURL(/range=7d/);
  });
  test('the values of a chart are read by keyboard and as a table', async () => {
    const chart = page.getByRole('group', { name: /^Sign-ins:/ });
    await chart.focus();
    await page.keyboard.press('End');
    await page
      .getByRole('status')
      .filter({ hasText: /signed in \d+/ })
      .waitFor();
    await page.getByRole('button', { name: /^Show as table.*Sign-ins/ }).click();
    await page.getByRole('columnheader', { name: 'Signed in' }).waitFor();
    await checkAxeEverywhere(page, { what: 'overview, table' });
  });
});

describe('a person', () => {
  test('is found by the server, the search stands in the address', async () => {
    await dashboard.menu(page, 'Users');
    await page.getByRole('searchbox', { name: 'Search users' }).fill('nobody like that');
    await told(page, 'No user found');
    await page.getByRole('searchbox', { name: 'Search users' }).fill('ALICE');
    await page.waitForURL(/search=ALICE/);
    await link('alice@corp.example').waitFor();
    await checkAxeEverywhere(page, { what: 'users' });
    await picture(page, 'dashboard-users');
  });
  test('has sessions, a device with its evidence, and what the sign-in said', async () => {
    await toUser();
    const sessions = page.getByRole('region', { name: 'Sessions of this user' });
    await sessions.getByText(kProvider).waitFor();
    await sessions.getByText('managed', { exact: true }).waitFor();
    await page.getByText('Managed device passes').first().waitFor();
    await page.getByRole('region', { name: 'Identity' }).getByText(kProvider).waitFor();
    await checkAxeEverywhere(page, { what: 'user' });
    await picture(page, 'dashboard-user');
  });
  test('the tester is asked about them with their live session', async () => {
    await page.getByLabel('Application', { exact: true }).fill(kApp);
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Test in the policy tester' }).click();
    await heading('Policy tester');
    await told(page, 'Let in');
    await told(page, 'this one decided');
    await page.goBack();
    await heading('alice@corp.example');
  });
});

describe('a device', () => {
  test('is listed with its checks; revoked, it opens nothing; restored, it does', async () => {
    await dashboard.menu(page, 'Devices');
    await page.getByText('Managed device passes').waitFor();
    await checkAxeEverywhere(page, { what: 'devices' });
    await picture(page, 'dashboard-devices');
    await page.getByRole('region', { name: 'Devices' }).getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Evidence' }).waitFor();
    await checkAxeEverywhere(page, { what: 'device' });
    await button('Revoke').click();
    const question = page.getByRole('dialog');
    await question.getByText(/policy that requires Managed device/).waitFor();
    await question.getByRole('button', { name: 'Revoke' }).click();
    await button('Restore').waitFor();
    await member.goto(app());
    assert.equal(new URL(member.url()).hostname, kAuth);
    await button('Restore').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
    await told(page, 'No session knows this device any more');
    await signIn();
  });
});

describe('the search over everything', () => {
  const search = async (text) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /^Search pages/ }).fill(text);
  };
  test('finds pages, users and applications by keyboard alone', async () => {
    await search('audit');
    await page.getByRole('option', { name: 'Audit' }).waitFor();
    await page.keyboard.press('Enter');
    await heading('Audit');
    await search('alice@corp');
    await page.getByRole('option', { name: /alice@corp\.example/ }).waitFor();
    await picture(page, 'dashboard-search');
    await page.keyboard.press('Enter');
    await heading('alice@corp.example');
    await search('other');
    await page.getByRole('option', { name: /^Other/ }).waitFor();
    await page.keyboard.press('Enter');
    await heading('Other');
  });
});

describe('sessions', () => {
  test('a role that only looks is offered no revocation', async () => {
    const auditor = await dashboard.open('/users', { as: 'auditor@corp.example' });
    await auditor.getByRole('link', { name: 'alice@corp.example' }).click();
    await auditor.getByText('Managed device passes').first().waitFor();
    assert.equal(await auditor.getByRole('button', { name: /Revoke/ }).count(), 0);
    await dashboard.leave(auditor);
  });
  test('ended, they ask for a new sign-in on the next request', async () => {
    await toUser();
    await button('Revoke').first().click();
    const question = page.getByRole('dialog');
    await question.getByText(/signed out of App from the next request on/).waitFor();
    await checkAxeEverywhere(page, { what: 'question before revocation' });
    await question.getByRole('button', { name: 'Revoke' }).click();
    await told(page, 'Not signed in anywhere now.');
    await member.goto(app());
    assert.equal(new URL(member.url()).hostname, kAuth);
    await dashboard.leave(page);
  });
});
