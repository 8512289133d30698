// A person in front of a real browser: steps that the suites share, and pictures of every page when
// GATEHOUSE_SCREENSHOTS names a directory.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { launch } from './browser.mjs';
import { kHosts, pki } from '../harness/pki.mjs';

export const startBrowser = (options = {}) =>
  launch({
    home: pki().home,
    hosts: Object.fromEntries(kHosts.map((host) => [host, '127.0.0.1'])),
    ...options,
  });

// A page of a fresh profile that remembers what went wrong and how often its device was asked.
export async function visit(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.violations = [];
  page.exchanges = 0;
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text()))
      page.violations.push(message.text());
  });
  page.on('pageerror', (error) => page.violations.push(String(error)));
  page.on('response', (response) => {
    if (response.url().endsWith('/cdn-cgi/access/posture/result')) page.exchanges++;
  });
  return page;
}

export async function enterPin(page, smtp, address) {
  const mails = smtp.to(address).length;
  await page.locator('input[name=email]').fill(address);
  await page.locator('form:has(input[name=email]) button').first().click();
  await page.locator('input[name=code]').fill(await smtp.codeFor(address, mails + 1));
  await page.locator('form:has(input[name=code]) button').first().click();
}
export async function enterProvider(page, user) {
  await page.locator('#login').fill(user);
  await page.locator('#password').fill(user);
  await page.locator('#submit').click();
}
export const choose = (page, name) => page.getByRole('button', { name }).click();

// The refusal page as a person reads it: the reason's code.
export async function refusal(page) {
  await page.waitForURL(/\/cdn-cgi\/access\/refused\?/, { timeout: 20_000 });
  return refusalShown(page);
}
export async function refusalShown(page) {
  const fact = (name) => page.locator(`dt:text-is("${name}") + dd`).innerText();
  assert.match(await fact('Reference'), /^[0-9a-f]{32}$/);
  assert.deepEqual(page.violations, []);
  return fact('Reason');
}

// The application itself; a refusal on the way fails at once, with its reason.
export async function arrive(page, url) {
  const refused = /\/cdn-cgi\/access\/refused\?/;
  await page.waitForURL((at) => at.href === url || refused.test(at.href), { timeout: 15_000 });
  if (page.url() !== url) assert.fail(`refused: ${await refusalShown(page)}`);
}
// What it shows: what it received.
export async function shown(page, url) {
  await arrive(page, url);
  return JSON.parse(await page.locator('body').innerText());
}

export async function picture(page, name) {
  const directory = process.env.GATEHOUSE_SCREENSHOTS;
  if (!directory) return;
  fs.mkdirSync(directory, { recursive: true });
  const size = page.viewportSize();
  const take = (kind) =>
    page.screenshot({ path: path.join(directory, `${name}-${kind}.png`), fullPage: true });
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await take(colorScheme);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await take('phone');
  await page.setViewportSize(size);
}
