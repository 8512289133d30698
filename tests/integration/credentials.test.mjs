// DESIGN 8.4: tokens are bound to audience, issuer, type, key and time; every other cookie and
// token is worth nothing. Each by cookie and by cf-access-token.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import {
  startLab,
  kAuth,
  kApp,
  kOther,
  application,
  domain,
  newServiceToken,
  policy,
  serviceToken,
} from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { once, sendRaw } from '../harness/http.mjs';
import { kNoTestkit, testkitData } from '../harness/build.mjs';
import { sleep } from '../harness/process.mjs';
import { forge } from './forge.mjs';

const kUser = 'carol@corp.example';
let lab;
let browser;
const tokens = {};
before(async () => {
  const machine = newServiceToken('Robot');
  lab = await startLab({
    idp: true,
    config(c) {
      c.service_tokens.push(machine.entry);
      c.applications.push(
        application(
          'Brief',
          'brief.gateway.test',
          [policy('allow', 'Corp people', { include: [domain('corp.example')] })],
          { session_duration: '2s' },
        ),
        application('Machine', 'machine.gateway.test', [
          policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }),
          policy('allow', 'Corp people', { include: [domain('corp.example')] }),
        ]),
      );
    },
  });
  browser = lab.browser();
  for (const host of [kApp, kOther, 'brief.gateway.test', 'machine.gateway.test']) {
    await mustSignIn(lab, browser, host, byProvider('carol'));
  }
  tokens.valid = browser.cookie(kApp, 'CF_Authorization');
  tokens.other_app = browser.cookie(kOther, 'CF_Authorization');
  tokens.org = browser.cookie(kAuth, 'CF_Authorization');
  tokens.expired = browser.cookie('brief.gateway.test', 'CF_Authorization');
  const leaving = lab.browser();
  await mustSignIn(lab, leaving, kApp, byProvider('carol'));
  tokens.revoked = leaving.cookie(kApp, 'CF_Authorization');
  assert.equal(
    (await leaving.navigate(`${lab.gateway.issuer}/cdn-cgi/access/logout`)).status < 400,
    true,
  );
  const served = await once(lab.gateway.url('machine.gateway.test'), { headers: machine.headers });
  assert.equal(served.status, 200, served.text);
  tokens.service = lab.origin.last.values('cf-access-jwt-assertion')[0];
  // Signed by somebody else who calls himself this organisation.
  const { privateKey } = await jose.generateKeyPair('RS256');
  tokens.other_team = await new jose.SignJWT(jose.decodeJwt(tokens.valid))
    .setProtectedHeader({
      alg: 'RS256',
      kid: jose.decodeProtectedHeader(tokens.valid).kid,
      typ: 'JWT',
    })
    .sign(privateKey);
});
after(() => lab?.stop());

// {status, seen} of a GET with these raw header lines.
async function send(lines, host = kApp) {
  lab.origin.clear();
  const { responses } = await sendRaw(
    lab.gateway.port,
    host,
    Buffer.from(
      [
        `GET / HTTP/1.1`,
        `Host: ${host}`,
        'Accept: application/json',
        ...lines,
        'Connection: close',
        '',
        '',
      ].join('\r\n'),
      'utf8',
    ),
    { quiet: 300, ms: 8000 },
  );
  return {
    status: responses[0]?.status ?? 0,
    text: responses[0]?.text ?? '',
    seen: [...lab.origin.requests],
  };
}
const byCookie = (token) => [`Cookie: CF_Authorization=${token}`];
const byHeader = (token) => [`cf-access-token: ${token}`];
async function refused(token, name, host) {
  for (const carry of [byCookie, byHeader]) {
    const { status, seen, text } = await send(carry(token), host);
    assert.equal(seen.length, 0, `${name}: reached the application`);
    // A line that is no HTTP, or is too long, is refused by nginx itself; 0: it hung up.
    assert.ok(
      [0, 400, 401, 414, 431, 494].includes(status),
      `${name}: ${status} ${text.slice(0, 200)}`,
    );
  }
}

