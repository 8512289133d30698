// Client certificates: each host has its authorities, and what was shown to one host says nothing to
// another, whatever the connection or the TLS session has seen.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import http2 from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kOther, application, domain, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { kNavigation, parseResponses, rawGet } from '../harness/http.mjs';
import { ClientAuthority } from '../harness/client_pki.mjs';
import { pki } from '../harness/pki.mjs';

const kOpen = 'open.gateway.test'; // no authority
const kNone = { cert: undefined, key: undefined };
const certificate = () => ({ certificate: {} });
const commonName = (name) => ({ common_name: { common_name: name } });

let lab;
let ca;
let directory;
let alice;
const bad = {};

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-mtls-'));
  const one = new ClientAuthority(directory, 'One');
  const two = new ClientAuthority(directory, 'Two');
  alice = one.issue('alice');
  bad.expired = one.issue('alice', { from: -20, until: -10 });
  bad['not yet valid'] = one.issue('alice', { from: 10, until: 20 });
  bad['for servers'] = one.issue('alice', { use: 'server' });
  bad['revoked by the list'] = one.issue('alice');
  bad['revoked by number'] = one.issue('alice');
  bad["another host's"] = two.issue('alice');
  bad['of an unknown authority with the same name'] = new ClientAuthority(
    path.join(directory, 'false'),
    'One',
  ).issue('alice');
  ca = { one, two, bob: one.issue('bob'), alicesNumber: two.issue('alice', { serial: bad['revoked by number'].serial }) }; // prettier-ignore
  lab = await startLab({
    idp: true,
    config(c) {
      c.mtls_certificates = [
        {
          name: 'One',
          certificate: one.pem,
          crl: one.revoke(bad['revoked by the list']),
          revoked_serial_numbers: [bad['revoked by number'].serial],
          associated_hostnames: [kApp],
        },
        { name: 'Two', certificate: two.pem, associated_hostnames: [kOther] },
      ];
      const shows = (name) => [policy('non_identity', name, { include: [certificate()] })];
      c.applications = [
        application('Machines', kApp, shows('Any certificate')),
        application('Alice', `${kApp}/alice`, [
          policy('non_identity', 'Her certificate', { include: [commonName('alice')] }),
        ]),
        application('People', `${kApp}/people`, [
          policy('allow', 'People with a certificate', {
            include: [domain('corp.example')],
            require: [certificate()],
          }),
        ]),
        application('Person', `${kApp}/person`, [
          policy('allow', 'People', { include: [domain('corp.example')] }),
        ]),
        application('Others', kOther, shows('Any certificate')),
        application('None', kOpen, shows('Any certificate')),
      ];
    },
  });
});
after(async () => {
  await lab?.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

const authority = () => fs.readFileSync(pki().ca);
// One connection, one request, with this certificate.
function ask(host, target = '/', { cert, key } = kNone, headers = {}) {
  return new Promise((resolve, reject) => {
    https
      .request(
        lab.gateway.url(host, target),
        { cert, key, ca: authority(), agent: false, headers: { accept: 'application/json', ...headers } },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
          answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
        },
      )
      .on('error', reject)
      .end();
  });
}
const reasonOf = (answer) => JSON.parse(answer.text).reason;
function assertRefused(answer, reason) {
  assert.equal(answer.status, 403, answer.text);
  assert.equal(reasonOf(answer), reason);
}
function assertAllowed(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['x-origin'], 'echo');
}

