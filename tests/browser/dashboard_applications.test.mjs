// Applications, policies and groups in the dashboard, as an administrator uses them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { kApp, kOther, kPin, kProvider } from '../harness/lab.mjs';
import { connect } from '../harness/api.mjs';
import { addTo, pick, rule, select, startDashboard, told } from './dashboard.mjs';
import { checkAxeEverywhere } from './axe.mjs';
import { choose, enterPin, enterProvider, picture, refusal, shown, visit } from './visit.mjs';

let dashboard;
let lab;
let page;
let api;
before(async () => {
  dashboard = await startDashboard({ idp: true, device: true });
  lab = dashboard.lab;
  api = await connect(lab.gateway);
  page = await dashboard.open('/access/applications');
});
after(async () => {
  api?.close();
  await dashboard?.stop();
});

const at = (rest) => `/accounts/{account_id}/${rest}`;
const button = (name) => page.getByRole('button', { name, exact: true });
const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();
const save = () => button('Save').click();
const toTab = async (name) => {
  await page.getByRole('tab', { name, exact: true }).click();
  await page.getByRole('tabpanel', { name, exact: true }).waitFor();
};

test('the list: search stands in the address, a link leads to each', async () => {
  await page.getByRole('link', { name: 'App', exact: true }).waitFor();
  await checkAxeEverywhere(page, { what: 'applications' });
  await picture(page, 'dashboard-applications');
  await page.getByRole('searchbox').fill('other');
  await page.waitForURL(/search=other/);
  await page.getByRole('link', { name: 'App', exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('searchbox').fill('nothing like it');
  await told(page, 'No application found');
  await page.getByRole('searchbox').fill('');
  await page.getByRole('link', { name: 'App', exact: true }).click();
  await heading('App');
});

test('every tab has an address, and nothing to complain of', async () => {
  for (const [name, target] of [
    ['Settings', 'settings'],
    ['Policies', 'policies'],
    ['Authentication', 'authentication'],
    ['Sessions and cookies', 'sessions'],
    ['CORS', 'cors'],
    ['Appearance', 'appearance'],
    ['Origin', 'origin'],
  ]) {
    await toTab(name);
    // Settings are what an application opens with.
    const end = target === 'settings' ? '(/settings)?' : `/${target}`;
    await page.waitForURL(new RegExp(`/access/applications/[0-9a-f-]+${end}$`));
    await page.waitForLoadState('networkidle');
    await checkAxeEverywhere(page, { what: `application, ${name}` });
    await picture(page, `dashboard-application-${target}`);
  }
  await page.goBack();
  await page.getByRole('tabpanel', { name: 'Appearance' }).waitFor();
});

test('an edit is enforced on the next request; leaving unsaved asks first', async () => {
  await toTab('Appearance');
  await page.getByLabel('Message (optional)').fill('Ask the help desk');
  await page.getByRole('tab', { name: 'CORS' }).click();
  await told(page, 'Leave without saving?');
  await button('Stay').click();
  await save();
  await told(page, 'Saved: appearance');
  const [application] = await api.get(at('access/apps?name=App'));
  assert.equal(application.custom_deny_message, 'Ask the help desk');
});

test('somebody else was quicker: told so, nothing overwritten, what was typed is kept', async () => {
  await toTab('Settings');
  const [application] = await api.get(at('access/apps?name=App'));
  await page.getByLabel('Application name').fill('Application');
  const { id, aud, created_at, updated_at, policies, ...body } = application;
  assert.ok(aud && created_at && updated_at && policies);
  await api.put(at(`access/apps/${id}`), { ...body, session_duration: '2h' });
  await save();
  await told(page, 'Somebody changed it meanwhile');
  await button('Load it anew').click();
  assert.equal(await page.getByLabel('Application name').inputValue(), 'Application');
  await save();
  await told(page, 'Saved: Application');
  const after = await api.get(at(`access/apps/${id}`));
  assert.equal(after.name, 'Application');
  assert.equal(after.session_duration, '2h');
});

test('policies: added, refused beside their rule, put in order by keyboard, taken out', async () => {
  await toTab('Policies');
  await page.getByRole('link', { name: 'Add a policy' }).click();
  await heading('New policy');
  await save();
  await told(page, 'Give it a name');
  await told(page, 'Enter at least one');
  await page.getByLabel('Policy name').fill('No contractors');
  await select(page, 'Action', 'Block');
  const include = rule(page, 'Include rule 1');
  await select(include, 'Selector', 'Emails');
  await addTo(include, 'Address', 'not an address');
  await save();
  await told(page, 'not an address is not an email address');
  await page.keyboard.press('Backspace'); // the focus is where it is wrong
  await addTo(include, 'Address', 'eve@corp.example');
  await checkAxeEverywhere(page, { what: 'a new policy' });
  await picture(page, 'dashboard-policy');
  await save();
  await heading('Application');
  const names = async () =>
    page.getByRole('list', { name: 'Policies in order' }).getByRole('link').allInnerTexts();
  await told(page, 'Emails eve@corp.example');
  assert.deepEqual(await names(), ['Corp people', 'No contractors']);
  await page.getByRole('button', { name: 'Move No contractors up' }).focus();
  await page.keyboard.press('Enter');
  assert.deepEqual(await names(), ['No contractors', 'Corp people']);
  await page.getByText('No contractors is now 1 of 2').waitFor({ state: 'attached' });
  // The keyboard stays where it was, and the mouse can do the same.
  await page.getByRole('button', { name: 'Move No contractors down' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter'); // the end of the list
  assert.deepEqual(await names(), ['Corp people', 'No contractors']);
  assert.equal(
    await page.evaluate(() => document.activeElement?.getAttribute('aria-label')),
    'Move No contractors down',
  );
  const line = (name) => page.locator('li[draggable=true]').filter({ has: page.getByRole('link', { name }) });
  await line('No contractors').dragTo(line('Corp people'));
  assert.deepEqual(await names(), ['No contractors', 'Corp people']);
  await button('Save the order').click();
  await told(page, 'Saved: the order of the policies');
  const [application] = await api.get(at('access/apps?name=Application'));
  assert.deepEqual(
    application.policies.map(({ name }) => name),
    ['No contractors', 'Corp people'],
  );
  await page.getByRole('button', { name: 'Delete No contractors' }).click();
  await told(page, 'may get in by another one');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('link', { name: 'No contractors' }).waitFor({ state: 'detached' });
});

test('a group, a reusable policy with it, and an application that uses both', async () => {
  await dashboard.menu(page, 'Groups');
  await told(page, 'No access groups yet');
  await checkAxeEverywhere(page, { what: 'groups' });
  await page.getByRole('link', { name: 'New group' }).first().click();
  await page.getByLabel('Group name').fill('Staff');
  await addTo(rule(page, 'Include rule 1'), 'Ending', '@corp.example');
  await save();
  await page.getByRole('link', { name: 'Staff' }).waitFor();

  await dashboard.menu(page, 'Policies');
  await page.getByRole('link', { name: 'New policy' }).first().click();
  await page.getByLabel('Policy name').fill('Staff only');
  const include = rule(page, 'Include rule 1');
  await select(include, 'Selector', 'Access groups');
  await pick(include, 'Group', 'Staff');
  await save();
  await told(page, 'Access groups: Staff');
  await checkAxeEverywhere(page, { what: 'policies' });

  await dashboard.menu(page, 'Applications');
  await page.getByRole('link', { name: 'Other' }).click();
  await toTab('Policies');
  await page.getByRole('link', { name: 'Add reusable policies' }).click();
  await page.waitForURL(/add=reusable/);
  await pick(page.getByRole('dialog'), 'Policies', 'Staff only');
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await page.getByRole('link', { name: 'Staff only' }).waitFor();

  // What is used says by whom, and is not deleted.
  await dashboard.menu(page, 'Groups');
  await page.getByRole('button', { name: 'Delete Staff' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('link', { name: 'Staff only' }).waitFor();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
});

test('a new application that is refused leaves no ingress rule behind', async () => {
  const before = await api.get(at('gatehouse/ingress'));
  await dashboard.menu(page, 'Applications');
  await page.getByRole('link', { name: 'Add an application' }).first().click();
  await page.getByLabel('Application name').fill('Other'); // taken
  await page.getByLabel('Host', { exact: true }).fill('nowhere.example.com');
  await page.getByLabel('Service URL').fill('127.0.0.1:8080');
  await addTo(rule(page, 'Include rule 1'), 'Ending', '@corp.example');
  await button('Add the application').click();
  await told(page, 'Must be http://host:port');
  await page.getByLabel('Service URL').fill('http://127.0.0.1:8080');
  await button('Add the application').click();
  await told(page, 'no certificate covers the host');
  await page.getByLabel('Host', { exact: true }).fill(kOther);
  await told(page, /go to .* already/);
  await page.getByLabel('Path (optional)').fill('more');
  await button('Send them elsewhere').click();
  await page.getByLabel('Service URL').fill('http://127.0.0.1:8080');
  await button('Add the application').click();
  await told(page, 'is already the name of another application');
  assert.deepEqual(await api.get(at('gatehouse/ingress')), before);
  await page.getByLabel('Application name').fill('More');
  await button(/Leave it at/).click();
  await button('Add the application').click();
  await heading('More');
  assert.deepEqual(await api.get(at('gatehouse/ingress')), before);
});

test('deleting says what stops working, and it stops', async () => {
  await dashboard.menu(page, 'Applications');
  await page.getByRole('button', { name: 'Delete More' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(`${kOther}/more`).waitFor();
  await dialog.getByText('Team').waitFor(); // its own policy
  await picture(page, 'dashboard-delete');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('link', { name: 'More', exact: true }).waitFor({ state: 'detached' });
  // The host's rule stays: another application has it.
  assert.ok(
    (await api.get(at('gatehouse/ingress'))).some(({ hostname }) => hostname === kOther),
  );
});

test('who may only look is offered nothing to change', async () => {
  const auditor = await dashboard.open('/access/applications', { as: 'auditor@corp.example' });
  await auditor.getByRole('link', { name: 'Other' }).waitFor();
  assert.equal(await auditor.getByRole('link', { name: 'Add an application' }).count(), 0);
  assert.equal(await auditor.getByRole('button', { name: /^Delete/ }).count(), 0);
  await auditor.getByRole('link', { name: 'Other' }).click();
  await told(auditor, 'Your role may look at this, not change it.');
  await dashboard.leave(auditor);
});

test('what was changed here is what people meet', async () => {
  const visitor = await visit(dashboard.browser);
  await visitor.goto(lab.gateway.url(kOther, '/'));
  await choose(visitor, kPin);
  await enterPin(visitor, lab.smtp, 'alice@corp.example');
  await shown(visitor, lab.gateway.url(kOther, '/'));
  await visitor.context().clearCookies();
  await visitor.goto(lab.gateway.url(kApp, '/'));
  await choose(visitor, kProvider);
  await enterProvider(visitor, 'bob'); // of another domain
  await refusal(visitor);
  await visitor.getByText('Ask the help desk').waitFor();
  await visitor.context().close();
});

test('nothing went wrong on the dashboard', () => dashboard.leave(page));
