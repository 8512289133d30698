// Shows what a page may do with an agent on 127.0.0.1:17472 in this Chromium. Needs ./mkca.sh beforehand:
//   ./mkca.sh /tmp/ca team.gateway.test && (cd .. && npm ci) && node selftest.mjs /tmp/ca
import http from 'node:http';
import https from 'node:https';
import fs from 'node:fs';
import assert from 'node:assert/strict';
import { launch, allowLoopback } from './browser.mjs';

const ca = process.argv[2];
const seen = [];
const agent = http
  .createServer((q, s) => {
    seen.push(q.method);
    const h = {
      'access-control-allow-origin': q.headers.origin ?? 'null',
      vary: 'Origin',
      'content-type': 'application/json',
    };
    if (q.method === 'OPTIONS')
      Object.assign(h, {
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type',
        'access-control-max-age': '600',
      });
    if (q.url.startsWith('/go')) {
      s.writeHead(303, {
        location: `${new URL(q.url, 'http://x').searchParams.get('return')}?answer=1`,
      });
      return s.end();
    }
    s.writeHead(q.method === 'OPTIONS' ? 204 : 200, h);
    s.end(q.method === 'OPTIONS' ? '' : '{"ok":true}');
  })
  .listen(0, '127.0.0.1');
const page = https
  .createServer(
    { key: fs.readFileSync(`${ca}/server.key`), cert: fs.readFileSync(`${ca}/server.crt`) },
    (q, s) => {
      s.setHeader('content-type', 'text/html');
      s.end('<!doctype html><title>t</title>');
    },
  )
  .listen(0, '127.0.0.1');
await new Promise((r) => setTimeout(r, 100));
const port = page.address().port;
const A = `http://127.0.0.1:${agent.address().port}`;
const O = `https://team.gateway.test:${port}`;
const call = (p) =>
  p.evaluate(async (u) => {
    try {
      const r = await fetch(u, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        signal: AbortSignal.timeout(3000),
      });
      return r.status;
    } catch (e) {
      return e.name;
    }
  }, A);
const state = (p) =>
  p.evaluate(async () => (await navigator.permissions.query({ name: 'loopback-network' })).state);
for (const [name, publicPorts, grant, want] of [
  ['page on a loopback address', [], false, 200],
  ['public page, not permitted', [port], false, 'TypeError'],
  ['public page, permitted', [port], true, 200],
]) {
  const b = await launch({
    home: `${ca}/home`,
    hosts: { 'team.gateway.test': '127.0.0.1' },
    publicPorts,
  });
  const c = await b.newContext();
  if (grant) await allowLoopback(c, O);
  const p = await c.newPage();
  await p.goto(O);
  seen.length = 0;
  const r = await call(p);
  console.log(name, '|', await state(p), '|', r, '| agent saw', seen.join(',') || 'nothing');
  assert.equal(r, want);
  if (name.includes('not permitted')) {
    await p.goto(`${A}/go?return=${encodeURIComponent(`${O}/back`)}`);
    assert.equal(p.url(), `${O}/back?answer=1`);
    console.log('  top-level redirect through the agent needs no permission');
  }
  await b.close();
}
agent.close();
page.close();
console.log('ok');
