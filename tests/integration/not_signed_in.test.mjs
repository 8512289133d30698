// Who gets a redirect and who gets a 401: docs/reference/wire.md.
import http2 from 'node:http2';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { startLab, kApp, kOther } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { once, sendRaw } from '../harness/http.mjs';
import { pki } from '../harness/pki.mjs';

let lab;
before(async () => {
  lab = await startLab({ idp: true });
});
after(() => lab?.stop());

const kTarget = '/a/b?c=d&e=%2F';
const kHtml = 'text/html,application/xhtml+xml,*/*;q=0.8';
const navigations = {
  'a click': { headers: { accept: kHtml, 'sec-fetch-mode': 'navigate' } },
  'a click whose Accept says nothing': { headers: { accept: '*/*', 'sec-fetch-mode': 'navigate' } },
  'an old browser': { headers: { accept: kHtml } },
  'HEAD by a browser': { method: 'HEAD', headers: { accept: kHtml } },
};
const programs = {
  'fetch()': { headers: { 'sec-fetch-mode': 'cors', accept: '*/*' } },
  'fetch() that accepts HTML': { headers: { 'sec-fetch-mode': 'cors', accept: kHtml } },
  'an image': { headers: { 'sec-fetch-mode': 'no-cors', accept: 'image/*' } },
  'XMLHttpRequest by its header': {
    headers: { 'x-requested-with': 'XMLHttpRequest', accept: kHtml },
  },
  curl: { headers: { accept: '*/*', 'user-agent': 'curl/8' } },
  'no Accept at all': {},
  'a JSON client': { headers: { accept: 'application/json' } },
  WebSocket: {
    headers: {
      accept: kHtml,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  },
  gRPC: {
    method: 'POST',
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    body: 'x',
  },
  'gRPC web that says navigate': {
    method: 'GET',
    headers: { 'content-type': 'application/grpc-web+proto', accept: kHtml },
  },
  'POST by a program': { method: 'POST', body: 'x', headers: { accept: '*/*' } },
  'a form of a browser': {
    method: 'POST',
    body: 'a=b',
    headers: { accept: kHtml, 'sec-fetch-mode': 'navigate' },
  },
  PUT: { method: 'PUT', body: 'x', headers: { accept: kHtml } },
};

describe('a request without a session', () => {
  for (const [name, how] of Object.entries(navigations)) {
    test(`${name}: 302 to the login URL`, async () => {
      const answer = await once(lab.gateway.url(kApp, kTarget), how);
      assert.equal(answer.status, 302);
      const url = new URL(answer.location);
      assert.equal(url.origin, lab.gateway.issuer);
      assert.equal(url.pathname, `/cdn-cgi/access/login/${kApp}`);
      assert.match(url.searchParams.get('kid'), /^[0-9a-f]{64}$/);
      assert.equal(url.searchParams.get('redirect_url'), kTarget);
      const cookie = answer.cookie('CF_AppSession');
      assert.match(cookie.value, /^n[0-9a-f]{32}$/);
      assert.deepEqual(Object.keys(cookie.attributes).sort(), [
        'httponly',
        'max-age',
        'path',
        'samesite',
        'secure',
      ]);
      assert.equal(cookie.attributes['max-age'], '86400');
      assert.equal(
        url.searchParams.get('app_session'),
        crypto.createHash('sha256').update(cookie.value).digest('base64url'),
      );
      assert.match(answer.headers['cache-control'], /no-store/);
    });
  }
  for (const [name, how] of Object.entries(programs)) {
    test(`${name}: 401`, async () => {
      const answer = await once(lab.gateway.url(kApp, kTarget), how);
      assert.equal(answer.status, 401);
      assert.equal(answer.location, null);
      assert.equal(answer.headers['www-authenticate'], 'Cloudflare-Access');
      assert.match(answer.headers['cf-access-aud'], /^[0-9a-f]{64}$/);
      assert.equal(answer.headers['cf-access-domain'], kApp);
      assert.match(answer.headers['cache-control'], /no-store/);
      if (!/text\/html/.test(answer.headers['content-type'])) {
        const body = answer.json;
        assert.equal(body.reason, 'not_signed_in');
        assert.match(body.reference, /^[0-9a-f]{32}$/);
        assert.ok(body.error && body.remedy && body.message);
        assert.ok(body.login_url.startsWith(`${lab.gateway.issuer}/cdn-cgi/access/login/${kApp}?`));
      }
    });
  }

  test('a form that a person sent gets a page with the way to sign in, no redirect', async () => {
    const answer = await once(lab.gateway.url(kApp), programs['a form of a browser']);
    assert.equal(answer.status, 401);
    assert.match(answer.headers['content-type'], /^text\/html/);
    assert.match(answer.text, /\/cdn-cgi\/access\/login\//);
  });

  test('a browser that has a CF_AppSession keeps it; nonsense is replaced', async () => {
    const mine = `n${'0123456789abcdef'.repeat(2)}`;
    const kept = await once(lab.gateway.url(kApp), {
      headers: { accept: kHtml, cookie: `CF_AppSession=${mine}` },
    });
    assert.equal(kept.cookie('CF_AppSession'), undefined);
    assert.equal(
      new URL(kept.location).searchParams.get('app_session'),
      crypto.createHash('sha256').update(mine).digest('base64url'),
    );
    for (const bad of ['x', '', 'n123', `n${'A'.repeat(32)}`, `n${'0'.repeat(3000)}`]) {
      const answer = await once(lab.gateway.url(kApp), {
        headers: { accept: kHtml, cookie: `CF_AppSession=${bad}` },
      });
      assert.equal(answer.status, 302);
      assert.match(answer.cookie('CF_AppSession').value, /^n[0-9a-f]{32}$/, bad.slice(0, 20));
    }
  });

  test('a CORS preflight: 403, not the application', async () => {
    const answer = await once(lab.gateway.url(kApp), {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });

  test('over HTTP/2 it is the same, gRPC included', async () => {
    const session = http2.connect(`https://${kApp}:${lab.gateway.port}`, {
      ca: fs.readFileSync(pki().ca),
      lookup: (name, options, done) =>
        options.all
          ? done(null, [{ address: '127.0.0.1', family: 4 }])
          : done(null, '127.0.0.1', 4),
    });
    const ask = (headers) =>
      new Promise((resolve, reject) => {
        const stream = session.request(headers);
        stream.on('response', (received) => {
          stream.resume();
          resolve(received);
        });
        stream.on('error', reject);
        stream.end();
      });
    try {
      assert.equal((await ask({ ':path': '/', accept: kHtml }))[':status'], 302);
      assert.equal((await ask({ ':path': '/', accept: '*/*' }))[':status'], 401);
      const grpc = await ask({
        ':path': '/pkg.Service/Call',
        ':method': 'POST',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      assert.equal(grpc[':status'], 401);
      assert.equal(grpc['cf-access-domain'], kApp);
    } finally {
      session.close();
    }
  });

  test('no part of it reached the application', () => assert.equal(lab.origin.requests.length, 0));
});

describe('hosts', () => {
  test('a host without an application is refused', async () => {
    const answer = await once(lab.gateway.url('open.gateway.test'), {
      headers: { accept: 'application/json' },
    });
    assert.ok([403, 404, 421].includes(answer.status), `${answer.status}`);
    assert.equal(lab.origin.requests.length, 0);
  });
  test('an unknown name in Host is refused, whatever the TLS name', async () => {
    for (const host of [
      'evil.example',
      '127.0.0.1',
      'localhost',
      '',
      'auth.gateway.test.evil.example',
    ]) {
      const { responses } = await sendRaw(
        lab.gateway.port,
        kApp,
        `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      assert.ok(
        responses.length === 0 || responses[0].status >= 400,
        `${host}: ${responses[0]?.status}`,
      );
    }
    assert.equal(lab.origin.requests.length, 0);
  });
  test('TLS for one application and Host of another gets no session across', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    lab.origin.clear();
    const { responses } = await sendRaw(
      lab.gateway.port,
      kOther,
      `GET / HTTP/1.1\r\nHost: ${kApp}\r\nCookie: CF_Authorization=${browser.cookie(kOther, 'CF_Authorization')}\r\nConnection: close\r\n\r\n`,
    );
    assert.ok(responses[0].status >= 400, `${responses[0].status}`);
    assert.equal(lab.origin.requests.length, 0);
  });
});
