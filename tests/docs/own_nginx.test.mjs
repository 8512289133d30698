// The nginx.conf of docs/guides/own-nginx.md: the module in an nginx that we did not write, with
// the names, ports and paths of a lab.
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { Child, eventually, freePort, listens } from '../harness/process.mjs';
import { findBuild, isSanitized, repository } from '../harness/build.mjs';
import { pki } from '../harness/pki.mjs';

// What is open when a person signs out: nginx's own files over both protocols, and a request that
// waits for a subrequest.
async function endsWithTheRight(browser, lab, port) {
  const ca = fs.readFileSync(pki().ca);
  const headers = { cookie: `CF_Authorization=${browser.cookie(kApp, 'CF_Authorization')}` };
  const session = http2.connect(`https://${kApp}:${port}`, { ca });
  session.on('error', () => {});
  const open = {
    'a file over HTTP/1.1': https.get(`https://${kApp}:${port}/files/large`, {
      ca,
      headers,
      agent: false,
    }),
    'a file over HTTP/2': session.request({ ':path': '/files/large', ...headers }),
    'a request that waits for a subrequest': https.get(`https://${kApp}:${port}/checked/a`, {
      ca,
      headers,
      agent: false,
    }),
  };
  const received = {};
  const closed = {};
  for (const [name, request] of Object.entries(open)) {
    received[name] = 0;
    const data = (chunk) => {
      received[name] += chunk.length;
    };
    const end = () => {
      closed[name] = true;
    };
    request.on('response', (response) => {
      response.on?.('data', data);
      response.on?.('error', end);
    });
    if (name.endsWith('2')) request.on('data', data);
    request.on('error', end);
    request.on('close', end);
  }
  for (const name of Object.keys(open).filter((each) => /file/.test(each)))
    await eventually(() => received[name] > 0, { what: name });
  await eventually(() => lab.origin.open('/silent') > 0, { what: 'the subrequest' });
  assert.deepEqual(closed, {});
  await browser.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
  for (const name of Object.keys(open))
    await eventually(() => closed[name], { ms: 10_000, what: `the end of ${name}` });
  await eventually(() => lab.origin.open('/silent') === 0, { what: 'the end of the subrequest' });
  for (const count of Object.values(received)) assert.ok(count < 8 << 20, `${count}`);
  session.destroy();
}

test('the nginx.conf of the guide judges requests and lets a person sign in', async () => {
  const guide = fs.readFileSync(path.join(repository, 'docs/guides/own-nginx.md'), 'utf8');
  const [, text] = /^```nginx\n([\s\S]*?)^```/m.exec(guide);
  const port = await freePort();
  const lab = await startLab({
    idp: true,
    config(c) {
      c.listen.public_https_port = port;
    },
  });
  let nginx;
  try {
    const prefix = path.join(lab.directory, 'own');
    fs.mkdirSync(prefix);
    const { certificate, key } = pki();
    const changes = [
      [
        '/usr/local/lib/gatehouse/ngx_http_gatehouse_module.so',
        path.join(findBuild(), 'modules/ngx_http_gatehouse_module.so'),
      ],
      ['/var/lib/gatehouse', lab.gateway.state],
      ['/var/log/nginx', prefix],
      ['/etc/gatehouse/tls/example.pem', certificate],
      ['/etc/gatehouse/tls/example.key', key],
      ['listen 443', `listen 127.0.0.1:${port}`],
      ['auth.example.com', kAuth],
      ['wiki.apps.example.com', kApp],
      ['127.0.0.1:8080', `127.0.0.1:${lab.origin.port}`],
    ];
    let configuration = text;
    for (const [from, to] of changes) {
      assert.ok(configuration.includes(from), from);
      configuration = configuration.replaceAll(from, to);
    }
    const file = path.join(prefix, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${prefix}/${kind};`)
      .join('\n');
    configuration = configuration.replace('http {', `http {\n${temporary}`);
    // Requests that stay open without an upstream, and in a subrequest.
    fs.mkdirSync(path.join(prefix, 'files'));
    fs.writeFileSync(path.join(prefix, 'files', 'large'), Buffer.alloc(8 << 20, 'x'));
    configuration = configuration.replace(
      /(server_name app[^]*?)location \/ \{/,
      `$1location /files/ { root ${prefix}; limit_rate 50k; }
    location /checked/ { auth_request /silent; proxy_pass http://wiki; }
    location /silent { proxy_pass http://wiki; }
    location / {`,
    );
    fs.writeFileSync(file, `daemon off;\npid ${prefix}/nginx.pid;\n${configuration}`);
    const env = isSanitized()
      ? {
          LD_PRELOAD: execFileSync('g++', ['-print-file-name=libasan.so'], {
            encoding: 'utf8',
          }).trim(),
          ASAN_OPTIONS: 'detect_leaks=0',
        }
      : {};
    const args = ['-p', prefix, '-c', file, '-e', path.join(prefix, 'error.log')];
    nginx = new Child('/usr/sbin/nginx', args, { env, name: 'own nginx' });
    const errors = () => `${nginx.output}${fs.readFileSync(path.join(prefix, 'error.log'))}`;
    await eventually(() => listens(port), { what: 'own nginx' }).catch((error) => {
      throw new Error(errors(), { cause: error });
    });

    lab.gateway.port = port; // from here on everybody goes to the other nginx
    const browser = lab.browser();
    assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 401);
    assert.equal(lab.origin.requests.length, 0);
    const answer = await mustSignIn(lab, browser, kApp, byProvider('alice'));
    assert.equal(answer.json.email, 'alice@corp.example');
    await browser.fetch(lab.gateway.url(kApp, '/a%20b?c=d'), {
      headers: { 'remote-user': 'root', 'cf-access-authenticated-user-email': 'root@corp.example' },
    });
    assert.equal(lab.origin.last.url, '/a%20b?c=d');
    assert.deepEqual(lab.origin.last.values('remote-user'), []);
    assert.deepEqual(lab.origin.last.values('cf-access-authenticated-user-email'), [
      'alice@corp.example',
    ]);
    const refused = await lab.browser().fetch(lab.gateway.url(kApp, '/a/%2e%2e%2f/b'));
    assert.ok([400, 401].includes(refused.status), `${refused.status}`);
    await endsWithTheRight(browser, lab, port);
    assert.ok(!/AddressSanitizer|runtime error/.test(errors()), errors());
  } finally {
    await nginx?.end('SIGQUIT');
    await lab.stop();
  }
});
