// Clients that were not written for us accept what we say, unmodified: jose's documented recipe, the
// pages plugin, OpenSSL's reading of the certificates.
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import accessPlugin from '@cloudflare/pages-plugin-cloudflare-access';
import {
  generateLoginURL,
  generateLogoutURL,
  getIdentity,
} from '@cloudflare/pages-plugin-cloudflare-access/api';
import {
  startLab,
  kApp,
  kOther,
  newServiceToken,
  application,
  domain,
  policy,
  serviceToken,
} from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn } from '../harness/signin.mjs';
import { once } from '../harness/http.mjs';

let lab;
let token;
let aud;
let assertion; // of a service token
const robot = newServiceToken('Robot');
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.service_tokens.push(robot.entry);
      c.applications.push(
        application('Machine', 'machine.gateway.test', [
          policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }),
          policy('allow', 'Corp people', { include: [domain('corp.example')] }),
        ]),
      );
    },
  });
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  token = lab.origin.last.values('cf-access-jwt-assertion')[0];
  assert.equal(token, browser.cookie(kApp, 'CF_Authorization'));
  aud = await lab.gateway.audience(kApp);
  await once(lab.gateway.url('machine.gateway.test'), { headers: robot.headers });
  assertion = lab.origin.last.values('cf-access-jwt-assertion')[0];
});
after(() => lab?.stop());
const certsUrl = () => new URL(`${lab.gateway.issuer}/cdn-cgi/access/certs`);

describe('jose', () => {
  test('verifies the application token against the certs endpoint', async () => {
    const keys = jose.createRemoteJWKSet(certsUrl());
    const { payload, protectedHeader } = await jose.jwtVerify(token, keys, {
      issuer: lab.gateway.issuer,
      audience: aud,
      algorithms: ['RS256'],
      typ: 'JWT',
    });
    assert.equal(payload.email, 'alice@corp.example');
    assert.equal(protectedHeader.alg, 'RS256');
    assert.ok(payload.exp > payload.iat && payload.nbf <= payload.iat);
  });
  test('and the assertion of a service token', async () => {
    const keys = jose.createRemoteJWKSet(certsUrl());
    const { payload } = await jose.jwtVerify(assertion, keys, {
      issuer: lab.gateway.issuer,
      audience: await lab.gateway.audience('machine.gateway.test'),
    });
    assert.equal(payload.common_name, robot.headers['cf-access-client-id']);
    assert.equal(payload.type, 'app');
  });
  test('refuses it for another application, and another issuer', async () => {
    const keys = jose.createRemoteJWKSet(certsUrl());
    await assert.rejects(
      jose.jwtVerify(token, keys, {
        issuer: lab.gateway.issuer,
        audience: await lab.gateway.audience(kOther),
      }),
      /"aud"/,
    );
    await assert.rejects(
      jose.jwtVerify(token, keys, { issuer: `${lab.gateway.issuer}/`, audience: aud }),
      /"iss"/,
    );
  });
});

describe('the certs document', () => {
  test('two RSA keys with kid, alg and use; the same two as certificates; the first signs', async () => {
    const answer = await once(certsUrl().href);
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    const { keys, public_cert: current, public_certs: certificates } = answer.json;
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys.map(({ kid }) => kid)).size, 2);
    for (const key of keys) {
      assert.deepEqual(
        { kty: key.kty, alg: key.alg, use: key.use, e: key.e },
        { kty: 'RSA', alg: 'RS256', use: 'sig', e: 'AQAB' },
      );
      assert.ok(Buffer.from(key.n, 'base64url').length >= 256);
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) assert.equal(key[secret], undefined);
      const { cert } = certificates.find(({ kid }) => kid === key.kid);
      const certificate = new crypto.X509Certificate(cert);
      assert.equal(certificate.publicKey.export({ format: 'jwk' }).n, key.n);
      assert.ok(Date.parse(certificate.validTo) > Date.now());
    }
    assert.equal(certificates.length, 2);
    const { kid } = jose.decodeProtectedHeader(token);
    assert.equal(current.kid, kid);
    assert.equal(current.cert, certificates.find((entry) => entry.kid === kid).cert);
  });
  test("is the same on the application's host", async () => {
    const there = await once(lab.gateway.url(kApp, '/cdn-cgi/access/certs'));
    assert.deepEqual(there.json, (await once(certsUrl().href)).json);
  });
  test('a plain RS256 verification with the PEM agrees', async () => {
    const {
      public_cert: { cert },
    } = (await once(certsUrl().href)).json;
    const [header, payload, signature] = token.split('.');
    assert.ok(
      crypto.verify(
        'sha256',
        Buffer.from(`${header}.${payload}`),
        new crypto.X509Certificate(cert).publicKey,
        Buffer.from(signature, 'base64url'),
      ),
    );
  });
});

