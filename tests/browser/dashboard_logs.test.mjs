// Logs and the policy tester in the dashboard: from the reference of a refusal page to the rule that
// refused, live, and what would have to change.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { select, startDashboard, told } from './dashboard.mjs';
import { application, everyone, kApp, kOther, kProvider, kRule, policy } from '../harness/lab.mjs';
import { eventually } from '../harness/process.mjs';
import { connect } from '../harness/api.mjs';
import { checkAxeEverywhere } from './axe.mjs';
import { choose, enterProvider, picture, refusal, visit } from './visit.mjs';

const kClosed = 'brief.gateway.test';
let dashboard;
let api;
let page;
let reference;
before(async () => {
  dashboard = await startDashboard({
    idp: true,
    agent: true,
    config: (c) =>
      c.applications.push(
        application('Closed', kClosed, [policy('deny', 'Nobody', { include: [everyone()] })]),
      ),
  });
  api = await connect(dashboard.lab.gateway);
  // Somebody whose device is not managed.
  await dashboard.lab.agent.set({ managed: false });
  const refused = await visit(dashboard.browser);
  await refused.goto(app());
  await choose(refused, kProvider);
  await enterProvider(refused, 'carol');
  assert.equal(await refusal(refused), 'posture_not_managed');
  reference = await refused.locator('dt:text-is("Reference") + dd').innerText();
  await refused.context().close();
  await knock();
  await eventually(async () => (await api.get(kDecisions)).length > 0, { what: 'the log' });
  page = await dashboard.open('/logs/decisions');
});
after(async () => {
  api?.close();
  await dashboard?.stop();
});

const app = (target = '/') => dashboard.lab.gateway.url(kApp, target);
const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();
const button = (name) => page.getByRole('button', { name, exact: true });
const rows = () => page.getByRole('region', { name: 'Decisions' }).getByRole('row');
const refusedRows = () => rows().getByText('refused', { exact: true });
// A request that is refused whoever asks.
const knock = async () => {
  const answer = await dashboard.lab
    .browser()
    .fetch(dashboard.lab.gateway.url(kClosed, '/knock'), { headers: { accept: 'text/html' } });
  assert.equal(answer.status, 403);
};
const kDecisions = '/accounts/{account_id}/gatehouse/decisions?effect=deny';

describe('decisions', () => {
  test('are listed; the filters stand in the address', async () => {
    await refusedRows().first().waitFor();
    await checkAxeEverywhere(page, { what: 'decisions' });
    await picture(page, 'dashboard-decisions');
    await select(page, 'Decision', 'let in');
    await page.waitForURL(/effect=allow/);
    await refusedRows().first().waitFor({ state: 'detached' });
    await page.getByLabel('Host', { exact: true }).fill('nothing.like.it');
    await page.keyboard.press('Enter');
    await told(page, 'No decision matches these filters');
    await page.reload();
    await told(page, 'No decision matches these filters');
    await button('Clear filters').first().click();
    await refusedRows().first().waitFor();
  });
  test('live, new ones appear by themselves', async () => {
    await page.getByRole('switch', { name: 'Live' }).click();
    const before = await rows().count();
    await knock();
    await page.waitForFunction(
      (count) => document.querySelectorAll('[role=region][aria-label=Decisions] tr').length > count,
      before,
    );
    await page.getByRole('switch', { name: 'Live' }).click();
  });
  test('one has its request, its evidence and the whole trace', async () => {
    await rows().nth(1).getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Why' }).waitFor();
    await page.getByText('Include', { exact: true }).first().waitFor();
    await checkAxeEverywhere(page, { what: 'decision' });
    await picture(page, 'dashboard-decision');
  });
});

