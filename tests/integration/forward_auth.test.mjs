// docs/guides/forward-auth.md: the configurations of the guide in the real nginx, Caddy, HAProxy
// and Apache of Debian, with the names, ports and paths of a lab.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  application,
  email,
  kApp,
  kAuth,
  newServiceToken,
  policy,
  serviceToken,
} from '../harness/lab.mjs';
import { byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { Child, eventually, freePort, listens } from '../harness/process.mjs';
import { rawGet, sendRaw } from '../harness/http.mjs';
import { startApache } from '../harness/apache.mjs';
import { startCaddy } from '../harness/caddy.mjs';
import { startHaproxy } from '../harness/haproxy.mjs';
import { repository } from '../harness/build.mjs';
import { pki } from '../harness/pki.mjs';

const kSpoofed = 'mallory@corp.example';
const kUser = 'alice@corp.example';
const robot = newServiceToken('robot');

// The blocks of the guide that are files: their first line says which.
function filesOfGuide() {
  const guide = fs.readFileSync(path.join(repository, 'docs/guides/forward-auth.md'), 'utf8');
  const found = {};
  for (const [, text] of guide.matchAll(/^```\w+\n([\s\S]*?)^```/gm)) {
    const name = /^(?:#|--) (\/etc\/\S+)\n/.exec(text)?.[1];
    if (name) found[name] = text;
  }
  return found;
}

async function startNginx({ directory, files, port }) {
  for (const [name, text] of Object.entries(files))
    fs.writeFileSync(path.join(directory, name), text);
  const file = path.join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .join('\n');
  const text = files['nginx.conf'].replace(
    'http {',
    `http {\n${temporary}\naccess_log ${directory}/access.log;`,
  );
  fs.writeFileSync(file, `daemon off;\npid ${directory}/nginx.pid;\n${text}`);
  const log = path.join(directory, 'error.log');
  const child = new Child('/usr/sbin/nginx', ['-p', directory, '-c', file, '-e', log], {
    name: 'nginx',
  });
  const said = () => `${child.output}${fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : ''}`;
  await eventually(() => listens(port), { what: 'nginx' }).catch((cause) => {
    throw new Error(said(), { cause });
  });
  return { said, stop: () => child.end('SIGQUIT') };
}

const proxies = {
  nginx: { folder: '/etc/nginx/', start: startNginx },
  caddy: { folder: '/etc/caddy/', start: startCaddy },
  haproxy: { folder: '/etc/haproxy/', start: startHaproxy },
  apache: { folder: '/etc/apache2/', start: startApache },
};

let lab;
let port; // of whichever proxy runs
let endpoint;
before(async () => {
  [port, endpoint] = [await freePort(), await freePort()];
  lab = await startLab({
    idp: true,
    config(c) {
      c.listen.public_https_port = port;
      c.forward_auth = {
        listen: { address: '127.0.0.1', port: endpoint },
        trusted_peers: ['127.0.0.1/32'],
      };
      c.service_tokens.push(robot.entry);
      c.applications[0].policies.push(
        policy('non_identity', 'Robots', { include: [serviceToken('robot')] }),
      );
      c.applications.push(
        application('Admin', `${kApp}/admin`, [
          policy('allow', 'Nobody here', { include: [email('root@corp.example')] }),
        ]),
      );
    },
  });
  lab.gateway.port = port; // from here on everybody goes to the proxy
});
after(() => lab?.stop());

// The files of one proxy, as a lab needs them.
function filesFor(folder, directory) {
  const { certificate, key } = pki();
  const both = path.join(directory, 'example.both');
  fs.writeFileSync(both, fs.readFileSync(certificate, 'utf8') + fs.readFileSync(key, 'utf8'));
  const changes = [
    ['/etc/gatehouse/tls/example.pem', certificate],
    ['/etc/gatehouse/tls/example.key', key],
    ['/etc/gatehouse/tls/example.both', both],
    ['https://auth.example.com', `https://${kAuth}:${port}`],
    ['https://wiki.apps.example.com', `https://${kApp}:${port}`],
    ['auth.example.com', kAuth],
    ['wiki.apps.example.com', kApp],
    ['127.0.0.1:9180', `127.0.0.1:${endpoint}`],
    ['127.0.0.1:8080', `127.0.0.1:${lab.origin.port}`],
    ['listen 443', `listen 127.0.0.1:${port}`],
    ['Listen 443', `Listen 127.0.0.1:${port}`],
    ['bind :443', `bind 127.0.0.1:${port}`],
    ['*:443', `*:${port}`],
    ['admin off', 'admin off\n\tauto_https disable_redirects'],
    [folder, `${directory}/`],
  ];
  const files = {};
  for (const [name, text] of Object.entries(filesOfGuide())) {
    if (!name.startsWith(folder)) continue;
    files[path.basename(name)] = changes.reduce(
      (changed, [from, to]) => changed.replaceAll(from, to),
      text,
    );
  }
  return files;
}

// How an application might read a path: enough to see whether it could mean /admin.
function mayBeAdmin(url) {
  let text = url.split('?')[0];
  for (let i = 0; i < 3; i++) {
    const stack = [];
    for (const segment of text.split('/')) {
      if (segment === '' || segment === '.') continue;
      if (segment === '..') stack.pop();
      else stack.push(segment.toLowerCase());
    }
    if (/^admin$/.test(stack[0] ?? '')) return true;
    text = text.replace(/%([0-9a-f]{2})/gi, (all, hex) => String.fromCharCode(parseInt(hex, 16)));
  }
  return false;
}

for (const [name, { folder, start }] of Object.entries(proxies)) {
  describe(name, () => {
    let proxy;
    let browser;
    let cookie;
    const send = async (target, lines = [], cookies = cookie) => {
      lab.origin.clear();
      const bytes = rawGet(kApp, target, [...(cookies ? [`Cookie: ${cookies}`] : []), ...lines]);
      const { responses } = await sendRaw(port, kApp, bytes, { quiet: 300, ms: 4000 });
      return { status: responses[0]?.status ?? 0, seen: lab.origin.requests, answer: responses[0] };
    };
    before(async () => {
      const directory = path.join(lab.directory, name);
      fs.mkdirSync(directory);
      fs.chmodSync(directory, 0o777); // workers may be somebody else
      proxy = await start({ directory, files: filesFor(folder, directory), port });
      lab.origin.clear();
      browser = lab.browser();
    });
    after(async () => {
      await proxy?.stop();
      await eventually(async () => !(await listens(port)), { what: `end of ${name}` });
    });

    test('fetch of a stranger: 401 with JSON', async () => {
      const answer = await browser.fetch(lab.gateway.url(kApp, '/a?b'));
      assert.equal(answer.status, 401, proxy.said());
      assert.equal(answer.json.reason, 'not_signed_in');
      assert.equal(answer.headers['www-authenticate'], 'Cloudflare-Access');
    });
    test('a POST of a stranger: 401, and the application gets nothing', async () => {
      const answer = await browser.navigate(lab.gateway.url(kApp, '/a'), {
        method: 'POST',
        form: { a: 'b' },
      });
      assert.equal(answer.status, 401);
      assert.equal(lab.origin.requests.length, 0);
    });
    test('navigation of a stranger goes to the login page, bound to the browser', async () => {
      const answer = await lab.browser().navigate(lab.gateway.url(kApp, '/a?b'));
      assert.equal(answer.status, 302, proxy.said());
      assert.match(answer.location, new RegExp(`^https://${kAuth}:${port}/cdn-cgi/access/login/`));
      assert.match(answer.location, /redirect_url=%2Fa%3Fb/);
      assert.match(answer.cookie('CF_AppSession')?.value ?? '', /^n[0-9a-f]{32}$/);
    });
    test('sign-in through this proxy leads to the application', async () => {
      const answer = await mustSignIn(lab, browser, kApp, {
        target: '/a%20b?c=%2f',
        ...byProvider('alice'),
      });
      assert.equal(answer.json.email, kUser);
      assert.equal(answer.json.url, '/a%20b?c=%2f');
      assert.equal(answer.json.policy, 'Corp%20people');
      const token = browser.cookie(kApp, 'CF_Authorization');
      assert.deepEqual(lab.origin.last.values('cf-access-jwt-assertion'), [token]);
      assert.doesNotMatch(lab.origin.last.values('cookie').join(), /CF_/);
      assert.deepEqual(lab.origin.last.values('host').map((host) => host.split(':')[0]), [kApp]);
      cookie = `CF_Authorization=${token}`;
    });
    test('methods and bodies arrive', async () => {
      const url = lab.gateway.url(kApp, '/form');
      const post = await browser.fetch(url, { form: { a: 'b' } });
      assert.equal(post.status, 200);
      assert.deepEqual([post.json.method, post.json.body], ['POST', 'a=b']);
      assert.equal((await browser.fetch(url, { method: 'HEAD' })).status, 200);
      assert.equal((await browser.fetch(url, { method: 'DELETE' })).json.method, 'DELETE');
    });
    test('who may not: 403 with a page, in the application nothing', async () => {
      lab.origin.clear();
      const answer = await browser.navigate(lab.gateway.url(kApp, '/admin/x'));
      assert.ok([302, 403].includes(answer.status), `${answer.status}`);
      const other = lab.browser();
      const refused = await signIn(lab, other, kApp, byProvider('bob'));
      assert.equal(refused.status, 403);
      assert.match(refused.headers['content-type'], /html/);
      assert.equal(lab.origin.requests.length, 0);
    });
    test('service token: in, without its credentials', async () => {
      const answer = await lab.browser().fetch(lab.gateway.url(kApp), { headers: robot.headers });
      assert.equal(answer.status, 200, proxy.said());
      assert.ok(!JSON.stringify(answer.json.headers).includes(robot.secret));
      assert.equal(lab.origin.last.values('cf-access-jwt-assertion').length, 1);
      assert.deepEqual(lab.origin.last.values('cf-access-client-id').filter(Boolean), []);
    });
    test("our cookies are taken out, the application's own stay", async () => {
      const cookies = `a=1; ${cookie}; b=2; CF_AppSession=n1; CF_Session=s`;
      const { status, seen } = await send('/', [], cookies);
      assert.equal(status, 200);
      assert.deepEqual(seen[0].values('cookie'), ['a=1; b=2']);
    });

    const spellings = {
      'as it is': (header) => [`${header}: ${kSpoofed}`],
      'lower case': (header) => [`${header.toLowerCase()}: ${kSpoofed}`],
      underscores: (header) => [`${header.replaceAll('-', '_')}: ${kSpoofed}`],
      'one underscore': (header) => [`${header.replace('-', '_')}: ${kSpoofed}`],
      dots: (header) => [`${header.replaceAll('-', '.')}: ${kSpoofed}`],
      tildes: (header) => [`${header.replaceAll('-', '~')}: ${kSpoofed}`],
      twice: (header) => [`${header}: ${kSpoofed}`, `${header}: x`],
      'named in Connection': (header) => [`Connection: close, ${header}`],
    };
    for (const [how, make] of Object.entries(spellings))
      test(`identity headers of a client, ${how}`, async () => {
        for (const header of [
          'Cf-Access-Jwt-Assertion',
          'Cf-Access-Authenticated-User-Email',
          'Cf-Access-Anything',
          'Gatehouse-Policy-Name',
          'Gatehouse-Client-Ip',
          'Remote-User',
          'X-Forwarded-User',
          'X-Original-URL',
          'X-Forwarded-Uri',
          'X-Forwarded-For',
        ]) {
          const { status, seen } = await send('/', make(header));
          assert.ok(status === 200 || (status >= 400 && status < 500), `${header}: ${status}`);
          // What the endpoint refuses is the exception: the usual names are simply taken away.
          if (how === 'as it is' && header !== 'Cf-Access-Anything')
            assert.equal(status, 200, header);
          for (const { lines, values } of seen) {
            assert.deepEqual(values('cf-access-authenticated-user-email'), [kUser], header);
            assert.equal(values('cf-access-jwt-assertion').length, 1, header);
            for (const [key, value] of lines)
              assert.ok(!value.includes(kSpoofed), `${header}: seen as ${key}: ${value}`);
          }
        }
      });
    test('the client address is that of the connection', async () => {
      const { seen } = await send('/', ['X-Forwarded-For: 203.0.113.9', 'X-Real-IP: 203.0.113.9']);
      const lines = JSON.stringify(seen[0].lines);
      assert.ok(!lines.includes('203.0.113.9'), lines);
    });

    for (const target of [
      '/a%20b?x=../admin',
      '/a//b/./c',
      '/a%2Fb;c=d',
      '/admin%2fx',
      '//admin/x',
      '/x/../admin/x',
      '/%61dmin/x',
      '/a/%2e%2e/admin',
      '/ADMIN/x',
      '/admin',
      `https://${kApp}/admin`,
      '/cdn-cgi/access/../../admin',
      '/a/../cdn-cgi/access/../../admin',
    ])
      test(`${target}: what is judged is what is forwarded`, async () => {
        const { status, seen } = await send(target);
        for (const { url } of seen) {
          assert.equal(url, target);
          assert.ok(!mayBeAdmin(url), `the application received ${url}`);
        }
        assert.equal(seen.length > 0, status === 200, `${status}`);
        if (target.startsWith('/a%')) assert.ok([200, 400].includes(status), `${status}`);
      });
    test('our own paths never reach the application', async () => {
      for (const target of [
        '/cdn-cgi/access/certs',
        '/CDN-CGI/access/certs',
        '//cdn-cgi/access/certs',
        '/%63dn-cgi/access/certs',
        '/a/../cdn-cgi/access/certs',
        '/cdn-cgi/access/..%2f..%2fa',
      ]) {
        const { seen } = await send(target);
        assert.deepEqual(seen.map(({ url }) => url), [], target);
      }
      assert.equal((await send('/cdn-cgi/access/certs')).status, 200);
    });
    test('the endpoint itself is not for clients', async () => {
      const answer = await browser.fetch(lab.gateway.url(kAuth, '/forward-auth'), {
        headers: { 'x-forwarded-uri': '/', 'x-forwarded-method': 'GET' },
      });
      assert.equal(answer.status, 404);
    });
    test('HTTP identity, log-out, and the session is over', async () => {
      const who = await browser.fetch(lab.gateway.url(kApp, '/cdn-cgi/access/get-identity'));
      assert.equal(who.json.email, kUser);
      const out = await browser.navigate(lab.gateway.url(kApp, '/cdn-cgi/access/logout'));
      assert.ok(out.status < 400, `${out.status}`);
      assert.equal((await send('/')).status, 401);
      assert.equal(lab.origin.requests.length, 0);
    });
  });
}

test('refusals are in the log of forward-auth', async () => {
  const log = path.join(lab.gateway.state, 'log', 'forward_auth.jsonl');
  const records = await eventually(() => {
    const lines = fs.readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    return lines.some(({ reason }) => reason === 'ambiguous_path') && lines;
  });
  assert.ok(records.some(({ reason }) => reason === 'bad_request'));
  for (const { host, ip } of records.filter(({ reason }) => reason === 'ambiguous_path')) {
    assert.equal(host, kApp);
    assert.match(ip, /^127\./);
  }
});
