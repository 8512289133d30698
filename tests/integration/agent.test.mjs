// The device agent by itself, over real loopback HTTP: docs/reference/agent.md.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { TestAgent } from '../harness/agent.mjs';
import { parseResponses } from '../harness/http.mjs';

const kOrigin = 'https://auth.gateway.test';
const kNonce = 'q3JvY2tldC1ub25jZQ';
let directory;
let agent;
let key;
before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-agent-'));
  agent = await TestAgent.init({ directory, origins: [kOrigin, `${kOrigin}:8443`] });
  // More answers in a second than a person's browser ever asks for.
  const settings = path.join(agent.directory, 'agent.json');
  fs.writeFileSync(
    settings,
    JSON.stringify({ ...JSON.parse(fs.readFileSync(settings)), requests_per_second: 10_000 }),
  );
  await agent.start();
  key = await jose.importSPKI(agent.publicKey, 'ES256');
});
after(async () => {
  await agent?.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

// Sends bytes to the agent and answers all responses.
const send = (bytes, host = '127.0.0.1') =>
  new Promise((resolve) => {
    const chunks = [];
    const socket = net.connect(agent.port, host, () => socket.write(Buffer.from(bytes, 'latin1')));
    const timer = setTimeout(() => socket.destroy(), 2000);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(parseResponses(Buffer.concat(chunks)));
    });
  });
