// The harness itself, without the product: a suite that passes for the wrong reason is worse than none.
import fs from 'node:fs';
import path from 'node:path';
import net from 'node:net';
import tls from 'node:tls';
import https from 'node:https';
import { test, describe, before, after } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import WebSocket from 'ws';
import { Browser, parseResponses, rawGet, sendRaw } from './http.mjs';
import { formsOf, instructionsOf, textOf } from './html.mjs';
import { toYaml } from './yaml.mjs';
import {
  Child,
  childrenOf,
  eventually,
  freePort,
  isAlive,
  listens,
  runProgram,
  signal,
  sleep,
} from './process.mjs';
import { OwnDevice, challengeOf } from './agent.mjs';
import { TestIdp } from './idp.mjs';
import { TestOrigin, folded } from './origin.mjs';
import { TestSmtp } from './smtp.mjs';
import { login } from '../idp/login.mjs';
import { pki } from './pki.mjs';
import { allowLoopback, launch } from '../browser/browser.mjs';
import { pageKind } from './signin.mjs';

describe('pages', () => {
  test('forms, fields, buttons and entities', () => {
    const [form] = formsOf(
      '<form action="/x?a=1&amp;b=2" method="POST"><input type="hidden" ' +
        'name="transaction" value="a&quot;b"><input name=email required><button name="method" value="1">' +
        'E-mail <b>code</b></button></form>',
    );
    assert.deepEqual(form, {
      action: '/x?a=1&b=2',
      method: 'post',
      fields: { transaction: 'a"b', email: '' },
      buttons: [{ name: 'method', value: '1', text: 'E-mail code' }],
    });
  });
  test('the instructions for the posture script', () => {
    const value = JSON.stringify({
      transaction: 't',
      exchange: { body: '{"nonce":"n","aud":"https://a"}' },
    });
    const read = instructionsOf(
      `<main data-role="x" data-instructions="${value.replaceAll('"', '&quot;')}">`,
    );
    assert.equal(read.transaction, 't');
    assert.deepEqual(challengeOf(read), { nonce: 'n', aud: 'https://a' });
    assert.equal(instructionsOf('<p data-x="{no json">'), null);
  });
  test('kinds', () => {
    const page = (text) =>
      pageKind({ status: 200, headers: { 'content-type': 'text/html' }, text });
    assert.equal(page('<form><input name="code"></form>'), 'pin-entry');
    assert.equal(page('<form><input name="email"></form>'), 'pin-request');
    assert.equal(page('<form><button name="method" value="1">x</button></form>'), 'chooser');
    assert.equal(
      page('<form><input type="hidden" name="method" value="1"><button>x</button></form>'),
      'chooser',
    );
    assert.equal(page('<p>hello</p>'), 'other');
  });
  test('text without markup', () => assert.equal(textOf('<p>a<b>b</b>\n c&amp;d</p>'), 'a b c&d'));
});

test('YAML in block style', () => {
  assert.equal(
    toYaml({ a: 1, b: [], c: [{ d: 'x\ny', e: { f: true } }, 'z'], g: undefined }),
    'a: 1\nb: []\nc:\n  - d: "x\\ny"\n    e:\n      f: true\n  - "z"\n',
  );
});

describe('processes', () => {
  test('a child is ended by its pid, its output is kept', async () => {
    const child = new Child('sh', ['-c', 'echo ready at once; exec sleep 60']);
    assert.deepEqual([...(await child.waitFor(/ready (\S+)/))], ['ready at', 'at']);
    assert.ok(isAlive(child.pid));
    assert.equal((await child.end()).signal, 'SIGTERM');
    assert.ok(!isAlive(child.pid));
  });
  test('a child that ends early says why', async () => {
    const child = new Child('sh', ['-c', 'echo broken >&2; exit 3']);
    await assert.rejects(child.waitFor(/ready/), /ended \(3\)[\s\S]*broken/);
  });
  test('a child does not outlive a suite that is killed', async () => {
    const suite = new Child(process.execPath, [
      '--no-warnings',
      '--input-type=module',
      '-e',
      `import { Child, sleep } from ${JSON.stringify(path.join(import.meta.dirname, 'process.mjs'))};
       const child = new Child('sleep', ['60']); console.log('child ' + child.pid); await sleep(60000);`,
    ]);
    const [, pid] = await suite.waitFor(/child (\d+)/);
    await sleep(100);
    assert.deepEqual(
      childrenOf(suite.pid).map((child) => child.pid),
      [Number(pid)],
    );
    signal(suite.pid, 'SIGKILL');
    await eventually(() => !isAlive(Number(pid)), { what: 'the end of the child' });
  });
  test('a free port is free, and eventually() gives up', async () => {
    assert.equal(await listens(await freePort()), false);
    await assert.rejects(
      eventually(() => false, { ms: 50, what: 'never' }),
      /never: not within 50 ms/,
    );
  });
});

