// Lists, service tokens and the settings, by real clicks.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { select, startDashboard, told } from './dashboard.mjs';
import { checkAxe, checkAxeEverywhere } from './axe.mjs';
import { picture } from './visit.mjs';

let dashboard;
let page;
before(async () => {
  dashboard = await startDashboard();
  page = await dashboard.open('/access/lists');
});
after(() => dashboard?.stop());

const go = (target) => page.goto(dashboard.url(target));
const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();

// At once, as the clipboard does it.
const paste = (field, text) =>
  field.evaluate((one, value) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(one, value);
    one.dispatchEvent(new Event('input', { bubbles: true }));
  }, text);

test('a list of thousands: pasted, searched, taken out', async () => {
  await page.getByText('No lists yet').waitFor();
  await button('New list').first().click();
  await dialog().getByLabel('Name', { exact: true }).fill('Contractors');
  await dialog().getByLabel('Addresses (optional)').fill('nobody');
  await dialog().getByRole('button', { name: 'Create' }).click();
  await dialog().getByText(/Line 1: nobody is not an email address/).waitFor();
  const many = Array.from({ length: 3000 }, (_, number) => `person${number}@partner.example, Team ${number % 9}`);
  await paste(dialog().getByLabel('Addresses (optional)'), many.join('\n'));
  await dialog().getByRole('button', { name: 'Create' }).click();
  await heading('Contractors');
  await told(page, '3,000 addresses.');
  await checkAxeEverywhere(page, { what: 'a list' });
  await page.getByRole('searchbox').fill('person2999');
  const box = page.getByRole('checkbox', { name: 'person2999@partner.example' });
  await box.click();
  await button('Take out 1 address').click();
  await dialog().getByText(/do not match it any more: person2999@partner.example/).waitFor();
  await dialog().getByRole('button', { name: 'Take out' }).click();
  await told(page, '2,999 addresses.');
  await button('Add addresses').first().click();
  await dialog().getByLabel('Addresses').fill('Person0@partner.example\nAlice <alice@corp.example>');
  await dialog().getByText(/New: 1, in the list already: 1/).waitFor();
  await dialog().getByRole('button', { name: 'Add', exact: true }).click();
  await told(page, '3,000 addresses.');
});

test('a service token: shown once, a new secret, switched off', async () => {
  await go('/access/service-tokens');
  await button('New service token').first().click();
  await dialog().getByLabel('Name', { exact: true }).fill('Backup job');
  await dialog().getByRole('button', { name: 'Create' }).click();
  await dialog().getByText('Copy it now').waitFor();
  await button('I have copied it').click();
  await page.getByRole('link', { name: 'Backup job' }).click();
  await heading('Backup job');
  await checkAxeEverywhere(page, { what: 'a service token' });
  await button('New secret').click();
  await dialog().getByRole('radio', { name: 'After one day' }).click();
  await dialog().getByRole('button', { name: 'New secret' }).click();
  await dialog().getByText('Copy it now').waitFor();
  await button('I have copied it').click();
  await told(page, 'The secret before is good until');
  await page.getByRole('switch', { name: 'Switched on' }).click();
  await button('Save').click();
  await told(page, 'Saved: Backup job');
  await go('/access/service-tokens');
  await told(page, 'switched off');
});

