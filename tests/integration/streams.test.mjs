// WebSocket, server-sent events and gRPC go through once admitted, and only then.
import fs from 'node:fs';
import http2 from 'node:http2';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import https from 'node:https';
import WebSocket from 'ws';
import { startLab, kApp } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { pki } from '../harness/pki.mjs';

let lab;
let cookie;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c, { origin }) {
      c.ingress.unshift({
        hostname: kApp,
        path: '^/grpc/',
        service: origin.http2Service,
        originRequest: { http2Origin: true },
      });
    },
  });
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  cookie = `CF_Authorization=${browser.cookie(kApp, 'CF_Authorization')}; mine=1`;
});
after(() => lab?.stop());
const ca = () => fs.readFileSync(pki().ca);

const connect = (headers) =>
  new Promise((resolve) => {
    const socket = new WebSocket(lab.gateway.url(kApp, '/ws').replace('https', 'wss'), {
      ca: ca(),
      headers,
    });
    socket.on('open', () => resolve({ socket }));
    socket.on('unexpected-response', (request, response) => {
      response.resume();
      resolve({ status: response.statusCode });
    });
    socket.on('error', () => resolve({ status: 0 }));
  });

describe('streams', () => {
  test('WebSocket: both ways, with the identity in the handshake', async () => {
    const { socket } = await connect({ cookie });
    assert.ok(socket, 'not opened');
    for (const message of ['hello', 'x'.repeat(100_000)]) {
      socket.send(message);
      assert.equal(
        String(await new Promise((resolve) => socket.once('message', resolve))),
        message,
      );
    }
    assert.deepEqual(lab.origin.last.values('cf-access-authenticated-user-email'), [
      'alice@corp.example',
    ]);
    assert.deepEqual(lab.origin.last.values('cookie'), ['mine=1']);
    socket.close();
  });
  test('WebSocket without a session: 401', async () => {
    const seen = lab.origin.requests.length;
    assert.equal((await connect({})).status, 401);
    assert.equal(lab.origin.requests.length, seen);
  });
  test('server-sent events arrive as they are sent', async () => {
    const events = await new Promise((resolve, reject) => {
      const found = [];
      const began = Date.now();
      const request = https.get(
        lab.gateway.url(kApp, '/sse'),
        { ca: ca(), headers: { cookie, accept: 'text/event-stream' } },
        (response) => {
          response.on('data', () => {
            found.push(Date.now() - began);
            if (found.length === 4) {
              request.destroy();
              resolve(found);
            }
          });
        },
      );
      request.on('error', (error) => (found.length === 4 ? null : reject(error)));
    });
    assert.ok(events[3] < 2000, `${events}`);
  });
  // A message both ways, then the end: {status, headers, text, trailers}.
  const callGrpc = (headers) =>
    new Promise((resolve, reject) => {
      const session = http2.connect(lab.gateway.url(kApp), { ca: ca() });
      const call = session.request({
        ':method': 'POST',
        ':path': '/grpc/Echo/Say',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      const result = { text: '', trailers: {} };
      call.on('response', (answer) => {
        result.headers = answer;
        result.status = answer[':status'];
        if (answer['content-type'] !== 'application/grpc') call.end();
      });
      call.on('data', (chunk) => {
        result.text += chunk.toString('latin1');
        if (result.text.includes('hello')) call.end();
      });
      call.on('trailers', (trailers) => {
        result.trailers = trailers;
      });
      call.on('end', () => {
        session.close();
        resolve(result);
      });
      call.on('error', reject);
      session.on('error', reject);
      call.write(Buffer.from('\0\0\0\0\x05hello', 'latin1'));
    });
  test('gRPC: both ways at once, with trailers and with the identity', async () => {
    const answer = await callGrpc({
      cookie,
      'cf-access-authenticated-user-email': 'root@corp.example',
    });
    assert.equal(answer.status, 200);
    assert.match(answer.text, /hello/);
    assert.equal(answer.trailers['grpc-status'], '0');
    const seen = lab.origin.last;
    assert.equal(seen.url, '/grpc/Echo/Say');
    assert.deepEqual(seen.values('te'), ['trailers']);
    assert.deepEqual(seen.values('cf-access-authenticated-user-email'), ['alice@corp.example']);
    assert.equal(seen.values('cf-access-jwt-assertion').length, 1);
    assert.deepEqual(seen.values('cookie'), ['mine=1']);
    assert.deepEqual(seen.values('x-forwarded-proto'), ['https']);
  });
  test('gRPC without a session: 401, and the application hears nothing', async () => {
    const seen = lab.origin.requests.length;
    const answer = await callGrpc({});
    assert.equal(answer.status, 401);
    assert.equal(lab.origin.requests.length, seen);
  });
});