describe('HTTP', () => {
  let server;
  let port;
  before(async () => {
    const { key, certificate } = pki();
    server = https.createServer(
      { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) },
      (request, response) => {
        if (request.url === '/set')
          response.setHeader('set-cookie', ['a=1; Path=/; HttpOnly', 'b=2; Max-Age=60']);
        if (request.url === '/clear') response.setHeader('set-cookie', 'a=; Max-Age=0');
        if (request.url === '/away') {
          response.writeHead(302, { location: '/set' });
          return response.end();
        }
        return response.end(request.headers.cookie ?? 'none');
      },
    );
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address());
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  test('a jar for each host, no redirects followed', async () => {
    const browser = new Browser();
    const app = `https://app.gateway.test:${port}`;
    assert.equal((await browser.get(`${app}/set`)).cookie('a').attributes.path, '/');
    assert.equal((await browser.get(`${app}/`)).text, 'a=1; b=2');
    assert.equal((await browser.get(`https://other.gateway.test:${port}/`)).text, 'none');
    await browser.get(`${app}/clear`);
    assert.equal((await browser.get(`${app}/`)).text, 'b=2');
    const away = await browser.get(`${app}/away`);
    assert.equal(away.status, 302);
    assert.equal(away.location, `${app}/set`);
    browser.close();
  });
  test('raw bytes and pipelined responses', async () => {
    const host = 'app.gateway.test';
    const { responses } = await sendRaw(
      port,
      host,
      `GET /set HTTP/1.1\r\nHost: ${host}\r\n\r\n${rawGet(host, '/x', ['Cookie: z=1'])}`,
    );
    assert.deepEqual(
      responses.map(({ status, text }) => [status, text]),
      [
        [200, 'none'],
        [200, 'z=1'],
      ],
    );
  });
  test('chunked bodies are put together', () => {
    const [one, two] = parseResponses(
      Buffer.from(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
          '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno',
      ),
    );
    assert.deepEqual([one.text, two.status, two.text], ['abcde', 404, 'no']);
  });
  test('another authority is not trusted', async () => {
    const browser = new Browser();
    await assert.rejects(browser.get(`https://unknown.gateway.test:${port}/`), /altnames/);
    browser.close();
  });
});

test('the application says back and remembers what it received', async () => {
  const origin = await TestOrigin.start();
  const socket = net.connect(origin.port, '127.0.0.1');
  socket.write(
    'POST /a?b HTTP/1.1\r\nHost: x\r\nRemote_User: m\r\nCF-Access-X: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
  );
  let text = '';
  for await (const chunk of socket) text += chunk;
  assert.match(text, /"body":"hi"/);
  assert.deepEqual(origin.last.values('remote-user'), ['m']);
  assert.equal(folded('Cf_Access.Jwt'), 'cf-access-jwt');
  const webSocket = new WebSocket(`ws://127.0.0.1:${origin.port}/ws`);
  await new Promise((resolve) => webSocket.on('open', resolve));
  webSocket.send('echo');
  assert.equal(String(await new Promise((resolve) => webSocket.on('message', resolve))), 'echo');
  webSocket.close();
  const events = await fetch(`http://127.0.0.1:${origin.port}/sse`);
  const reader = events.body.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /^data: 1/);
  await reader.cancel();
  await origin.stop();
});