describe('what is shown', () => {
  test('a certificate of the host’s authority opens it', async () => {
    assertAllowed(await ask(kApp, '/', alice));
    assertAllowed(await ask(kApp, '/', ca.bob));
  });
  test('its common name is what a policy can name', async () => {
    assertAllowed(await ask(kApp, '/alice', alice));
    assertRefused(await ask(kApp, '/alice', ca.bob), 'certificate_not_permitted');
  });
  test('none is refused with the reason', async () => {
    assertRefused(await ask(kApp), 'certificate_required');
    assertRefused(await ask(kApp, '/alice'), 'certificate_required');
  });
  test('a person sees a page that says so', async () => {
    const answer = await ask(kApp, '/', kNone, kNavigation);
    assert.equal(answer.status, 403);
    assert.match(answer.headers['content-type'], /text\/html/);
    assert.match(answer.text, /certificate_required/);
  });
  test('what does not count', async (t) => {
    for (const [name, shown] of Object.entries(bad)) {
      await t.test(name, async () => {
        for (const target of ['/', '/alice']) {
          const answer = await ask(kApp, target, shown);
          // What nginx cannot take at all it refuses itself, with a page.
          if (/text\/html/.test(answer.headers['content-type'])) {
            assert.equal(answer.status, 403, answer.text);
            assert.match(answer.text, /client certificate cannot be used/);
          } else {
            assertRefused(answer, 'certificate_invalid');
          }
        }
      });
    }
  });
  test('a number that one authority has taken back is good at another', async () => {
    assertAllowed(await ask(kOther, '/', ca.alicesNumber));
  });
  test('a certificate of one host is nothing to another', async () => {
    assertAllowed(await ask(kOther, '/', bad["another host's"]));
    assertRefused(await ask(kOther, '/', alice), 'certificate_invalid');
  });
  test('a host without an authority takes none', async () => {
    assertRefused(await ask(kOpen, '/', alice), 'certificate_required');
    assertRefused(await ask(kOpen), 'certificate_required');
  });
  test('headers that pretend a certificate are nothing', async () => {
    const pretended = {
      'ssl-client-verify': 'SUCCESS',
      'x-ssl-client-cert': alice.cert.replaceAll('\n', '%0A'),
      'cf-client-cert-der-base64': alice.cert.replaceAll(/-----.*-----|\n/g, ''),
    };
    assertRefused(await ask(kApp, '/', kNone, pretended), 'certificate_required');
  });
});

describe('with a person', () => {
  const browserWith = ({ cert, key }) => {
    const browser = lab.browser();
    browser.agent = new https.Agent({ ca: authority(), cert, key });
    return browser;
  };
  test('the certificate and the sign-in, both', async () => {
    const browser = browserWith(alice);
    const answer = await mustSignIn(lab, browser, kApp, { target: '/people', ...byProvider('alice') });
    assert.equal(answer.json.email, 'alice@corp.example');
  });
  test('who shows none is refused before signing in', async () => {
    const answer = await signIn(lab, lab.browser(), kApp, { target: '/people' });
    assert.equal(answer.status, 403);
    assert.match(answer.text, /certificate_required/);
    assert.equal(answer.trail.length, 1);
  });
  test('the signed-in person without the certificate is refused', async () => {
    const browser = browserWith(alice);
    await mustSignIn(lab, browser, kApp, { target: '/people', ...byProvider('alice') });
    browser.agent = new https.Agent({ ca: authority() });
    const answer = await browser.fetch(lab.gateway.url(kApp, '/people'));
    assert.equal(answer.status, 403);
    assert.equal(answer.json.reason, 'certificate_required');
    browser.agent = new https.Agent({ ca: authority(), ...bad['revoked by number'] });
    assert.equal((await browser.fetch(lab.gateway.url(kApp, '/people'))).json.reason, 'certificate_invalid');
  });
  test('the certificate does not stand in for the person', async () => {
    const answer = await ask(kApp, '/people', alice);
    assert.equal(answer.status, 401);
    const stranger = await signIn(lab, browserWith(alice), kApp, {
      target: '/people',
      ...byProvider('lookalike'),
    });
    assert.equal(stranger.status, 403);
    assert.match(stranger.text, /identity_not_permitted/);
  });
  test('other applications of the host need none', async () => {
    await mustSignIn(lab, lab.browser(), kApp, { target: '/person', ...byProvider('alice') });
  });
});