test('the organization: colours are seen before they are saved', async () => {
  await go('/settings/general');
  await page.getByLabel('Background (optional)').fill('red');
  await button('Save').click();
  await told(page, 'Must be a colour such as #1a237e');
  await page.getByLabel('Background (optional)').fill('#1a237e');
  await page.getByLabel('Text (optional)').fill('#1a2380');
  await told(page, /cannot be read on this background: #ffffff is used instead/);
  await page.getByLabel('Text (optional)').fill('#ffffff');
  await page.getByLabel('Words above (optional)').fill('For people of Corp.');
  await checkAxeEverywhere(page, { what: 'general settings' });
  await picture(page, 'dashboard-general');
  await button('Save').click();
  await told(page, 'Saved');
  await page.reload();
  await page.getByLabel('Words above (optional)').waitFor();
  assert.equal(await page.getByLabel('Background (optional)').inputValue(), '#1a237e');
});

test('a custom page is seen as it will be, and runs nothing here', async () => {
  await go('/settings/pages/new');
  await page.getByLabel('Name', { exact: true }).fill('Ask us');
  await page
    .getByLabel('Page (HTML)')
    .fill(
      '<!doctype html><html lang="en"><title>No</title><style>h1{color:rgb(1,2,3)}</style><h1>Ask us</h1><p style="color:rgb(4,5,6)">Now</p><script>parent.document.title="owned"</script></html>',
    );
  const preview = page.frameLocator('iframe[title="Preview of the page"]');
  await preview.getByRole('heading', { name: 'Ask us' }).waitFor();
  const colour = (tag) => preview.locator(tag).evaluate((one) => getComputedStyle(one).color);
  assert.equal(await colour('h1'), 'rgb(1, 2, 3)');
  assert.equal(await colour('p'), 'rgb(4, 5, 6)');
  await told(page, /lets no script run/);
  assert.match(await page.title(), /Gatehouse/);
  await checkAxe(page, { what: 'a custom page', exclude: ['iframe'] });
  await button('Save').click();
  await page.getByRole('link', { name: 'Ask us' }).waitFor();
});

test('an authority of client certificates: a mistake is told before anything is sent', async () => {
  await go('/settings/certificates/new');
  await page.getByLabel('Name', { exact: true }).fill('Devices');
  const field = page.getByRole('textbox', { name: 'Certificate of the authority' });
  const read = (name) => fs.readFileSync(new URL(`../../src/${name}`, import.meta.url), 'utf8');
  await field.fill(read('jose/testdata/keys/p256.pem'));
  await told(page, /A public key alone is no authority/);
  await field.fill(read('policy/testdata/authority.pem'));
  await told(page, /^Certificate .* authority, EC P-256/);
  await page.getByLabel('Hosts', { exact: true }).fill('devices.corp.example');
  await checkAxeEverywhere(page, { what: 'a new authority' });
  await button('Save').click();
  await page.getByRole('main').getByRole('link', { name: 'Devices' }).click();
  await heading('Devices');
  await page.getByLabel('Hosts', { exact: true }).fill('devices.corp.example\nlaptops.corp.example');
  await button('Save').click();
  await told(page, 'Saved: Devices');
});

test('an API token: limited, shown once, revoked', async () => {
  await go('/settings/keys');
  await told(page, 'Next rotation');
  await checkAxeEverywhere(page, { what: 'keys and tokens' });
  await button('New API token').first().click();
  await dialog().getByLabel('Name', { exact: true }).fill('Terraform');
  await dialog().getByRole('switch', { name: 'Limit it to some things' }).click();
  await dialog().getByRole('button', { name: 'Create' }).click();
  await dialog().getByText('Choose at least one, or do not limit it').waitFor();
  await dialog().getByRole('checkbox', { name: 'Applications' }).click();
  await select(dialog(), 'Ends', 'After 30 days');
  await checkAxe(page, { what: 'a new API token' });
  await dialog().getByRole('button', { name: 'Create' }).click();
  await dialog().getByText(/^gh_/).first().waitFor();
  await button('I have copied it').click();
  await page.getByRole('row').filter({ hasText: 'Terraform' }).getByText('Applications').waitFor();
  await button('Revoke Terraform').click();
  await dialog().getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.getByText('No API tokens yet').waitFor();
});

test('tags, health, and a backup', async () => {
  await go('/settings/tags');
  await button('New tag').first().click();
  await dialog().getByLabel('Name', { exact: true }).fill('engineering');
  await dialog().getByRole('button', { name: 'Create' }).click();
  await page.getByRole('row').filter({ hasText: 'engineering' }).waitFor();
  await go('/settings/health');
  await told(page, 'Everything works');
  await checkAxeEverywhere(page, { what: 'health' });
  const waiting = page.waitForEvent('download');
  await button('Download a backup').click();
  const download = await waiting;
  const lines = fs.readFileSync(await download.path(), 'utf8').trim().split('\n');
  for (const line of lines) JSON.parse(line);
  assert.ok(lines.length > 1);
  await dashboard.leave(page);
});
