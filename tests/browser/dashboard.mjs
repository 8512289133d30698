// The dashboard in a real browser: a gateway that serves it, and an administrator who is signed in.
//   const dashboard = await startDashboard({ agent: true });
//   const page = await dashboard.open('/access/applications');
//   ... real clicks ...
//   await dashboard.leave(page);       nothing may have gone wrong on it
// It needs the built pages (tools/web); GATEHOUSE_TEST_WEB names another folder than build/web.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { startLab, application, email, kPin, policy } from '../harness/lab.mjs';
import { enterPin, startBrowser, visit } from './visit.mjs';

export const kDash = 'admin.gateway.test';
export const kAdministrator = 'admin@corp.example';

// Options: as of startLab, and
//   fresh        nothing is configured but the dashboard and the way into it
//   publicPorts  of the browser: the gateway counts as the public internet
export async function startDashboard({ fresh = false, config = () => {}, ...options } = {}) {
  const web = process.env.GATEHOUSE_TEST_WEB ?? path.join(import.meta.dirname, '../../build/web');
  assert.ok(fs.existsSync(path.join(web, 'index.html')), `${web} is not built: run tools/web`);
  const lab = await startLab({
    smtp: true,
    ...options,
    config(c, self) {
      c.dashboard = { web_directory: web };
      if (fresh) {
        c.applications = [];
        c.ingress = [{ service: 'http_status:404' }];
        c.device_posture_integrations = [];
        c.device_posture_rules = [];
      }
      c.applications.push(
        application(
          'Dashboard',
          kDash,
          [
            policy('allow', 'Administrators', {
              include: [email(kAdministrator)],
              dashboard_role: 'administrator',
            }),
            policy('allow', 'Auditors', { include: [email('auditor@corp.example')] }),
          ],
          { type: 'dash_sso', allowed_idps: [kPin] },
        ),
      );
      c.ingress = c.ingress.filter(({ hostname }) => hostname !== kDash);
      config(c, self);
    },
  });
  try {
    return new Dashboard(lab, await startBrowser());
  } catch (error) {
    await lab.stop();
    throw error;
  }
}

export class Dashboard {
  constructor(lab, browser) {
    this.lab = lab;
    this.browser = browser;
  }
  url(target = '/') {
    return this.lab.gateway.url(kDash, target);
  }
  // A page of a fresh profile, signed in, at `target`.
  async open(target = '/', { as = kAdministrator, ...options } = {}) {
    const page = await visit(this.browser, { viewport: { width: 1280, height: 900 }, ...options });
    page.setDefaultTimeout(30_000);
    await page.goto(this.url(target));
    await enterPin(page, this.lab.smtp, as);
    await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
    return page;
  }
  // Of the dashboard's menu.
  async menu(page, name) {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  }
  async leave(page) {
    assert.deepEqual(page.violations, []);
    await page.context().close();
  }
  async stop() {
    await this.browser.close();
    await this.lab.stop();
  }
}

// --- what the suites do on many pages

// `within`: a page, or a part of one.
const pageOf = (within) => within.page?.() ?? within;

// Chooses in a list that opens.
export async function select(within, label, option) {
  await within.getByRole('combobox', { name: label }).click();
  await pageOf(within).getByRole('option', { name: option, exact: true }).click();
}
// Types into a field of several values, as chips.
export async function addTo(within, label, value) {
  const field = within.getByLabel(label, { exact: true });
  await field.fill(value);
  await field.press('Enter');
}
// Chooses in a field of several values that is searched.
export async function pick(within, label, option) {
  const field = within.getByRole('combobox', { name: label });
  await field.click();
  await pageOf(within).getByRole('option', { name: option }).first().click();
  await pageOf(within).keyboard.press('Escape');
}
export const rule = (page, name) => page.getByRole('group', { name, exact: true });
export const told = (page, text) => page.getByText(text).first().waitFor();