// A request as the page makes it, with changes; undefined removes a header.
const ask = async (
  changes = {},
  {
    method = 'POST',
    target = '/lpx/v1/attest',
    body = JSON.stringify({ nonce: kNonce, aud: 'ignored' }),
  } = {},
) => {
  const headers = {
    Host: `127.0.0.1:${agent.port}`,
    Origin: kOrigin,
    'Content-Type': 'application/json',
    'Sec-Fetch-Site': 'cross-site',
    'Sec-Fetch-Mode': 'cors',
    'Sec-Fetch-Dest': 'empty',
    'Content-Length': body.length,
    Connection: 'close',
    ...changes,
  };
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return (await send(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`))[0];
};

describe('the agent', () => {
  test('answers its gateway with a short-lived signed statement, bound to nonce and origin', async () => {
    const answer = await ask();
    assert.equal(answer.status, 200);
    assert.match(answer.header('content-type'), /^application\/jwt/);
    assert.equal(answer.header('access-control-allow-origin'), kOrigin);
    assert.match(answer.header('cache-control'), /no-store/);
    const { payload, protectedHeader } = await jose.jwtVerify(answer.text, key, {
      audience: kOrigin,
      typ: 'lpx+jwt',
    });
    assert.equal(protectedHeader.alg, 'ES256');
    assert.equal(protectedHeader.kid, await jose.calculateJwkThumbprint(await jose.exportJWK(key)));
    assert.equal(payload.nonce, kNonce);
    assert.equal(payload.exp - payload.iat, 60);
    assert.equal(payload.managed, true);
    assert.ok(Math.abs(payload.last_checkin - payload.iat) <= 2);
    assert.ok(payload.sub && payload.jti && payload.device.hostname);
  });
  test('says the same device and key after a restart, another jti each time', async () => {
    const claims = async () => (await jose.jwtVerify((await ask()).text, key)).payload;
    const before = await claims();
    await agent.stop();
    await agent.start();
    const now = await claims();
    assert.equal(now.sub, before.sub);
    assert.notEqual(now.jti, before.jti);
  });
  test('follows `set` at once', async () => {
    await agent.set({ managed: false, lastCheckin: '8d-ago' });
    const { payload } = await jose.jwtVerify((await ask()).text, key);
    assert.equal(payload.managed, false);
    assert.ok(Math.abs(Date.now() / 1000 - payload.last_checkin - 8 * 86400) < 5);
    assert.equal((await agent.status()).managed, false);
    await agent.set({ managed: true, lastCheckin: 'now' });
    assert.equal((await agent.status()).managed, true);
  });
  test('keeps its key and settings to itself', () => {
    for (const name of ['device-key.pem', 'agent.json'])
      assert.equal(fs.statSync(path.join(agent.directory, name)).mode & 0o777, 0o600, name);
    assert.equal(fs.statSync(agent.directory).mode & 0o777, 0o700);
    assert.ok(!/PRIVATE/.test(agent.publicKey) && !/PRIVATE|eyJ/.test(agent.child.output));
  });

  const refusals = {
    'another host (DNS rebinding)': [421, { Host: 'evil.example:17472' }],
    'another port in Host': [421, { Host: '127.0.0.1:1' }],
    'Host without a port': [421, { Host: '127.0.0.1' }],
    'no Host': [400, { Host: undefined }],
    'a foreign origin': [403, { Origin: 'https://evil.example' }],
    'origin null': [403, { Origin: 'null' }],
    'no origin': [403, { Origin: undefined }],
    'an origin with ours in front': [403, { Origin: `${kOrigin}.evil.example` }],
    'an origin with ours behind': [403, { Origin: 'https://evilauth.gateway.test' }],
    'http instead of https': [403, { Origin: 'http://auth.gateway.test' }],
    'another port in the origin': [403, { Origin: `${kOrigin}:444` }],
    'another case of the origin': [403, { Origin: 'HTTPS://AUTH.GATEWAY.TEST' }],
    'two origins': [403, { Origin: `${kOrigin} https://evil.example` }],
    'a navigation': [403, { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }],
    'an image': [403, { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }],
    'a form': [415, { 'Content-Type': 'text/plain' }],
    'no content type': [415, { 'Content-Type': undefined }],
    'another method': [405, {}, { method: 'PUT' }],
    GET: [405, {}, { method: 'GET', body: '' }],
    'another path': [404, {}, { target: '/../../etc/passwd' }],
    'no JSON': [400, {}, { body: 'hello' }],
    'no nonce': [400, {}, { body: '{}' }],
    'a nonce that is a number': [400, {}, { body: '{"nonce":12345678901234567890}' }],
    'a short nonce': [400, {}, { body: '{"nonce":"short"}' }],
    'a long nonce': [400, {}, { body: `{"nonce":"${'A'.repeat(257)}"}` }],
    'a nonce with other characters': [400, {}, { body: '{"nonce":"AAAAAAAAAAAAAAAA\\r\\nX: y"}' }],
    'a duplicated nonce': [400, {}, { body: `{"nonce":"${kNonce}","nonce":"BBBBBBBBBBBBBBBBBB"}` }],
    'deep nesting': [
      400,
      {},
      { body: `{"nonce":"${kNonce}","x":${'['.repeat(2000)}${']'.repeat(2000)}}` },
    ],
    'a large body': [413, {}, { body: `{"nonce":"${kNonce}","x":"${'A'.repeat(9000)}"}` }],
  };
  for (const [name, [status, headers, rest]] of Object.entries(refusals)) {
    test(`${name}: ${status}, and nothing about the device`, async () => {
      const answer = await ask(headers, rest);
      assert.equal(answer.status, status, answer.text);
      assert.ok(!/eyJ|managed|hostname/.test(answer.text), answer.text);
      if (headers.Origin || headers.Host)
        assert.equal(answer.header('access-control-allow-origin'), undefined);
    });
  }
  test('preflight: for our origin only', async () => {
    const options = { method: 'OPTIONS', body: '' };
    const preflight = {
      'Content-Type': undefined,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    };
    const good = await ask(
      { ...preflight, 'Access-Control-Request-Private-Network': 'true' },
      options,
    );
    assert.equal(good.status, 204);
    assert.equal(good.header('access-control-allow-origin'), kOrigin);
    assert.match(good.header('access-control-allow-headers'), /content-type/i);
    assert.equal(good.header('access-control-allow-private-network'), 'true');
    assert.equal(good.header('access-control-allow-credentials'), undefined);
    const bad = await ask({ ...preflight, Origin: 'https://evil.example' }, options);
    assert.equal(bad.status, 403);
    assert.equal(bad.header('access-control-allow-origin'), undefined);
  });
  test('two requests in one packet are both judged', async () => {
    const body = JSON.stringify({ nonce: kNonce });
    const one = (origin, connection) =>
      `POST /lpx/v1/attest HTTP/1.1\r\nHost: 127.0.0.1:${agent.port}\r\nOrigin: ${origin}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: ${connection}\r\n\r\n${body}`;
    const responses = await send(one(kOrigin, 'keep-alive') + one('https://evil.example', 'close'));
    assert.deepEqual(
      responses.map(({ status }) => status),
      [200, 403],
    );
  });
  test('listens on loopback only', async () => {
    const outside = Object.values(os.networkInterfaces())
      .flat()
      .find((entry) => !entry.internal && entry.family === 'IPv4');
    if (!outside) return;
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = net.connect(agent.port, outside.address, () => {
          socket.destroy();
          resolve();
        });
        socket.on('error', reject);
      }),
      /ECONNREFUSED/,
    );
  });
  test('goes on while others hold connections open', async () => {
    const idle = Array.from({ length: 60 }, () => {
      const socket = net.connect(agent.port, '127.0.0.1', () => socket.write('POST /lpx'));
      socket.on('error', () => {});
      return socket;
    });
    assert.equal((await ask()).status, 200);
    for (const socket of idle) socket.destroy();
  });
  test('rubbish does not stop it', async () => {
    for (const bytes of [
      '\0'.repeat(5000),
      'GET',
      'POST / HTTP/9.9\r\n\r\n',
      `GET /${'A'.repeat(70_000)} HTTP/1.1\r\n\r\n`,
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
      `POST /lpx/v1/attest HTTP/1.1\r\nHost: 127.0.0.1:${agent.port}\r\nContent-Length: 99999999999999999999\r\n\r\n`,
    ]) {
      const responses = await send(bytes);
      assert.ok(
        responses.every(({ status }) => status >= 400),
        bytes.slice(0, 20),
      );
    }
    assert.equal((await ask()).status, 200);
  });
});