describe('TLS sessions', () => {
  // Connects, sends one request, and waits for the session that it may come back with.
  function connect(servername, host, { session, cert, key } = kNone, version = 'TLSv1.3') {
    return new Promise((resolve, reject) => {
      const chunks = [];
      let last;
      let reused;
      const socket = tls.connect({
        host: '127.0.0.1',
        port: lab.gateway.port,
        servername,
        ca: authority(),
        cert,
        key,
        session,
        minVersion: version,
        maxVersion: version,
      });
      socket.on('session', (made) => (last = made));
      socket.on('secureConnect', () => {
        reused = socket.isSessionReused();
        socket.write(rawGet(host, '/', ['Accept: application/json']));
      });
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => {
        const [answer] = parseResponses(Buffer.concat(chunks));
        resolve({ ...answer, reused, session: last });
      });
    });
  }
  for (const version of ['TLSv1.3', 'TLSv1.2']) {
    test(`${version}: one that is resumed keeps the certificate, where it was shown`, async () => {
      const first = await connect(kApp, kApp, alice, version);
      assert.equal(first.status, 200, first.text);
      assert.ok(first.session);
      const again = await connect(kApp, kApp, { session: first.session }, version);
      assert.ok(again.reused);
      assert.equal(again.status, 200, again.text);
    });
    test(`${version}: another host takes nothing from it`, async () => {
      const first = await connect(kApp, kApp, alice, version);
      assert.equal(first.status, 200, first.text);
      for (const host of [kOther, kOpen]) {
        const other = await connect(host, host, { session: first.session }, version);
        assert.equal(other.status, 403, other.text);
        assert.match(JSON.parse(other.text).reason, /^certificate_(required|invalid)$/);
      }
    });
    test(`${version}: a session of another host, named as this one`, async () => {
      const first = await connect(kOther, kOther, bad["another host's"], version);
      assert.equal(first.status, 200, first.text);
      const crossed = await connect(kApp, kApp, { session: first.session }, version);
      assert.equal(crossed.status, 403, crossed.text);
    });
  }
  test('a connection for one host does not serve another', async () => {
    for (const [servername, host, shown] of [
      [kOther, kApp, alice],
      [kApp, kOther, alice],
      [kApp, kOther, bad["another host's"]],
      [kOpen, kApp, alice],
    ]) {
      const answer = await connect(servername, host, shown);
      assert.ok([403, 421].includes(answer.status), `${servername} ${host}: ${answer.status} ${answer.text}`);
    }
  });
});

describe('HTTP/2', () => {
  function session(host, { cert, key } = kNone) {
    return new Promise((resolve, reject) => {
      const made = http2.connect(lab.gateway.url(host), { ca: authority(), cert, key });
      made.on('connect', () => resolve(made));
      made.on('error', reject);
    });
  }
  function get(connection, headers) {
    return new Promise((resolve, reject) => {
      const stream = connection.request({ ':path': '/', accept: 'application/json', ...headers });
      let status;
      let text = '';
      stream.on('response', (answered) => (status = answered[':status']));
      stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      stream.on('end', () => resolve({ status, text }));
      stream.on('error', reject);
    });
  }
  const authorityOf = (host) => `${host}:${lab.gateway.port}`;

  test('a connection that is reused for another host does not carry the certificate there', async () => {
    const connection = await session(kApp, alice);
    try {
      const own = await get(connection, {});
      assert.equal(own.status, 200, own.text);
      for (const host of [kOther, kOpen]) {
        const answer = await get(connection, { ':authority': authorityOf(host) });
        assert.ok([403, 421].includes(answer.status), `${host}: ${answer.status} ${answer.text}`);
      }
      assert.equal((await get(connection, {})).status, 200);
    } finally {
      connection.destroy();
    }
  });
  test('nor does one that was opened without a certificate, or with another host’s', async () => {
    for (const [host, shown] of [
      [kOpen, kNone],
      [kOpen, alice],
      [kOther, bad["another host's"]],
      [kOther, alice],
    ]) {
      const connection = await session(host, shown);
      try {
        const answer = await get(connection, { ':authority': authorityOf(kApp) });
        assert.ok([403, 421].includes(answer.status), `${host}: ${answer.status} ${answer.text}`);
      } finally {
        connection.destroy();
      }
    }
  });
});

// Last: it changes what is in force.
test('a certificate that is taken back is refused on open connections as well', async () => {
  const agent = new https.Agent({ ca: authority(), ...ca.bob, keepAlive: true, maxSockets: 1 });
  const browser = lab.browser();
  browser.agent = agent;
  assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 200);
  lab.gateway.configuration.mtls_certificates[0].revoked_serial_numbers.push(ca.bob.serial);
  lab.gateway.write();
  const applied = await lab.gateway.apply();
  assert.equal(applied.code, 0, applied.output);
  const refused = await browser.fetch(lab.gateway.url(kApp));
  assert.equal(refused.status, 403);
  assert.equal(refused.json.reason, 'certificate_invalid');
  agent.destroy();
});
