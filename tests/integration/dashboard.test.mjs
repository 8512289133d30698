// The dashboard is an application behind the gateway: who gets in, what they may do there, and
// which requests count as theirs.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, application, domain, email, everyone, kApp, kAuth, newServiceToken, policy, serviceToken } from '../harness/lab.mjs'; // prettier-ignore
import { byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { auditOf } from '../harness/audit.mjs';
import { ClientAuthority } from '../harness/client_pki.mjs';
import { program } from '../harness/build.mjs';
import { runProgram } from '../harness/process.mjs';
import { connect, responseProblems } from '../harness/api.mjs';

const kDash = 'admin.gateway.test';
const kBound = 'open.gateway.test'; // a dashboard that wants the binding cookie and a certificate
const kPage = '<!doctype html><title>Dashboard</title>';

let lab;
let directory;
let robot;
let api;
let certificate;
before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-web-'));
  fs.chmodSync(directory, 0o755);
  fs.mkdirSync(path.join(directory, 'web', 'assets'), { recursive: true });
  fs.writeFileSync(path.join(directory, 'web', 'index.html'), kPage);
  fs.writeFileSync(path.join(directory, 'web', 'assets', 'main-1a2b3c.js'), 'export {};');
  fs.writeFileSync(path.join(directory, 'web', 'assets', 'main-1a2b3c.js.gz'), 'compressed');
  robot = newServiceToken('robot');
  const authority = new ClientAuthority(directory, 'Devices');
  certificate = authority.issue('alice');
  const role = (name, who, dashboard_role) =>
    policy('allow', name, { include: [email(`${who}@corp.example`)], dashboard_role });
  lab = await startLab({
    idp: true,
    config(c) {
      c.dashboard = { web_directory: path.join(directory, 'web') };
      c.service_tokens = [robot.entry];
      c.mtls_certificates = [
        { name: 'Devices', certificate: authority.pem, associated_hostnames: [kBound] },
      ];
      c.applications.push(
        application(
          'Dashboard',
          kDash,
          [
            role('Administrators', 'alice', 'administrator'),
            role('Help desk', 'carol', 'help_desk'),
            policy('allow', 'Everybody else', { include: [domain('corp.example')] }),
            policy('non_identity', 'Robots', { include: [serviceToken('robot')] }),
          ],
          { type: 'dash_sso' },
        ),
        application(
          'Bound dashboard',
          kBound,
          [
            policy('allow', 'Administrators', {
              include: [email('alice@corp.example')],
              require: [{ common_name: { common_name: 'alice' } }],
              dashboard_role: 'administrator',
            }),
          ],
          { type: 'dash_sso', enable_binding_cookie: true },
        ),
      );
      c.ingress = c.ingress.filter(({ hostname }) => ![kDash, kBound].includes(hostname));
    },
  });
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await lab?.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

const signedIn = async (user, host = kDash) => {
  const browser = lab.browser();
  const page = await signIn(lab, browser, host, byProvider(user));
  assert.equal(page.status, 200, page.text.slice(0, 400));
  assert.equal(page.text, kPage);
  return browser;
};
// As a page of the dashboard asks.
const ask = (browser, target, { headers = {}, host = kDash, ...options } = {}) =>
  browser.fetch(lab.gateway.url(host, `/client/v4/${target}`), {
    headers: { 'x-requested-with': 'gatehouse-dashboard', ...headers },
    ...options,
  });
const below = (target) => `accounts/${api.account}/${target}`;
const own = (target) => `/accounts/{account_id}/${target}`; // with a token
// As an administrator would write it again.
const dashboard = async () => {
  const app = (await api.get(own('access/apps'))).find(({ domain: at }) => at === kDash);
  return { ...app, policies: app.policies.map(({ id, ...rest }) => rest) };
};
const me = (browser, options) => ask(browser, below('gatehouse/me'), options);

describe('the dashboard', () => {
  let alice;
  test('a person signs in to it as to any application, and is what their policy says', async () => {
    const unknown = await lab.browser().navigate(lab.gateway.url(kDash, '/access/apps'));
    assert.equal(unknown.status, 302);
    assert.ok(unknown.location.startsWith(`${lab.gateway.issuer}/cdn-cgi/access/login/${kDash}`));
    alice = await signedIn('alice');
    const answer = await me(alice);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      responseProblems('GET', `/client/v4/${below('gatehouse/me')}`, 200, answer.json),
      [],
    );
    const { version, account, ...mine } = answer.json.result;
    assert.deepEqual(mine, {
      email: 'alice@corp.example',
      name: 'alice@corp.example',
      kind: 'person',
      role: 'administrator',
      scopes: [],
      auth_domain: `${kAuth}:${lab.gateway.port}`,
      sign_out_url: `${lab.gateway.issuer}/cdn-cgi/access/logout`,
    });
    assert.deepEqual(account, { id: api.account, name: 'Corp' });
    assert.match(version, /^\d+\.\d+/);
    assert.equal((await me(await signedIn('carol'))).json.result.role, 'help_desk');
  });

  test('what an administrator changes is in force, and recorded under their address', async () => {
    const made = await ask(alice, below('access/groups'), {
      json: { name: 'Made in the dashboard', include: [{ everyone: {} }] },
      headers: { origin: `https://${kDash}:${lab.gateway.port}` },
    });
    assert.equal(made.status, 201, made.text);
    const change = auditOf(lab.gateway, 'resource_changed').at(-1);
    assert.equal(change.actor, 'alice@corp.example');
    assert.equal(change.ip, alice.address);
    const token = await ask(alice, below('gatehouse/api_tokens'), {
      json: { name: 'from the dashboard', role: 'read_only' },
    });
    assert.equal(token.json.result.created_by, 'alice@corp.example');
  });

  test('who is not an administrator changes nothing', async () => {
    const carol = await signedIn('carol');
    const made = await ask(carol, below('access/groups'), { json: { name: 'x', include: [] } });
    assert.equal(made.status, 403);
    assert.equal(made.json.errors[0].code, 10001);
    assert.equal((await ask(carol, below('access/apps'))).status, 403);
    assert.equal((await ask(carol, below('access/users'))).status, 200);
  });

  test('the files: start page at every path, assets for a year, compressed', async () => {
    const page = await alice.navigate(lab.gateway.url(kDash, '/access/apps/new'));
    assert.equal(page.text, kPage);
    assert.equal(page.headers['cache-control'], 'no-cache');
    for (const [name, value] of [
      ['content-security-policy', /^default-src 'none'; script-src 'self';/],
      ['content-security-policy', /; frame-ancestors 'none'/],
      ['x-content-type-options', /^nosniff$/],
      ['cross-origin-opener-policy', /^same-origin-allow-popups$/],
      ['cross-origin-resource-policy', /^same-origin$/],
      ['referrer-policy', /^no-referrer$/],
      ['permissions-policy', /camera=\(\)/],
    ])
      assert.match(page.headers[name] ?? '', value, name);
    const script = await alice.fetch(lab.gateway.url(kDash, '/assets/main-1a2b3c.js'));
    assert.match(script.headers['cache-control'], /immutable/);
    assert.match(script.headers['content-type'], /^text\/javascript/);
    const compressed = await alice.fetch(lab.gateway.url(kDash, '/assets/main-1a2b3c.js'), {
      headers: { 'accept-encoding': 'gzip, br' },
    });
    assert.equal(compressed.headers['content-encoding'], 'gzip');
    assert.equal(compressed.text, 'compressed');
    const same = await alice.fetch(lab.gateway.url(kDash, '/assets/main-1a2b3c.js'), {
      headers: { 'if-none-match': script.headers.etag },
    });
    assert.equal(same.status, 304);
    assert.equal((await alice.fetch(lab.gateway.url(kDash, '/assets/old.js'))).status, 404);
  });

  for (const [name, headers, status] of [
    ['without the header of its pages', { 'x-requested-with': undefined }, 403],
    ['with the header of another page', { 'x-requested-with': 'XMLHttpRequest' }, 403],
    ['from another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['from another application', { 'sec-fetch-site': 'same-site' }, 403],
    ['of another origin', { origin: 'https://app.gateway.test' }, 403],
    ['with a token beside the session', { authorization: 'Bearer x' }, 400],
    ['with a key beside the session', { 'x-auth-key': 'x' }, 400],
  ])
    test(`a request ${name} does not count`, async () => {
      const sent = { 'x-requested-with': 'gatehouse-dashboard', ...headers };
      for (const one of Object.keys(sent)) if (sent[one] === undefined) delete sent[one];
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const answer = await alice.fetch(
          lab.gateway.url(kDash, `/client/v4/${below('gatehouse/me')}`),
          { method, headers: sent },
        );
        assert.equal(answer.status, status, `${method}: ${answer.text}`);
        assert.equal(answer.json.success, false);
        assert.ok(answer.json.errors[0].message);
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
      }
    });

  test('a preflight is permitted nothing', async () => {
    const answer = await lab.browser().request(lab.gateway.url(kDash, '/client/v4/accounts'), {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'x-requested-with',
        'sec-fetch-mode': 'cors',
      },
    });
    assert.ok(answer.status >= 400, String(answer.status));
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });

  test("another application's token, nobody's and a robot's open nothing", async () => {
    const other = lab.browser();
    await mustSignIn(lab, other, kApp, byProvider('alice'));
    other.jar(kDash).set('CF_Authorization', other.jar(kApp).get('CF_Authorization'));
    const answer = await me(other);
    assert.equal(answer.status, 401);
    assert.ok(answer.json.login_url);
    assert.equal((await me(lab.browser())).status, 401);
    const byRobot = await me(lab.browser(), { headers: robot.headers });
    assert.ok([401, 403].includes(byRobot.status), byRobot.text);
    assert.equal(byRobot.json.success, false);
    const forged = await me(lab.browser(), {
      headers: { 'cf-access-jwt-assertion': alice.cookie(kDash, 'CF_Authorization') },
    });
    assert.equal(forged.status, 401);
  });

  test('a bypass policy shows the pages and opens nothing', async () => {
    const app = await dashboard();
    const open = { name: 'Open', decision: 'bypass', include: [everyone()] };
    await api.put(own(`access/apps/${app.id}`), { ...app, policies: [open] });
    const anybody = lab.browser();
    assert.equal((await anybody.navigate(lab.gateway.url(kDash))).text, kPage);
    const answer = await me(anybody);
    assert.equal(answer.status, 403);
    assert.equal(answer.json.errors[0].code, 9109);
    await api.put(own(`access/apps/${app.id}`), app);
    assert.equal((await me(alice)).status, 200);
  });

  test('what the policy says now counts, and a revoked session counts no more', async () => {
    const app = await dashboard();
    const reading = structuredClone(app.policies);
    reading[0].dashboard_role = 'read_only';
    await api.put(own(`access/apps/${app.id}`), { ...app, policies: reading });
    assert.equal((await me(alice)).json.result.role, 'read_only');
    await api.put(own(`access/apps/${app.id}`), app);
    assert.equal((await me(alice)).json.result.role, 'administrator');
    const { code, output } = await runProgram(
      program('gatehouse'),
      ['revoke', '--user', 'alice@corp.example', '--state', lab.gateway.state],
      { name: 'revoke' },
    );
    assert.equal(code, 0, output);
    assert.equal((await me(alice)).status, 401);
  });

  test('binding cookie and client certificate are judged as for other applications', async () => {
    const browser = lab.browser({});
    browser.agent.options.cert = certificate.cert;
    browser.agent.options.key = certificate.key;
    const page = await signIn(lab, browser, kBound, byProvider('alice'));
    assert.equal(page.text, kPage, page.text.slice(0, 400));
    const answer = await me(browser, { host: kBound });
    assert.equal(answer.status, 200, answer.text);
    browser.jar(kBound).delete('CF_Binding');
    assert.equal((await me(browser, { host: kBound })).status, 401);
  });

  test('an ingress rule for its host, or another application there, is refused', async () => {
    const ingress = await api.get(own('gatehouse/ingress'));
    await assert.rejects(
      api.put(own('gatehouse/ingress'), [
        { hostname: kDash, service: 'http://127.0.0.1:1' },
        ...ingress,
      ]),
      (error) => /must not have an ingress rule/.test(error.message),
    );
    await assert.rejects(
      api.post(own('access/apps'), {
        name: 'Beside it',
        type: 'self_hosted',
        domain: `${kDash}/client`,
        policies: [],
      }),
      (error) => error.status === 400 && /has its host to itself/.test(error.message),
    );
  });

  test('an API token is told who it is as well', async () => {
    const result = await api.get(own('gatehouse/me'));
    assert.equal(result.kind, 'token');
    assert.equal(result.email, null);
    assert.equal(result.sign_out_url, undefined);
  });
});
