// DESIGN 8.5 and 8.6: secrets are in no log and not in the store; what matters leaves a record. And a
// flood of strangers leaves nothing at all.
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import {
  startLab,
  kApp,
  kAuth,
  kOther,
  kPin,
  application,
  everyone,
  newServiceToken,
  policy,
  serviceToken,
} from '../harness/lab.mjs';
import { kClientSecret } from '../harness/idp.mjs';
import { SignIn, byPin, byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { tokenOf, askAgent } from '../harness/agent.mjs';
import { instructionsOf } from '../harness/html.mjs';
import { Browser, once } from '../harness/http.mjs';
import { eventually, sleep } from '../harness/process.mjs';

let lab;
const secrets = {}; // name -> value
const robot = newServiceToken('Robot');
before(async () => {
  lab = await startLab({
    idp: true,
    smtp: true,
    agent: true,
    config(c) {
      c.service_tokens.push(robot.entry);
      c.log_level = 'trace';
      c.applications.push(
        application('Machine', 'machine.gateway.test', [
          policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }),
        ]),
        application('Open', 'open.gateway.test', [
          policy('bypass', 'Anyone', { include: [everyone()] }),
        ]),
      );
    },
  });
  // Everything that handles a secret, once well and once badly.
  const browser = lab.browser();
  const code = [];
  const answer = await signIn(lab, browser, kApp, {
    ...byPin('pia@corp.example'),
    device: async (page) => {
      const token = tokenOf(await askAgent(instructionsOf(page.text), lab.gateway.issuer));
      secrets['posture token'] = token;
      secrets['posture transaction'] = instructionsOf(page.text).transaction;
      return { token };
    },
  });
  assert.equal(answer.headers['x-origin'], 'echo');
  code.push(await lab.smtp.codeFor('pia@corp.example'));
  await mustSignIn(lab, browser, kOther);
  const second = lab.browser();
  const flow = new SignIn(lab, second);
  const atProvider = await flow.choose(await flow.begin(kApp), 'Test provider');
  const back = await flow.atProvider(atProvider, { user: 'alice' });
  secrets['authorization code'] = new URL(back).searchParams.get('code');
  secrets['provider state'] = new URL(back).searchParams.get('state');
  await flow.finish(await flow.follow(await flow.navigate(back)));
  await flow.navigate(back);
  const third = new SignIn(lab, lab.browser());
  let page = await third.choose(await third.begin(kApp), kPin);
  page = await third.requestPin(page, 'pam@corp.example');
  code.push(await lab.smtp.codeFor('pam@corp.example'));
  await third.enterPin(page, '000000');
  await once(lab.gateway.url('machine.gateway.test'), { headers: robot.headers });
  await once(lab.gateway.url('machine.gateway.test'), {
    headers: { ...robot.headers, 'cf-access-client-secret': `${robot.secret}x` },
  });
  await once(lab.gateway.url(kApp), {
    headers: { cookie: `CF_Authorization=${browser.cookie(kApp, 'CF_Authorization')}x` },
  });
  const away = await browser.clone().navigate(lab.gateway.url('open.gateway.test'));
  assert.equal(away.status, 200);
  Object.assign(secrets, {
    'client secret': kClientSecret,
    'service token': robot.secret,
    'pin code, used': code[0],
    'pin code, unused': code[1],
  });
  for (const [who, jar] of [
    ['pia', browser],
    ['alice', second],
  ]) {
    for (const [host, name] of [
      [kApp, 'CF_Authorization'],
      [kAuth, 'CF_Authorization'],
      [kApp, 'CF_AppSession'],
      [kAuth, 'CF_Session'],
    ]) {
      const value = jar.cookie(host, name);
      assert.ok(value, `${who}: ${name} of ${host}`);
      secrets[`${name} of ${host} (${who})`] = value;
      // Of a token the signature is what must not leak.
      if (value.split('.').length === 3)
        secrets[`signature of ${name} of ${host} (${who})`] = value.split('.')[2];
    }
  }
});
after(() => lab?.stop());

