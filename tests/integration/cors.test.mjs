// CORS (Fetch standard 3.2): what the gateway answers to preflights itself, and what a script of
// another origin may read of a refusal.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kOther, application, domain, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { once } from '../harness/http.mjs';

const kTools = 'https://tools.example.com';
const kPlain = 'brief.gateway.test';
const kBypassed = 'open.gateway.test';
let lab;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      const corp = () => [policy('allow', 'Corp people', { include: [domain('corp.example')] })];
      c.applications = [
        application('App', kApp, corp(), {
          cors_headers: {
            allowed_origins: [kTools],
            allowed_methods: ['GET', 'PUT'],
            allowed_headers: ['x-token'],
            allow_credentials: true,
            max_age: 600,
          },
        }),
        application('Other', kOther, corp(), {
          cors_headers: {
            allow_all_origins: true,
            allow_all_methods: true,
            allow_all_headers: true,
            max_age: -1,
          },
        }),
        application('Plain', kPlain, corp()),
        application('Bypassed', kBypassed, corp(), { options_preflight_bypass: true }),
      ];
    },
  });
});
after(() => lab?.stop());

const preflight = (host, headers) =>
  once(lab.gateway.url(host, '/api'), {
    method: 'OPTIONS',
    headers: {
      origin: kTools,
      'access-control-request-method': 'PUT',
      'sec-fetch-mode': 'cors',
      ...headers,
    },
  });
const cors = ({ headers }) =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith('access-control-'))
      .map(([name, value]) => [name.slice('access-control-'.length), value]),
  );

describe('a preflight', () => {
  test('of an allowed origin is answered without the application', async () => {
    lab.origin.clear();
    const answer = await preflight(kApp, { 'access-control-request-headers': 'x-token, x-other' });
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
    assert.match(answer.headers.vary, /\bOrigin\b/);
    assert.deepEqual(cors(answer), {
      'allow-origin': kTools,
      'allow-credentials': 'true',
      'allow-methods': 'PUT',
      'allow-headers': 'x-token',
      'max-age': '600',
    });
    assert.equal(lab.origin.requests.length, 0);
  });
  test('is told of no method and header that is not allowed', async () => {
    const answer = await preflight(kApp, {
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'x-other',
    });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers['access-control-allow-methods'], undefined);
    assert.equal(answer.headers['access-control-allow-headers'], undefined);
  });
  for (const origin of [
    'https://evil.example.com',
    'http://tools.example.com',
    'https://tools.example.com.evil.example',
    'https://TOOLS.example.com',
    'null',
  ])
    test(`of ${origin} is refused`, async () => {
      const answer = await preflight(kApp, { origin });
      assert.equal(answer.status, 403);
      assert.deepEqual(cors(answer), {});
    });
  test('where every origin may ask: a star, and no credentials', async () => {
    const answer = await preflight(kOther, {
      origin: 'https://any.example',
      'access-control-request-headers': 'x-a,x-b',
    });
    assert.equal(answer.status, 204);
    assert.deepEqual(cors(answer), {
      'allow-origin': '*',
      'allow-methods': 'PUT',
      'allow-headers': 'x-a, x-b',
    });
  });
  test('to an application without CORS settings is refused', async () => {
    const answer = await preflight(kPlain, {});
    assert.equal(answer.status, 403);
    assert.deepEqual(cors(answer), {});
  });
  test('reaches an application that answers them itself', async () => {
    lab.origin.clear();
    const answer = await preflight(kBypassed, {});
    assert.equal(answer.status, 200);
    assert.equal(lab.origin.last.method, 'OPTIONS');
    assert.deepEqual(lab.origin.last.values('cf-access-jwt-assertion'), []);
    // Nothing but a preflight gets through that way.
    for (const headers of [{ origin: '' }, { 'access-control-request-method': '' }])
      assert.notEqual((await preflight(kBypassed, headers)).status, 200);
    const get = await once(lab.gateway.url(kBypassed), {
      headers: { origin: kTools, 'access-control-request-method': 'PUT' },
    });
    assert.equal(get.status, 401);
  });
});

describe('a refusal', () => {
  test('can be read by a script of an allowed origin, and by no other', async () => {
    const ask = (origin) =>
      once(lab.gateway.url(kApp), { headers: { origin, 'sec-fetch-mode': 'cors' } });
    const answer = await ask(kTools);
    assert.equal(answer.status, 401);
    assert.equal(answer.json.reason, 'not_signed_in');
    assert.deepEqual(cors(answer), { 'allow-origin': kTools, 'allow-credentials': 'true' });
    assert.match(answer.headers.vary, /\bOrigin\b/);
    assert.deepEqual(cors(await ask('https://evil.example')), {});
  });
  test('what the application answers is its own', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    const answer = await browser.fetch(lab.gateway.url(kApp), { headers: { origin: kTools } });
    assert.equal(answer.status, 200);
    assert.deepEqual(cors(answer), {});
  });
});