describe('@cloudflare/pages-plugin-cloudflare-access', () => {
  // Calls the plugin as Pages does, for a request that carries `jwt`.
  async function call(jwt, audience = aud, url = lab.gateway.url(kApp, '/x?y=1')) {
    let data = {};
    const headers = jwt ? { 'Cf-Access-Jwt-Assertion': jwt } : {};
    const response = await accessPlugin({ domain: lab.gateway.issuer, aud: audience })({
      request: new Request(url, { headers, redirect: 'manual' }),
      functionPath: '',
      env: {},
      params: {},
      get data() {
        return data;
      },
      set data(value) {
        data = value;
      },
      next: async () => new Response('the application'),
      waitUntil() {},
      passThroughOnException() {},
    });
    return { response, data };
  }
  test('accepts our token and hands on its payload', async () => {
    const { response, data } = await call(token);
    assert.equal(await response.text(), 'the application');
    assert.equal(data.cloudflareAccess.JWT.payload.email, 'alice@corp.example');
    assert.deepEqual(data.cloudflareAccess.JWT.payload.aud, [aud]);
  });
  test('finds out who it is through get-identity', async () => {
    const { data } = await call(token);
    const identity = await data.cloudflareAccess.JWT.getIdentity();
    assert.equal(identity.email, 'alice@corp.example');
    assert.equal(identity.user_uuid, jose.decodeJwt(token).sub);
    assert.ok(identity.idp.id && identity.idp.type === 'oidc');
    assert.equal(await getIdentity({ jwt: `${token}x`, domain: lab.gateway.issuer }), undefined);
  });
  test("accepts a service token's assertion", async () => {
    const { response, data } = await call(
      assertion,
      await lab.gateway.audience('machine.gateway.test'),
    );
    assert.equal(await response.text(), 'the application');
    assert.equal(
      data.cloudflareAccess.JWT.payload.common_name,
      robot.headers['cf-access-client-id'],
    );
  });
  test('sends strangers to our login, which brings them back', async () => {
    for (const bad of [undefined, `${token.slice(0, -8)}AAAAAAAA`]) {
      const { response } = await call(bad);
      assert.equal(response.status, 302);
      const browser = lab.browser();
      const flow = new SignIn(lab, browser);
      const at = await flow.follow(await flow.navigate(response.headers.get('location')));
      const answer = await flow.finish(at, byProvider('alice'));
      assert.equal(answer.headers['x-origin'], 'echo');
      assert.equal(answer.json.url, '/x?y=1');
    }
  });
  test('refuses our token for another application', async () => {
    assert.equal((await call(token, await lab.gateway.audience(kOther))).response.status, 302);
  });
  test('its login and log-out URLs are ours', async () => {
    const login = generateLoginURL({
      redirectURL: lab.gateway.url(kApp, '/x?y=1'),
      domain: lab.gateway.issuer,
      aud,
    });
    const away = await once(lab.gateway.url(kApp, '/x?y=1'), { headers: { accept: 'text/html' } });
    const [theirs, mine] = [new URL(login), new URL(away.location)];
    assert.equal(mine.origin + mine.pathname, theirs.origin + theirs.pathname);
    for (const name of ['kid', 'redirect_url'])
      assert.equal(mine.searchParams.get(name), theirs.searchParams.get(name));
    assert.ok((await once(generateLogoutURL({ domain: lab.gateway.issuer }))).status < 400);
  });
});

test('the status endpoint says that it works, and no secret', async () => {
  const { json, status } = await once(`${lab.gateway.issuer}/cdn-cgi/access/status`);
  assert.equal(status, 200);
  assert.equal(json.status, 'ok');
  assert.match(json.version, /^\d+\.\d+\.\d+/);
});
