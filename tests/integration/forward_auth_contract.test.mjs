// Traefik and Envoy are not in Debian: what their documentation says they send, sent by hand.
import http from 'node:http';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { freePort } from '../harness/process.mjs';
import { kFetch, kNavigation } from '../harness/http.mjs';

let lab;
let port;
let token;
before(async () => {
  port = await freePort();
  lab = await startLab({
    idp: true,
    config(c) {
      c.forward_auth = {
        listen: { address: '127.0.0.1', port },
        trusted_peers: ['127.0.0.1/32'],
      };
    },
  });
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  token = browser.cookie(kApp, 'CF_Authorization');
});
after(() => lab?.stop());

const ask = (path, headers, { method = 'GET', localAddress = '127.0.0.1' } = {}) =>
  new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, path, method, headers, localAddress, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, text }),
        );
      },
    );
    request.on('error', reject);
    request.end();
  });

// Traefik: the request's headers without those of the connection, and five of its own.
const traefik = (headers) => [
  '/forward-auth',
  {
    host: `127.0.0.1:${port}`,
    ...headers,
    'x-forwarded-method': 'GET',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': `${kApp}:443`,
    'x-forwarded-uri': '/a%20b?c',
    'x-forwarded-for': '203.0.113.7',
  },
];
// Envoy: method, path below the prefix, host, and the allowed headers, HTTP/1.1.
const envoy = (headers) => [
  '/forward-auth/ext-authz/a%20b?c',
  {
    host: kApp,
    ...headers,
    'content-length': '0',
    'x-forwarded-for': '203.0.113.7',
    'x-envoy-external-address': '203.0.113.7',
    'x-envoy-internal': 'false',
    'x-forwarded-proto': 'https',
    'x-request-id': '2f5d6a9e-6a0c-4a53-9a55-1f8a53a3b7a1',
  },
];

for (const [name, form] of Object.entries({ traefik, envoy })) {
  test(`${name}: navigation of a stranger is sent to the login page`, async () => {
    const answer = await ask(...form(kNavigation));
    assert.equal(answer.status, 302, answer.text);
    assert.ok(answer.headers.location.startsWith(`${lab.gateway.issuer}/cdn-cgi/access/login/`));
    assert.match(answer.headers.location, /redirect_url=%2Fa%2520b%3Fc/);
    assert.match(answer.headers['set-cookie'][0], /^CF_AppSession=n/);
  });
  test(`${name}: fetch of a stranger gets 401`, async () => {
    const answer = await ask(...form(kFetch));
    assert.equal(answer.status, 401);
    assert.equal(JSON.parse(answer.text).reason, 'not_signed_in');
  });
  test(`${name}: who is signed in passes, with the headers to copy`, async () => {
    const answer = await ask(...form({ ...kFetch, cookie: `a=1; CF_Authorization=${token}` }));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['cf-access-jwt-assertion'], token);
    assert.equal(answer.headers['cf-access-authenticated-user-email'], 'alice@corp.example');
    assert.equal(answer.headers.cookie, 'a=1');
  });
  test(`${name}: an identity header that was left in is refused`, async () => {
    const answer = await ask(
      ...form({ cookie: `CF_Authorization=${token}`, 'remote-user': 'root' }),
    );
    assert.equal(answer.status, 400);
    assert.match(answer.text, /remote-user/);
  });
  test(`${name}: from anywhere else it is nobody's word`, async () => {
    const [path, headers] = form({ cookie: `CF_Authorization=${token}` });
    const answer = await ask(path, headers, { localAddress: '127.0.0.2' });
    assert.equal(answer.status, 403);
    assert.match(answer.text, /trusted_peers/);
  });
}
test('sign-in is passed on with the host and the address that the proxy says', async () => {
  const headers = {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': kAuth,
    'x-forwarded-for': '203.0.113.7',
  };
  assert.equal((await ask('/', headers)).status, 200);
  assert.equal((await ask('/cdn-cgi/access/certs', headers)).status, 200);
  assert.equal((await ask('/', { ...headers, 'x-forwarded-for': 'unknown' })).status, 400);
});