describe('mail', () => {
  let smtp;
  before(async () => {
    smtp = await TestSmtp.start();
  });
  after(() => smtp.stop());
  const talk = async (startTls) => {
    let socket = net.connect(smtp.port, '127.0.0.1');
    let said = '';
    const listen = () =>
      socket.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
    const expect = (pattern) =>
      eventually(() => pattern.exec(said), { what: `${pattern} in ${said}` }).then((match) => {
        said = '';
        return match;
      });
    listen();
    await expect(/^220 /m);
    socket.write('EHLO x\r\n');
    await expect(/^250 /m);
    if (startTls) {
      socket.write('STARTTLS\r\n');
      await expect(/^220 /m);
      socket.removeAllListeners('data');
      socket = tls.connect({ socket, ca: fs.readFileSync(pki().ca), servername: 'localhost' });
      listen();
      socket.write('EHLO x\r\n');
      await expect(/^250 /m);
    }
    socket.write('MAIL FROM:<a@corp.example>\r\n');
    const [code] = await expect(/^\d{3}/m);
    if (code !== '250') {
      socket.destroy();
      return code;
    }
    socket.write('RCPT TO:<b@corp.example>\r\n');
    await expect(/^250 /m);
    socket.write('DATA\r\n');
    await expect(/^354 /m);
    socket.write('Subject: Code\r\n\r\nYour code is 123456.\r\n.\r\n');
    await expect(/^250 /m);
    socket.end('QUIT\r\n');
    return code;
  };
  test('mail over STARTTLS is kept and its code found', async () => {
    await talk(true);
    assert.equal(await smtp.codeFor('b@corp.example'), '123456');
    assert.equal(smtp.mails[0].secure, true);
  });
  test('mail in the clear is refused', async () => assert.equal(await talk(false), '530'));
});

test('the provider signs in, lists its misbehaviours and takes orders', async () => {
  const idp = await TestIdp.start();
  try {
    const url = `${idp.issuer}/auth?${new URLSearchParams({
      client_id: 'gateway',
      response_type: 'code',
      scope: 'openid',
      state: 's',
      redirect_uri: 'https://auth.gateway.test:8443/cdn-cgi/access/callback',
    })}`;
    const back = new URL(await login(url, { user: 'alice' }));
    assert.equal(back.origin, 'https://auth.gateway.test:8443');
    assert.ok(back.searchParams.get('code'));
    assert.equal(back.searchParams.get('state'), 's');
    assert.ok((await idp.modes()).length > 60);
    await idp.tamper('wrong-nonce');
    await idp.behave();
    await assert.rejects(idp.tamper('no-such-mode'), /unknown mode/);
  } finally {
    await idp.stop();
  }
});

test('the provider holds its own checks', async () => {
  const { code, output } = await runProgram(process.execPath, [
    '--no-warnings',
    path.join(import.meta.dirname, '../idp/selftest.mjs'),
  ]);
  assert.equal(code, 0, output);
});

test('a device of our own signs what it is told to', async () => {
  const device = new OwnDevice();
  const key = await jose.importSPKI(device.publicKey, 'ES256');
  const token = await device.answer(
    { nonce: 'n', aud: 'https://a' },
    { managed: false, jti: undefined },
  );
  const { payload } = await jose.jwtVerify(token, key, { audience: 'https://a' });
  assert.equal(payload.nonce, 'n');
  assert.equal(payload.managed, false);
  assert.equal(payload.jti, undefined);
});

test('Chromium trusts the authority and asks before a public page calls the device', async () => {
  const { key, certificate, home } = pki();
  const agent = await TestOrigin.start();
  agent.server.prependListener('request', (request, response) => {
    response.setHeader('access-control-allow-origin', request.headers.origin ?? 'null');
  });
  const server = https.createServer(
    { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) },
    (request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>t</title>'),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const origin = `https://auth.gateway.test:${port}`;
  const browser = await launch({
    home,
    hosts: { 'auth.gateway.test': '127.0.0.1' },
    publicPorts: [port],
  });
  try {
    for (const allowed of [false, true]) {
      const context = await browser.newContext();
      if (allowed) await allowLoopback(context, origin);
      const page = await context.newPage();
      await page.goto(origin);
      const outcome = await page.evaluate(async (url) => {
        try {
          return (await fetch(url, { signal: AbortSignal.timeout(3000) })).status;
        } catch (error) {
          return error.name;
        }
      }, agent.service);
      assert.equal(outcome, allowed ? 200 : 'TypeError');
      await context.close();
    }
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await agent.stop();
  }
});
