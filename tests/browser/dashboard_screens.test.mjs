// Every main page with the data of a small company, in light, dark and on a phone: nothing for axe
// to find, nothing wider than its window, and a first load that stays small. With
// GATEHOUSE_SCREENSHOTS also pictures, those of the documents among them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { select, startDashboard, told } from './dashboard.mjs';
import {
  application,
  domain,
  email,
  everyone,
  group,
  kApp,
  kAuth,
  kOther,
  kPin,
  kTanium,
  policy,
  posture,
} from '../harness/lab.mjs';
import { connect } from '../harness/api.mjs';
import { eventually } from '../harness/process.mjs';
import { checkAxeEverywhere } from './axe.mjs';
import { choose, enterPin, enterProvider, picture, refusal, shown, visit } from './visit.mjs';

const kLogin = 'Company login';
const kStatus = 'open.gateway.test';
const kBoard = 'brief.gateway.test';
const kOld = 'old.gateway.test';
const kFirstLoad = 300_000;
const kMembers = ['dora', 'emil', 'farid', 'greta'].map((name) => `${name}@corp.example`);
const kTenant = '11111111-2222-4333-8444-555555555555';

let dashboard;
let lab;
let api;
let page;
let carol; // in front of her refusal
let alice;
let reference;
let ids;
before(async () => {
  dashboard = await startDashboard({ idp: true, agent: true, config: company });
  lab = dashboard.lab;
  api = await connect(lab.gateway);
  alice = await visit(dashboard.browser);
  await alice.goto(url(kApp));
  await choose(alice, kLogin);
  await enterProvider(alice, 'alice');
  await shown(alice, url(kApp));
  for (const member of kMembers) {
    const visitor = await visit(dashboard.browser);
    await visitor.goto(url(kApp));
    await choose(visitor, kPin);
    await enterPin(visitor, lab.smtp, member);
    await shown(visitor, url(kApp));
    await leaves(visitor);
  }
  // Of another domain.
  const stranger = await visit(dashboard.browser);
  await stranger.goto(url(kOther));
  await choose(stranger, kLogin);
  await enterProvider(stranger, 'bob');
  await refusal(stranger);
  await leaves(stranger);
  await lab.agent.set({ managed: false });
  carol = await visit(dashboard.browser);
  await carol.goto(url(kApp));
  await choose(carol, kLogin);
  await enterProvider(carol, 'carol');
  assert.equal(await refusal(carol), 'posture_not_managed');
  reference = await carol.locator('dt:text-is("Reference") + dd').innerText();
  await lab.agent.set({ managed: true });
  const passer = lab.browser();
  for (let i = 0; i < 12; i++) await passer.fetch(url(kStatus, `/uptime/${i}`));
  for (let i = 0; i < 3; i++) await passer.fetch(url(kOld, `/forms/${i}`));
  const at = (rest) => `/accounts/{account_id}/${rest}`;
  const refusals = at('gatehouse/decisions?effect=deny');
  await eventually(async () => (await api.get(refusals)).length >= 2, { what: 'the log' });
  const idOf = async (rest) => (await api.get(at(rest)))[0].id;
  ids = {
    wiki: await idOf('access/apps?name=Wiki'),
    alice: await idOf('access/users?email=alice@corp.example'),
  };
  ids.policy = (await api.get(at(`access/apps/${ids.wiki}`))).policies[0].id;
  page = await dashboard.open('/');
});
after(async () => {
  api?.close();
  await dashboard?.stop();
});

function company(c) {
  c.organization.name = 'Corp';
  c.identity_providers.find(({ type }) => type === 'oidc').name = kLogin;
  for (const [name, client] of [
    ['Azure AD', '11111111-aaaa-4bbb-8ccc-000000000001'],
    ['Azure AD managed', '11111111-aaaa-4bbb-8ccc-000000000002'],
  ])
    c.identity_providers.push({
      name,
      type: 'azureAD',
      config: { client_id: client, client_secret: 'a secret', directory_id: kTenant },
    });
  c.groups = [
    { name: 'Staff', include: [domain('corp.example')] },
    { name: 'Finance', include: kMembers.slice(2).map(email) },
    {
      name: 'Partners',
      include: [domain('partner.example')],
      exclude: [email('former@partner.example')],
    },
  ];
  const staff = (more = {}) => policy('allow', 'Staff', { include: [group('Staff')], ...more });
  const managed = { require: [posture()] };
  const methods = { allowed_idps: [kPin, kLogin] };
  c.applications = [
    application(
      'Wiki',
      kApp,
      [
        policy('allow', 'Staff with a managed device', { include: [group('Staff')], ...managed }),
        policy('allow', 'Partners in the office', {
          include: [group('Partners')],
          require: [{ ip: { ip: '192.0.2.0/24' } }],
        }),
        policy('deny', 'Everybody else', { include: [everyone()] }),
      ],
      methods,
    ),
    application('Intranet', kOther, [staff()], methods),
    application('Status page', kStatus, [
      policy('bypass', 'Everybody', { include: [everyone()] }),
    ]),
    application('Board papers', kBoard, [
      policy('allow', 'Chair', { include: [email('chair@corp.example')], ...managed }),
    ]),
    application('Build server', 'machine.gateway.test', [
      staff(managed),
      policy('non_identity', 'Pipelines', { include: [{ any_valid_service_token: {} }] }),
    ]),
    application('Payroll', 'paths.gateway.test', [
      policy('allow', 'Finance', { include: [group('Finance')], ...managed }),
    ]),
    application('Old portal', kOld, [
      policy('deny', 'Closed for good', { include: [everyone()] }),
    ]),
    // The dashboard, and its administrator.
    ...c.applications.filter(({ type }) => type === 'dash_sso'),
  ];
}