describe('tokens', () => {
  test('control: cookie and header both carry the person', async () => {
    for (const carry of [byCookie, byHeader]) {
      const { status, seen } = await send(carry(tokens.valid));
      assert.equal(status, 200);
      assert.deepEqual(seen[0].values('cf-access-authenticated-user-email'), [kUser]);
      assert.deepEqual(seen[0].values('cf-access-token'), []);
    }
  });
  test('claims are those of the contract', () => {
    const header = jose.decodeProtectedHeader(tokens.valid);
    assert.deepEqual(Object.keys(header).sort(), ['alg', 'kid', 'typ']);
    assert.equal(header.alg, 'RS256');
    const claims = jose.decodeJwt(tokens.valid);
    assert.deepEqual(Object.keys(claims).sort(), [
      'aud',
      'country',
      'email',
      'exp',
      'iat',
      'identity_nonce',
      'iss',
      'jti',
      'nbf',
      'sub',
      'type',
    ]);
    assert.equal(claims.iss, lab.gateway.issuer);
    assert.equal(claims.type, 'app');
    assert.equal(claims.email, kUser);
    assert.equal(claims.aud.length, 1);
    assert.match(claims.sub, /^[0-9a-f]{8}-[0-9a-f]{4}-/);
    assert.equal(jose.decodeJwt(tokens.org).type, 'org');
    const service = jose.decodeJwt(tokens.service);
    assert.match(service.common_name, /^[0-9a-f]{32}\.access$/);
    assert.equal(service.sub, '');
    assert.equal(service.email, undefined);
    assert.equal(service.identity_nonce, undefined);
  });
  test('of another application (audience): refused', () => refused(tokens.other_app, 'other_app'));
  test('the global session (type org): refused', () => refused(tokens.org, 'org'));
  test('of the auth domain, an application token: no session', async () => {
    const thief = lab.browser();
    thief.jar(kAuth).set('CF_Authorization', { value: tokens.valid, attributes: {} });
    const answer = await thief.navigate(lab.gateway.url(kOther));
    const login = await thief.navigate(answer.location);
    assert.ok(!/authorized/.test(login.location ?? ''), login.location);
  });
  test('of another organisation (key): refused', () => refused(tokens.other_team, 'other_team'));
  test('of a session that was ended: refused', () => refused(tokens.revoked, 'revoked'));
  test('expired: refused, and says so', async () => {
    const { exp } = jose.decodeJwt(tokens.expired);
    await sleep(Math.max(0, (exp + 1) * 1000 - Date.now()));
    await refused(tokens.expired, 'expired', 'brief.gateway.test');
    const { status, text } = await send(byCookie(tokens.expired), 'brief.gateway.test');
    assert.equal(status, 401);
    assert.match(JSON.parse(text).reason, /^(session_expired|token_invalid)$/);
  });
  test("a service's assertion is no person's session", async () => {
    const { seen } = await send(byCookie(tokens.service), 'machine.gateway.test');
    assert.equal(seen.length, 0);
    await refused(tokens.service, 'service');
  });
  test('forged in a hundred ways: refused', { timeout: 200_000 }, async () => {
    const certs = (await once(`${lab.gateway.issuer}/cdn-cgi/access/certs`)).json;
    const variants = forge(tokens.valid, certs);
    assert.ok(variants.length > 100);
    for (const { id, token, expect } of variants) {
      if (expect !== 'accept') await refused(token, id);
      else
        for (const carry of [byCookie, byHeader])
          assert.equal((await send(carry(token))).status, 200, id);
    }
  });
  test('cf-access-token twice: refused', async () => {
    const { seen } = await send([...byHeader(tokens.valid), ...byHeader(tokens.valid)]);
    assert.equal(seen.length, 0);
  });
});

