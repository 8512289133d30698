// DESIGN 8.1: what is judged is what is forwarded, in every reading of it. /public and /health are
// open, /admin is for root alone; nothing the application receives may mean anything else.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, application, email, everyone, policy } from '../harness/lab.mjs';
import { sendRaw } from '../harness/http.mjs';
import { kNoTestkit, testkitData } from '../harness/build.mjs';

const kHost = 'paths.gateway.test';
let lab;
before(async () => {
  const bypass = [policy('bypass', 'Anyone', { include: [everyone()] })];
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications = [
        application('Public', `${kHost}/public`, bypass),
        application('Health', `${kHost}/health`, bypass),
        application('Admin', `${kHost}/admin`, [
          policy('allow', 'Root', { include: [email('root@corp.example')] }),
        ]),
      ];
    },
  });
});
after(() => lab?.stop());

// The ways in which some application reads a path: decoded zero to two times, with and without path
// parameters, backslashes and case; empty and dot segments resolved.
function readings(target) {
  const path = target
    .replace(/^https?:\/\/[^/]*/i, '')
    .split('?')[0]
    .split('#')[0];
  const decode = (text) =>
    text.replace(/%([0-9a-f]{2})/gi, (all, hex) => String.fromCharCode(parseInt(hex, 16)));
  const found = new Set();
  for (const text of [path, decode(path), decode(decode(path))]) {
    for (const slashed of [text, text.replaceAll('\\', '/')]) {
      for (const plain of [slashed, slashed.replace(/;[^/]*/g, '')]) {
        const stack = [];
        for (const segment of plain.split('\0')[0].split('/')) {
          if (segment === '' || segment === '.') continue;
          if (segment === '..') stack.pop();
          else stack.push(segment.toLowerCase());
        }
        found.add(`/${stack.join('/')}`);
      }
    }
  }
  return [...found];
}
const isOpen = (path) => /^\/(public|health)(\/|$)/.test(path);

async function send(target) {
  lab.origin.clear();
  const { responses } = await sendRaw(
    lab.gateway.port,
    kHost,
    Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${kHost}\r\nConnection: close\r\n\r\n`, 'utf8'),
    { quiet: 150, ms: 3000 },
  );
  return responses[0]?.status ?? 0;
}
async function check(target) {
  const status = await send(target);
  for (const seen of lab.origin.requests) {
    for (const reading of readings(seen.url)) {
      assert.ok(
        isOpen(reading),
        `${target}: the application received ${seen.url}, which may mean ${reading}`,
      );
    }
  }
  assert.ok(status !== 500 && status !== 502, `${target}: ${status}`);
  if (lab.origin.requests.length === 0) assert.notEqual(status, 200, target);
  return status;
}

describe('paths', () => {
  test('the oracle of this suite reads as applications do', () => {
    assert.ok(readings('/public/%252e%252e/admin').includes('/admin'));
    assert.ok(readings('/public/..;a=b/admin').includes('/admin'));
    assert.ok(readings('/x\\..\\ADMIN').includes('/admin'));
    assert.ok(readings('/public/a%20b').every(isOpen));
  });
  for (const [target, status] of [
    ['/public', 200],
    ['/public/', 200],
    ['/public/a/b?x=../admin', 200],
    ['/health', 200],
    ['/public/a%20b', 200],
    ['/public/%C3%A4', 200],
    ['/public/a.b/c', 200],
    ['/public?/../admin', 200],
    ['/admin', 401],
    ['/admin/', 401],
    ['/admin/x', 401],
    ['/admin?x', 401],
    ['/', 403],
    ['/publicity', 403],
    ['/healthz', 403],
    ['/administrator', 403],
    ['/favicon.ico', 403],
  ]) {
    test(`${target}: ${status}`, async () => assert.equal(await check(target), status));
  }
  test('our own paths never reach the application, however spelled', async () => {
    for (const target of [
      '/cdn-cgi/access/certs',
      '/cdn-cgi/access/nothing',
      '/CDN-CGI/access/certs',
      '//cdn-cgi/access/certs',
      '/cdn-cgi/access/../../public',
      '/cdn-cgi/access/..%2f..%2fpublic/x',
      '/public/../cdn-cgi/access/certs',
      '/%63dn-cgi/access/certs',
    ]) {
      lab.origin.clear();
      await send(target);
      assert.ok(
        lab.origin.requests.every(({ url }) => !/cdn-cgi/i.test(url)),
        target,
      );
    }
  });
  const spellings = [
    '/public/../admin',
    '/public/%2e%2e/admin',
    '/public/.%2e/admin',
    '/public/..%2fadmin',
    '/public/..%5cadmin',
    '/public/..\\admin',
    '/public/%252e%252e/admin',
    '/public/..%252fadmin',
    '/public/..;/admin',
    '/public/..;a=b/admin',
    '/public;/../admin',
    '/public/.%00./admin',
    '/public//../../admin',
    '//admin',
    '/./admin',
    '/%2fadmin',
    '/%5cadmin',
    '/\\admin',
    '/%61dmin',
    '/ADMIN',
    '/admin;x',
    '/admin%00',
    '/admin%2f',
    '/admin%2fx',
    '/admin/..',
    '/public/%2561/../../admin',
    '/health/../admin',
    '/health;/../admin',
    '/a/../public/../admin',
    `http://${kHost}/admin`,
    'http://evil.example/public',
    '/public/..%c0%afadmin',
    '/public/%',
    '/public/%2',
    '/public/%zz',
    '/public/%u002e%u002e/admin',
    '*',
    'admin',
    '/public#/../../admin',
    '/public/%0d%0aX-Injected:%201',
    '/public/%3f/../../admin',
    '/public/a/../../admin/..',
  ];
  for (const target of spellings) {
    test(`${target}: not past a policy`, async () => {
      await check(target);
    });
  }
  test('long and repeated: refused or right, never a crash', async () => {
    for (const target of [
      `/public/${'a'.repeat(6000)}/../../admin`,
      `/public/${'../'.repeat(1000)}admin`,
      `/public/${'%2e%2e%2f'.repeat(500)}admin`,
      `/${'/'.repeat(4000)}admin`,
      `/public/${'%25'.repeat(1500)}2e`,
      `/public/${'a'.repeat(20_000)}`,
    ]) {
      await check(target);
    }
  });
});

describe('the shared lists of paths', () => {
  const rows = testkitData('hostile/paths.json');
  test('paths.json', { skip: rows ? false : kNoTestkit }, async () => {
    for (const { raw } of rows) {
      await check(
        raw
          .replace('{A*4000}', 'A'.repeat(4000))
          .replace('{host}', kHost)
          .replace(/[ \r\n]/g, (c) => encodeURIComponent(c)),
      );
    }
  });
  const traversal = testkitData('hostile/traversal.txt');
  test('traversal.txt', { skip: traversal ? false : kNoTestkit, timeout: 240_000 }, async () => {
    for (const line of traversal) {
      for (const suffix of [
        line.replaceAll('{FILE}', 'admin'),
        line.replaceAll('{FILE}', 'admin').replace(/^\/?/, '/'),
      ]) {
        await check(`/public${suffix}`.replace(/[ \r\n\t]/g, '%20'));
      }
    }
  });
  const encodings = testkitData('hostile/traversal-encodings.txt');
  test(
    'traversal-encodings.txt',
    { skip: encodings ? false : kNoTestkit, timeout: 280_000 },
    async () => {
      for (const line of encodings)
        await check(`/public/${line.replaceAll('{FILE}', 'admin').replace(/[ \r\n\t]/g, '%20')}`);
    },
  );
});