const url = (host, target = '/') => lab.gateway.url(host, target);
const leaves = (visitor) => visitor.context().close();

// As the documents have it: what a laptop shows, without scrolling.
async function documented(at, name) {
  const directory = process.env.GATEHOUSE_SCREENSHOTS;
  if (!directory) return;
  fs.mkdirSync(directory, { recursive: true });
  const take = (kind) => at.screenshot({ path: path.join(directory, `${name}-${kind}-view.png`) });
  const size = at.viewportSize();
  await at.setViewportSize({ width: 1280, height: 800 });
  for (const colorScheme of ['dark', 'light']) {
    await at.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await take(colorScheme);
  }
  await at.setViewportSize({ width: 390, height: 844 });
  await take('phone');
  await at.emulateMedia({ colorScheme: null, reducedMotion: null });
  await at.setViewportSize(size);
}

async function inspect(at, name) {
  await at.waitForLoadState('networkidle');
  await documented(at, name);
  await picture(at, name);
  assert.match(await at.title(), /\S/);
  const wide = () => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  };
  assert.ok((await at.evaluate(wide)) <= 0, `${name} is wider than its window`);
  await checkAxeEverywhere(at, { what: name });
  assert.deepEqual(at.violations, []);
}

describe('the dashboard', () => {
  const text = (what) => () => told(page, what);
  const tab = (name) => () => page.getByRole('tabpanel', { name }).waitFor();
  for (const [name, target, ready] of [
    ['overview', () => '/', text('Health')],
    ['applications', () => '/access/applications', text('Board papers')],
    ['policies', () => `/access/applications/${ids.wiki}/policies`, tab('Policies')],
    [
      'authentication',
      () => `/access/applications/${ids.wiki}/authentication`,
      tab('Authentication'),
    ],
    [
      'rule-editor',
      () => `/access/applications/${ids.wiki}/policies/${ids.policy}`,
      () => page.getByRole('group', { name: 'Require rule 1' }).waitFor(),
    ],
    ['login-methods', () => '/access/authentication/login-methods', text('Azure AD managed')],
    ['device-posture', () => '/access/authentication/device-posture', text(kTanium)],
    [
      'new-tanium',
      () => '/access/authentication/device-posture/add/tanium',
      text('Public certificate'),
    ],
    ['groups', () => '/access/groups', text('Partners')],
    ['users', () => '/users', text('alice@corp.example')],
    ['user', () => `/users/${ids.alice}`, text('Managed device passes')],
    ['devices', () => '/devices', text('Managed device')],
    ['decisions', () => '/logs/decisions', text('refused')],
    ['refusal', () => `/logs/decisions/${reference}`, text('carol@corp.example')],
    ['audit', () => '/logs/audit', text(/dashboard|gatehouse/i)],
    ['general', () => '/settings/general', () => page.getByRole('textbox').first().waitFor()],
    ['keys', () => '/settings/keys', text(/token/i)],
  ])
    test(name, async () => {
      await page.goto(dashboard.url(target()));
      await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
      await ready();
      assert.match(await page.title(), /\S · Gatehouse$/);
      await inspect(page, `dashboard-${name}`);
    });
  test('tester', async () => {
    await page.goto(dashboard.url('/access/tester'));
    const fill = async (label, value) => {
      await page.getByLabel(label, { exact: true }).fill(value);
      await page.keyboard.press('Escape');
    };
    await fill('Application', kApp);
    await fill('User', 'dora@corp.example');
    await page.getByRole('radio', { name: 'As I say' }).click();
    await select(page, 'State', 'Not managed');
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await told(page, /Refused: This device is not managed/);
    await inspect(page, 'dashboard-tester');
  });
  test('nothing went wrong', () => dashboard.leave(page));
});

describe('what everybody sees', () => {
  test('the chooser', async () => {
    const visitor = await visit(dashboard.browser);
    await visitor.goto(url(kApp));
    await visitor.getByRole('button', { name: kPin }).waitFor();
    await inspect(visitor, 'dashboard-chooser');
    await leaves(visitor);
  });
  test('a refusal', async () => {
    await inspect(carol, 'dashboard-refused');
    await leaves(carol);
  });
  test('the launcher', async () => {
    await alice.goto(url(kAuth));
    await told(alice, 'Wiki');
    await inspect(alice, 'dashboard-launcher');
    await leaves(alice);
  });
});

describe('the first load', () => {
  for (const target of ['/', '/access/applications'])
    test(`${target} is below ${kFirstLoad / 1000} KB`, async () => {
      // A fresh profile on its way through the sign-in. What comes from the dashboard counts.
      const context = await dashboard.browser.newContext({ locale: 'en-GB' });
      const fresh = await context.newPage();
      fresh.setDefaultTimeout(10_000);
      const asked = [];
      fresh.on('requestfinished', (request) => {
        if (request.url().startsWith(dashboard.url('/'))) asked.push(request);
      });
      await fresh.goto(dashboard.url(target));
      await enterPin(fresh, lab.smtp, 'admin@corp.example');
      await fresh.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
      await fresh.waitForLoadState('networkidle');
      let bytes = 0;
      for (const request of asked) {
        const response = await request.response();
        const { responseBodySize, responseHeadersSize } = await request.sizes();
        bytes += responseBodySize + responseHeadersSize;
        if (/\.(js|css)$/.test(new URL(request.url()).pathname))
          assert.equal(response.headers()['content-encoding'], 'br', request.url());
      }
      await context.close();
      console.log(`first load of ${target}: ${bytes} bytes in ${asked.length} answers`);
      assert.ok(asked.length > 3, 'nothing was loaded');
      assert.ok(bytes < kFirstLoad, `${bytes} bytes`);
    });
});