describe('the reference of a refusal page', () => {
  test('pasted, leads to who it was and to the rule that refused', async () => {
    await page.goto(dashboard.url('/logs/decisions'));
    await page.getByLabel('Reference of a refusal page').fill(` ${reference} `);
    await button('Show why').click();
    await page.waitForURL(new RegExp(`/logs/decisions/${reference}$`));
    await told(page, 'carol@corp.example');
    await told(page, 'This device is not managed by your organization');
    const line = page.getByRole('listitem').filter({ hasText: kRule }).last();
    await line.getByText('does not match').waitFor();
    await line.getByText(/Saw not managed/).waitFor();
    await checkAxeEverywhere(page, { what: 'refusal' });
    await picture(page, 'dashboard-refusal');
  });
  test('an unknown one says so', async () => {
    await page.goto(dashboard.url(`/logs/decisions/${'0'.repeat(32)}`));
    await told(page, 'Nothing has this reference');
    await checkAxeEverywhere(page, { what: 'unknown reference' });
  });
});

describe('sign-ins and the audit', () => {
  test('sign-ins say who was refused and why', async () => {
    await page.goto(dashboard.url('/logs/sign-ins'));
    await page.getByRole('row').filter({ hasText: 'carol@corp.example' }).first().waitFor();
    await told(page, 'This device is not managed by your organization');
    await checkAxeEverywhere(page, { what: 'sign-ins' });
    await picture(page, 'dashboard-sign-ins');
  });
  test('a change is shown with what it was before', async () => {
    const groups = '/accounts/{account_id}/access/groups';
    const night = { name: 'Night shift', include: [{ email_domain: { domain: 'old.example' } }] };
    const { id } = await api.post(groups, night);
    night.include[0].email_domain.domain = 'new.example';
    await api.put(`${groups}/${id}`, night);
    await dashboard.menu(page, 'Audit');
    await page.getByRole('button', { name: /^Show details of: Changed .*Night shift/ }).click();
    const line = page.getByRole('row').filter({ hasText: 'email_domain' });
    await line.getByText('old.example').waitFor();
    await line.getByText('new.example').waitFor();
    await checkAxeEverywhere(page, { what: 'audit' });
    await picture(page, 'dashboard-audit');
    await page.getByLabel('Who', { exact: true }).fill('nobody at all');
    await page.keyboard.press('Enter');
    await told(page, 'Nothing matches these filters');
    await button('Clear filters').first().click();
  });
});

describe('the policy tester', () => {
  const field = (name) => page.getByLabel(name, { exact: true });
  test('says what is missing beside its field', async () => {
    await dashboard.menu(page, 'Policy tester');
    await checkAxeEverywhere(page, { what: 'policy tester' });
    await button('Test').click();
    await told(page, 'Choose an application, or type its address');
    await field('Application').fill('nothing.gateway.test');
    await page.keyboard.press('Escape');
    await button('Test').click();
    await told(page, /there is no application `nothing\.gateway\.test`/);
  });
  test('each rule has an outcome and why; a change of the device is compared', async () => {
    await field('Application').fill(kApp);
    await page.keyboard.press('Escape');
    await field('User').fill('dora@corp.example');
    await page.keyboard.press('Escape');
    await page.getByRole('radio', { name: 'As I say' }).click();
    await select(page, 'State', 'Not managed');
    await button('Test').click();
    await told(page, /Refused: This device is not managed by your organization/);
    await button('Compare with the next answer').click();
    await select(page, 'State', 'Managed');
    await field('Checked in so long ago').fill('2h');
    await button('Test').click();
    await told(page, 'Let in');
    await told(page, /before: does not match/);
    await checkAxeEverywhere(page, { what: 'policy tester, compared' });
    await picture(page, 'dashboard-tester');
  });
  test('the question stands in the address, and the back button finds the one before', async () => {
    assert.match(page.url(), /user=dora%40corp\.example/);
    await page.reload();
    await told(page, 'Let in');
    await page.goBack();
    await told(page, /Refused: This device is not managed by your organization/);
    await heading('Policy tester');
  });
  test('all users are tested at once', async () => {
    await page.goto(dashboard.url('/access/tester'));
    await field('Application for all users').fill('Other');
    await page.getByRole('option', { name: /Other/ }).click();
    assert.equal(await field('Application for all users').inputValue(), kOther);
    await button('Test all users').click();
    await told(page, /^Of \d+ users/);
    await page
      .getByRole('row')
      .filter({ hasText: 'carol@corp.example' })
      .getByText('let in')
      .waitFor();
    await dashboard.leave(page);
  });
});
