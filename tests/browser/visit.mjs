// A person in front of a real browser: steps that the suites share, and pictures of every page when
// GATEHOUSE_SCREENSHOTS names a directory.
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

// A page of a fresh profile that remembers what went wrong and what the exchange with the device came to.
export async function visit(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.violations = [];
  page.results = []; // of posture/result: {next} or {reason, page}
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text()))
      page.violations.push(message.text());
  });
  page.on('pageerror', (error) => page.violations.push(String(error)));
  page.on('response', async (response) => {
    if (response.url().endsWith('/cdn-cgi/access/posture/result')) {
      page.results.push(await response.json().catch(() => ({})));
    }
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

// What the application shows: what it received.
export async function shown(page, url) {
  await page.waitForURL(url, { timeout: 15_000 });
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
