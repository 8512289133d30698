// The nginx.conf of docs/guides/own-nginx.md: the module in an nginx that we did not write, with
// the names, ports and paths of a lab.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { Child, eventually, freePort, listens } from '../harness/process.mjs';
import { findBuild, isSanitized, repository } from '../harness/build.mjs';
import { pki } from '../harness/pki.mjs';

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
    assert.ok(!/AddressSanitizer|runtime error/.test(errors()), errors());
  } finally {
    await nginx?.end('SIGQUIT');
    await lab.stop();
  }
});
