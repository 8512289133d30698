// DESIGN 8.2: nothing that a client sends is ever taken for an identity header. Raw over TLS.
import http2 from 'node:http2';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, application, everyone, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { folded } from '../harness/origin.mjs';
import { rawGet, sendRaw } from '../harness/http.mjs';
import { pki } from '../harness/pki.mjs';
import { kNoTestkit, testkitData } from '../harness/build.mjs';

const kSpoofed = 'mallory@corp.example';
const kUser = 'carol@corp.example';
let lab;
let cookie;
let token;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications.push(
        application('Open', 'open.gateway.test', [
          policy('bypass', 'Anyone', { include: [everyone()] }),
        ]),
      );
    },
  });
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, byProvider('carol'));
  token = browser.cookie(kApp, 'CF_Authorization');
  cookie = `CF_Authorization=${token}`;
});
after(() => lab?.stop());

// What the application could take for an identity, with the values it has seen.
function checkView(seen, spoofed, name) {
  const values = (header) => seen.values(header);
  assert.deepEqual(values('cf-access-authenticated-user-email'), [kUser], name);
  assert.deepEqual(values('cf-access-jwt-assertion'), [token], name);
  assert.deepEqual(values('gatehouse-policy-name').length, 1, name);
  for (const [header, value] of seen.lines) {
    if (
      /^(x-forwarded-for|forwarded|x-forwarded-(host|proto|port)|x-real-ip|true-client-ip)$/.test(
        folded(header),
      )
    )
      continue;
    assert.ok(!value.includes(spoofed), `${name}: the application saw ${header}: ${value}`);
  }
}
const send = async (lines, { host = kApp, cookies = cookie } = {}) => {
  lab.origin.clear();
  const bytes = rawGet(host, '/', [...(cookies ? [`Cookie: ${cookies}`] : []), ...lines]);
  const { responses } = await sendRaw(lab.gateway.port, host, bytes, { quiet: 150, ms: 3000 });
  return { status: responses[0]?.status ?? 0, seen: lab.origin.requests };
};

const names = [
  'Cf-Access-Jwt-Assertion',
  'Cf-Access-Authenticated-User-Email',
  'Gatehouse-Policy-Name',
  'Gatehouse-Policy-Id',
  'Gatehouse-Device-Id',
  'Gatehouse-Client-Ip',
  'Gatehouse-Request-Id',
  'Gatehouse-Anything',
  'Cf-Access-Anything',
  'Remote-User',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Groups',
  'X-Remote-User',
  'X-Auth-Request-Email',
];
const spellings = {
  'as it is': (name) => [`${name}: ${kSpoofed}`],
  'lower case': (name) => [`${name.toLowerCase()}: ${kSpoofed}`],
  'upper case': (name) => [`${name.toUpperCase()}: ${kSpoofed}`],
  underscores: (name) => [`${name.replaceAll('-', '_')}: ${kSpoofed}`],
  'one underscore': (name) => [`${name.replace('-', '_')}: ${kSpoofed}`],
  dots: (name) => [`${name.replaceAll('-', '.')}: ${kSpoofed}`],
  twice: (name) => [`${name}: ${kSpoofed}`, `${name}: x`],
  'both spellings': (name) => [`${name}: x`, `${name.replaceAll('-', '_')}: ${kSpoofed}`],
  'space before the colon': (name) => [`${name} : ${kSpoofed}`],
  'tab before the colon': (name) => [`${name}\t: ${kSpoofed}`],
  'folded line': (name) => ['X-A: b', ` ${name}: ${kSpoofed}`],
  'after a bare CR': (name) => [`X-A: b\r${name}: ${kSpoofed}`],
  'after a bare LF': (name) => [`X-A: b\n${name}: ${kSpoofed}`],
  'NUL in the name': (name) => [`${name}\0: ${kSpoofed}`],
  'named in Connection': (name) => [`Connection: ${name}`],
};