describe('cookies', () => {
  // `expect`: person, refused, or either. Never anyone else, never an accident.
  const rows = [
    ['empty', 'CF_Authorization=', 'refused'],
    ['junk', 'CF_Authorization=a.b.c', 'refused'],
    ['two, the good one first', 'CF_Authorization={valid}; CF_Authorization=junk', 'either'],
    ['two, the good one last', 'CF_Authorization=junk; CF_Authorization={valid}', 'either'],
    [
      'two of different applications',
      'CF_Authorization={other_app}; CF_Authorization={valid}',
      'either',
    ],
    ['another case', 'cf_authorization={valid}', 'refused'],
    ['a prefix', '__Host-CF_Authorization={valid}', 'refused'],
    ['a longer name', 'xCF_Authorization={valid}', 'refused'],
    ['quoted', 'CF_Authorization="{valid}"', 'either'],
    ['empty pairs', ';;CF_Authorization={valid};;a=b;', 'either'],
    ['a tab', 'CF_Authorization={valid}\tx', 'refused'],
    ['a comma', 'CF_Authorization={valid}, a=b', 'refused'],
    ['NUL, escaped', 'CF_Authorization={valid}%00', 'refused'],
    ['padding', 'CF_Authorization={valid}=', 'refused'],
    ['a dot more', 'CF_Authorization={valid}.', 'refused'],
    ['no value for the session', 'CF_AppSession=x', 'refused'],
    [
      '200 cookies before it',
      `${Array.from({ length: 200 }, (_, i) => `c${i}=1`).join('; ')}; CF_Authorization={valid}`,
      'person',
    ],
    ['7 KB before it', `a=${'b'.repeat(7000)}; CF_Authorization={valid}`, 'either'],
  ];
  const check = async (name, line, expect) => {
    const cookie = line.replace(/\{(\w+)\}/g, (all, key) => tokens[key] ?? 'none');
    const { status, seen } = await send([`Cookie: ${cookie}`]);
    for (const request of seen) {
      assert.deepEqual(request.values('cf-access-authenticated-user-email'), [kUser], name);
      assert.ok(!request.values('cookie').join().includes('CF_Authorization'), name);
    }
    if (expect === 'person') assert.equal(status, 200, name);
    if (expect === 'refused') assert.equal(seen.length, 0, name);
    assert.ok(status === 200 || (status >= 400 && status < 500), `${name}: ${status}`);
  };
  for (const [name, line, expect] of rows)
    test(`${name}: ${expect}`, () => check(name, line, expect));

  test('in several Cookie lines: the person, or refused', async () => {
    const { status, seen } = await send([
      'Cookie: a=1',
      `Cookie: CF_Authorization=${tokens.valid}`,
      'Cookie: b=2',
    ]);
    assert.ok(status === 200 || status === 400, `${status}`);
    if (status === 200) assert.ok(!seen[0].values('cookie').join().includes('CF_'));
  });
  test('of 100 KB, as one and as many: 4xx, and the gateway goes on', async () => {
    for (const lines of [
      [`Cookie: CF_Authorization=${'A'.repeat(100_000)}`],
      [`Cookie: a=${'b'.repeat(100_000)}; CF_Authorization=${tokens.valid}`],
      Array.from({ length: 100 }, () => `Cookie: CF_Authorization=${'A'.repeat(1000)}`),
      [`Cookie: ${'CF_Authorization=a; '.repeat(5000)}`],
    ]) {
      const { status, seen } = await send(lines);
      assert.equal(seen.length, 0);
      assert.ok(status === 0 || (status >= 400 && status < 500), `${status}`);
    }
    assert.equal((await send(byCookie(tokens.valid))).status, 200);
  });

  const shared = testkitData('hostile/cookies.json');
  test('the shared list: the person or nobody', { skip: shared ? false : kNoTestkit }, async () => {
    for (const { cookie, note } of shared) {
      const worthless =
        /\{(other_app|other_team|expired|revoked|service_token_jwt|idp_id_token)\}/.test(cookie) ||
        !cookie.includes('{');
      await check(
        note,
        cookie
          .replace('{service_token_jwt}', '{service}')
          .replace('{idp_id_token}', '{other_team}'),
        worthless ? 'refused' : 'either',
      );
    }
  });
});

describe('get-identity', () => {
  test('the person of the cookie, on the application and on the auth domain', async () => {
    for (const url of [
      lab.gateway.url(kApp, '/cdn-cgi/access/get-identity'),
      `${lab.gateway.issuer}/cdn-cgi/access/get-identity`,
    ]) {
      const answer = await browser.fetch(url);
      assert.equal(answer.status, 200, url);
      assert.equal(answer.json.email, kUser);
      assert.match(answer.headers['cache-control'], /no-store/);
    }
  });
  test("401 without a cookie, with another application's, with a forged one", async () => {
    for (const cookie of [
      undefined,
      `CF_Authorization=${tokens.other_app}`,
      `CF_Authorization=${tokens.other_team}`,
      `CF_Authorization=${tokens.revoked}`,
    ]) {
      const answer = await once(lab.gateway.url(kApp, '/cdn-cgi/access/get-identity'), {
        headers: cookie ? { cookie } : {},
      });
      assert.equal(answer.status, 401);
    }
  });
});