describe('secrets', () => {
  const isPin = (name) => name.startsWith('pin code');
  test('are in no log line', async () => {
    await sleep(200);
    const said = lab.gateway.logs();
    assert.ok(said.length > 100, 'nothing was logged at all');
    for (const [name, value] of Object.entries(secrets)) {
      const found = isPin(name)
        ? new RegExp(`(?<![0-9a-f])${value}(?![0-9a-f])`).test(said)
        : said.includes(value);
      assert.ok(!found, `${name} is in the logs`);
    }
    assert.ok(!/eyJ[\w-]{10,}\.eyJ/.test(said), 'a token is in the logs');
    assert.ok(!/BEGIN [A-Z ]*PRIVATE KEY/.test(said), 'a key is in the logs');
  });
  test('are in no file of the state directory', () => {
    const files = lab.gateway.stateFiles();
    assert.ok(
      files.some((file) => /\.db$/.test(file)) && files.some((file) => /data\.mdb$/.test(file)),
    );
    for (const file of files) {
      const bytes = fs.readFileSync(file);
      for (const [name, value] of Object.entries(secrets)) {
        if (isPin(name)) continue; // six digits occur by chance; the next test looks at the rows
        assert.ok(!bytes.includes(value), `${name} is in ${file}`);
      }
      if (!/master\.key|\/keys\//.test(file))
        assert.ok(!bytes.includes('PRIVATE KEY'), `a private key is in ${file}`);
    }
  });
  test('a pin is stored as a hash only', () => {
    const database = new DatabaseSync(lab.gateway.storeFile(), { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    for (const { name } of tables) {
      for (const row of database.prepare(`SELECT * FROM "${name}"`).all()) {
        for (const [column, value] of Object.entries(row)) {
          for (const pin of ['pin code, used', 'pin code, unused']) {
            assert.ok(
              !new RegExp(`(?<![0-9a-f])${secrets[pin]}(?![0-9a-f])`).test(String(value)),
              `${pin} is in ${name}.${column}`,
            );
          }
        }
      }
    }
    database.close();
  });
  test('the key files and the store are for the gateway alone', () => {
    for (const file of lab.gateway
      .stateFiles()
      .filter((name) => /master\.key|\.db$|\.db-wal$/.test(name))) {
      assert.equal(fs.statSync(file).mode & 0o077, 0, file);
    }
  });
  test('are in no answer of the public endpoints', async () => {
    for (const path of ['status', 'certs', 'get-identity', 'nothing']) {
      const { text } = await once(`${lab.gateway.issuer}/cdn-cgi/access/${path}`);
      for (const value of [kClientSecret, robot.secret, robot.entry.client_secret_hash])
        assert.ok(!text.includes(value), path);
      assert.ok(!/"d"|"p"|"q"|PRIVATE/.test(text), path);
    }
  });
});

describe('the audit trail', () => {
  test('sign-in, failure, refusal, posture result and changes are recorded with who, what and why', async () => {
    await signIn(lab, lab.browser(), kApp, byProvider('bob'));
    const events = () => {
      const database = new DatabaseSync(lab.gateway.storeFile(), { readOnly: true });
      try {
        const table = database
          .prepare("SELECT name FROM sqlite_master WHERE name LIKE '%audit%' AND type = 'table'")
          .get().name;
        return database.prepare(`SELECT * FROM "${table}"`).all();
      } finally {
        database.close();
      }
    };
    const found = await eventually(
      () => {
        const rows = events();
        const kinds = new Set(rows.map((row) => row.event));
        return (
          ['sign_in', 'refusal', 'posture_result', 'resource_changed'].every((kind) =>
            kinds.has(kind),
          ) && rows
        );
      },
      { what: 'the records' },
    );
    const signIns = found.filter((row) => row.event === 'sign_in');
    assert.ok(
      signIns.some((row) => row.actor === 'alice@corp.example') &&
        signIns.some((row) => row.actor === 'pia@corp.example'),
    );
    const refusal = found.find(
      (row) => row.event === 'refusal' && row.actor === 'bob@contractor.example',
    );
    assert.ok(refusal?.reason, JSON.stringify(refusal));
  });
  test('a refusal and a bypass at the data plane are recorded by the worker', async () => {
    const nobody = new Browser();
    lab.browsers.push(nobody);
    // A challenge to sign in is no refusal: a flood of strangers fills no disk.
    const challenged = await nobody.fetch(lab.gateway.url(kApp, '/recorded'));
    const refused = await nobody.fetch(lab.gateway.url(kApp, '/recorded'), {
      headers: { 'cf-access-client-id': 'x', 'cf-access-client-secret': 'y' },
    });
    await nobody.fetch(lab.gateway.url('open.gateway.test', '/recorded'));
    const said = await eventually(
      () => {
        const text = lab.gateway.logs();
        return text.includes(refused.json.reference) && /bypass/.test(text) && text;
      },
      { ms: 10_000, what: 'the decisions in the log' },
    );
    const line = said
      .split('\n')
      .find((text) => text.includes(refused.json.reference) && /service_token_invalid/.test(text));
    assert.ok(line, 'no record with reference and reason');
    assert.ok(!said.includes(challenged.json.reference));
  });
});

describe('a flood of strangers', () => {
  test('2,000 requests and 100 login pages make no row', { timeout: 120_000 }, async (t) => {
    const flood = new Browser({ keepAlive: true });
    lab.browsers.push(flood);
    const before = lab.gateway.rows();
    const size = fs.statSync(lab.gateway.storeFile()).size;
    const targets = [
      () =>
        flood.request(lab.gateway.url(kApp, `/${Math.random()}`), {
          cookies: false,
          headers: { accept: 'text/html' },
        }),
      () => flood.request(lab.gateway.url(kApp), { cookies: false }),
      () =>
        flood.request(lab.gateway.url(kApp), {
          headers: { cookie: `CF_Authorization=${Math.random()}.x.y` },
        }),
      () =>
        flood.request(lab.gateway.url('machine.gateway.test'), {
          cookies: false,
          headers: { 'cf-access-client-id': 'x', 'cf-access-client-secret': 'y' },
        }),
    ];
    const began = Date.now();
    const counts = {};
    await Promise.all(
      Array.from({ length: 16 }, async (_, lane) => {
        for (let i = lane; i < 2000; i += 16) {
          const { status } = await targets[i % targets.length]();
          counts[status] = (counts[status] ?? 0) + 1;
        }
      }),
    );
    t.diagnostic(`2000 requests in ${Date.now() - began} ms: ${JSON.stringify(counts)}`);
    assert.deepEqual(Object.keys(counts).sort(), ['302', '401']);
    for (let i = 0; i < 100; i++) {
      const away = await flood.request(lab.gateway.url(kApp), {
        cookies: false,
        headers: { accept: 'text/html' },
      });
      assert.equal(
        (await flood.request(away.location, { cookies: false, headers: { accept: 'text/html' } }))
          .status,
        200,
      );
    }
    assert.deepEqual(lab.gateway.rows(), before);
    assert.equal(fs.statSync(lab.gateway.storeFile()).size, size);
  });
});