describe('identity headers of a signed-in client', () => {
  test('control: the application sees who it is, once', async () => {
    const { status, seen } = await send([]);
    assert.equal(status, 200);
    checkView(seen[0], kSpoofed, 'control');
  });
  for (const [how, make] of Object.entries(spellings)) {
    test(`spelled with ${how}`, async () => {
      for (const name of names) {
        const { status, seen } = await send(make(name));
        assert.ok(
          status === 200 || (status >= 400 && status < 500) || status === 0,
          `${name}: ${status}`,
        );
        for (const request of seen) checkView(request, kSpoofed, name);
      }
    });
  }
  test('hop-by-hop: Connection does not remove what we add', async () => {
    const { status, seen } = await send([
      `Connection: close, Cf-Access-Jwt-Assertion, Cf-Access-Authenticated-User-Email`,
    ]);
    if (status === 200) checkView(seen[0], kSpoofed, 'Connection');
  });
  test('a trailer never becomes a header', async () => {
    lab.origin.clear();
    await sendRaw(
      lab.gateway.port,
      kApp,
      `POST / HTTP/1.1\r\nHost: ${kApp}\r\nCookie: ${cookie}\r\n` +
        'Transfer-Encoding: chunked\r\nTrailer: Cf-Access-Authenticated-User-Email\r\n\r\n2\r\nhi\r\n0\r\n' +
        `Cf-Access-Authenticated-User-Email: ${kSpoofed}\r\n\r\n`,
    );
    for (const request of lab.origin.requests) checkView(request, kSpoofed, 'trailer');
  });
  test('over HTTP/2 as well', async () => {
    const session = http2.connect(`https://${kApp}:${lab.gateway.port}`, {
      ca: fs.readFileSync(pki().ca),
      lookup: (name, options, done) =>
        options.all
          ? done(null, [{ address: '127.0.0.1', family: 4 }])
          : done(null, '127.0.0.1', 4),
    });
    try {
      for (const name of names) {
        lab.origin.clear();
        const status = await new Promise((resolve, reject) => {
          const stream = session.request({
            ':path': '/',
            cookie,
            [name.toLowerCase()]: kSpoofed,
            [name.toLowerCase().replaceAll('-', '_')]: kSpoofed,
          });
          stream.on('response', (headers) => {
            stream.resume();
            stream.on('end', () => resolve(headers[':status']));
          });
          stream.on('error', reject);
          stream.end();
        });
        assert.equal(status, 200, name);
        checkView(lab.origin.last, kSpoofed, name);
      }
    } finally {
      session.close();
    }
  });
  test("our cookies are taken out, the application's own go through unchanged", async () => {
    const { seen } = await send([], {
      cookies: `a=1; ${cookie}; b="x y"; CF_AppSession=n1; CF_Session=s; c=`,
    });
    const cookies = seen[0].values('cookie').join('; ');
    assert.ok(!/CF_(Authorization|AppSession|Session|Binding)/.test(cookies), cookies);
    for (const own of ['a=1', 'b="x y"', 'c=']) assert.ok(cookies.includes(own), cookies);
  });
  test("the client's address is nginx's, not the client's word", async () => {
    const { seen } = await send([
      'X-Real-IP: 203.0.113.9',
      'X_Real_IP: 203.0.113.9',
      'X_Forwarded_For: 203.0.113.9',
    ]);
    assert.deepEqual(
      seen[0].values('x-real-ip').filter((value) => value === '203.0.113.9'),
      [],
    );
    assert.ok(seen[0].values('x-forwarded-for').every((value) => value.trim() !== '203.0.113.9'));
  });
});

describe('identity headers where nobody is signed in', () => {
  test('a bypassed application sees no identity at all', async () => {
    for (const name of names) {
      const { status, seen } = await send([`${name}: ${kSpoofed}`], {
        host: 'open.gateway.test',
        cookies: null,
      });
      assert.equal(status, 200, name);
      assert.ok(
        !JSON.stringify(seen[0].lines).includes(kSpoofed),
        `${name}: ${JSON.stringify(seen[0].lines)}`,
      );
      assert.deepEqual(seen[0].values('cf-access-jwt-assertion'), []);
    }
  });
  test('no header is a way in', async () => {
    for (const name of names) {
      const { status, seen } = await send([`${name}: ${kUser}`], { cookies: null });
      assert.ok(status >= 300, `${name}: ${status}`);
      assert.equal(seen.length, 0, name);
    }
  });
});

describe('the shared list of spoofed headers', () => {
  const rows = testkitData('hostile/spoof-headers.json');
  test(
    'every row: the application sees only our own value, once',
    { skip: rows ? false : kNoTestkit },
    async () => {
      const kValue = 'alice@corp.example';
      for (const { id, lines, rule } of rows) {
        const { status, seen } = await send(lines);
        // What names nobody may go on as it is; our own headers must be ours all the same.
        const spoofed = /harmless/.test(rule) ? 'mallory@' : kValue;
        assert.ok(
          status === 0 || status === 200 || (status >= 400 && status < 500),
          `${id}: ${status}`,
        );
        for (const request of seen) {
          checkView(request, spoofed, id);
          assert.ok(!request.lines.some(([, value]) => value.includes('mallory@')), id);
          assert.equal(request.url, '/', id);
        }
      }
    },
  );
  test('no row is a way in', { skip: rows ? false : kNoTestkit }, async () => {
    for (const { id, lines } of rows) {
      const { status, seen } = await send(lines, { cookies: null });
      assert.ok(status === 0 || status >= 300, `${id}: ${status}`);
      assert.equal(seen.length, 0, id);
    }
  });
});
