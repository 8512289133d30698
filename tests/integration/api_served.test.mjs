// Where the administration API can be reached, by whom, and how much it takes.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth } from '../harness/lab.mjs';
import { Child, eventually, freePort, runProgram } from '../harness/process.mjs';
import { program } from '../harness/build.mjs';
import { connect } from '../harness/api.mjs';
import { Browser, sendRaw } from '../harness/http.mjs';
import { pki } from '../harness/pki.mjs';
import { toYaml } from '../harness/yaml.mjs';

let lab;
let api;
before(async () => {
  lab = await startLab({
    config(c) {
      c.api = { allow_from: ['127.0.0.1', '127.0.7.0/24'], requests_per_5_minutes: 0 };
    },
  });
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await lab?.stop();
});

const ask = async (address, host, target, options = {}) => {
  const browser = new Browser({ address });
  try {
    return await browser.request(lab.gateway.url(host, target), { cookies: false, ...options });
  } finally {
    browser.close();
  }
};
const authorization = () => ({ authorization: `Bearer ${api.token}` });

describe('the API', () => {
  test('is for the networks that may ask; others are told which setting says so', async () => {
    for (const [address, expected] of [
      ['127.0.0.1', 200],
      ['127.0.7.9', 200],
      ['127.0.8.9', 403],
    ]) {
      const answer = await ask(address, kAuth, '/client/v4/user/tokens/verify', {
        headers: authorization(),
      });
      assert.equal(answer.status, expected, address);
      assert.match(answer.headers['content-type'], /^application\/json/);
      assert.equal(answer.json.success, expected === 200);
      if (expected === 403) assert.match(answer.json.errors[0].message, /`api\.allow_from`/);
    }
  });
  test('believes nginx and nobody else about the address', async () => {
    const answer = await ask('127.0.8.9', kAuth, '/client/v4/user/tokens/verify', {
      headers: {
        ...authorization(),
        'gatehouse-client-ip': '127.0.0.1',
        'x-forwarded-for': '127.0.0.1',
        'x-real-ip': '127.0.0.1',
      },
    });
    assert.equal(answer.status, 403);
  });
  test('is there on the auth domain only, below its own path', async () => {
    const answer = await ask('127.0.0.1', kApp, '/client/v4/user/tokens/verify', {
      headers: authorization(),
    });
    assert.equal(answer.status, 401); // the application's sign-in
    assert.ok(!answer.text.includes('"success"'));
    for (const target of ['/client/v3/accounts', '/client/', '/Client/v4/accounts'])
      assert.equal((await ask('127.0.0.1', kAuth, target)).status, 404, target);
    const unknown = await ask('127.0.0.1', kAuth, '/client/v4/nothing/here', {
      headers: authorization(),
    });
    assert.deepEqual([unknown.status, unknown.json.errors[0].code], [404, 7003]);
    const plain = await sendRaw(
      lab.gateway.port,
      kAuth,
      `GET /client/v4/accounts HTTP/1.1\r\nHost: ${kAuth}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(plain.text, /^HTTP\/1\.1 403/);
  });
  test('without a token: 403 in the envelope, code 10000', async () => {
    for (const headers of [{}, { authorization: 'Bearer gh_wrong' }]) {
      const answer = await ask('127.0.0.1', kAuth, '/client/v4/accounts', { headers });
      assert.deepEqual([answer.status, answer.json.errors[0].code], [403, 10000]);
    }
  });
  test('takes bodies of up to 4 MiB', async () => {
    const post = (bytes) =>
      ask('127.0.0.1', kAuth, `/client/v4/accounts/${api.account}/access/groups`, {
        headers: { ...authorization(), 'content-type': 'application/json' },
        body: `{"name": "${'x'.repeat(bytes - 12)}"}`,
      });
    const fits = await post(4 << 20);
    assert.equal(fits.status, 400);
    assert.equal(fits.json.success, false);
    const larger = await post((4 << 20) + 1);
    assert.equal(larger.status, 413);
    assert.match(larger.json.errors[0].message, /4 MiB/);
  });
  test('with the control plane gone: 503 in the envelope', async () => {
    await lab.gateway.kill9();
    const answer = await ask('127.0.0.1', kAuth, '/client/v4/accounts', {
      headers: authorization(),
    });
    assert.equal(answer.status, 503);
    assert.equal(answer.json.success, false);
    assert.ok(answer.headers['retry-after']);
    await lab.gateway.start();
    assert.equal((await api.request('GET', '/accounts')).status, 200);
  });
  test('settings count at once: other networks, none at all', async () => {
    const change = async (settings) => {
      lab.gateway.configuration.api = settings;
      lab.gateway.write();
      const { code, output } = await lab.gateway.apply();
      assert.equal(code, 0, output);
    };
    const statusFrom = async (address) =>
      (await ask(address, kAuth, '/client/v4/accounts', { headers: authorization() })).status;
    await change({ allow_from: ['127.0.8.0/24'] });
    await eventually(async () => (await statusFrom('127.0.8.9')) === 200, { what: '200' });
    await eventually(async () => (await statusFrom('127.0.7.9')) === 403, { what: '403' });
    await change({ enabled: false });
    await eventually(async () => (await statusFrom('127.0.0.1')) === 404, { what: '404' });
    await change({ allow_from: ['127.0.0.1', '127.0.7.0/24'], requests_per_5_minutes: 0 });
    await eventually(async () => (await statusFrom('127.0.0.1')) === 200, { what: '200' });
  });
  test('a host that nginx cannot serve is refused and changes nothing; another path is served', async () => {
    const kIngress = '/accounts/{account_id}/gatehouse/ingress';
    const before = await api.get(kIngress);
    const workers = lab.gateway.nginxWorkers();
    const refused = await api.request('PUT', kIngress, {
      json: [{ hostname: 'elsewhere.example', service: lab.origin.service }, ...before],
    });
    assert.ok(refused.status >= 400, refused.text);
    assert.match(refused.json.errors[0].message, /elsewhere\.example/);
    assert.deepEqual(await api.get(kIngress), before);
    assert.deepEqual(lab.gateway.nginxWorkers(), workers);

    const hello = { hostname: 'open.gateway.test', path: '^/hello$', service: 'http_status:418' };
    await api.put(kIngress, [hello, ...before]);
    await api.post('/accounts/{account_id}/access/apps', {
      type: 'self_hosted',
      name: 'Open',
      domain: 'open.gateway.test',
      policies: [{ name: 'Anyone', decision: 'bypass', include: [{ everyone: {} }] }],
    });
    await eventually(
      async () => (await ask('127.0.0.1', 'open.gateway.test', '/hello')).status === 418,
      { what: 'the new rule' },
    );
    const [open] = (await api.get('/accounts/{account_id}/access/apps')).filter(
      ({ name }) => name === 'Open',
    );
    await api.delete(`/accounts/{account_id}/access/apps/${open.id}`);
    await api.put(kIngress, before);
  });
  test('health and decisions tell of this node', async () => {
    const { json: health } = await api.request(
      'GET',
      '/accounts/{account_id}/gatehouse/health',
    );
    assert.equal(health.result.status, 'ok', JSON.stringify(health));
    await ask('127.0.0.1', 'open.gateway.test', '/'); // no application
    const decisions = await eventually(
      async () => {
        const found = await api.get('/accounts/{account_id}/gatehouse/decisions?limit=5');
        return found.length > 0 && found;
      },
      { what: 'a decision' },
    );
    assert.equal(decisions[0].host, 'open.gateway.test');
  });
});

describe('the administration socket', () => {
  const over = (method, target) =>
    new Promise((resolve, reject) => {
      const request = http.request({
        socketPath: path.join(lab.gateway.state, 'run', 'admin.sock'),
        method,
        path: target,
        headers: { host: 'gatehouse' },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }),
        );
      });
      request.end();
    });
  test('is the API of whoever owns the gateway, without a token', async () => {
    const answer = await over('GET', `/client/v4/accounts/${api.account}/access/apps`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(JSON.parse(answer.text).success, true);
  });
  test('can be opened by its owner only', () => {
    for (const [name, mode] of [
      ['admin.sock', 0o600],
      ['api.sock', 0o660],
      ['access.sock', 0o660],
    ])
      assert.equal(fs.statSync(path.join(lab.gateway.state, 'run', name)).mode & 0o777, mode, name);
  });
});

describe('a gateway that is not root', () => {
  test('serves the API, applies, exports, and backs up', async (t) => {
    if (process.getuid() !== 0) return t.skip('this suite is not root itself');
    const directory = path.join(lab.directory, 'plain');
    fs.mkdirSync(directory);
    const configuration = structuredClone(lab.gateway.configuration);
    const key = path.join(directory, 'server.key');
    fs.copyFileSync(pki().key, key);
    Object.assign(configuration, {
      listen: { address: '127.0.0.1', https_port: await freePort(), http_port: 0 },
      state_directory: path.join(directory, 'state'),
    });
    configuration.certificates[0].key_file = key;
    delete configuration.api;
    const file = path.join(directory, 'gatehouse.yaml');
    fs.writeFileSync(file, toYaml(configuration));
    // Where that user can run it: the clone may be in root's home.
    const installed = path.join(directory, 'bin', 'gatehouse');
    const module = path.join('modules', 'ngx_http_gatehouse_module.so');
    for (const name of ['bin', 'modules']) fs.mkdirSync(path.join(directory, name));
    fs.copyFileSync(program('gatehouse'), installed);
    fs.copyFileSync(
      path.join(path.dirname(program('gatehouse')), '..', module),
      path.join(directory, module),
    );
    for (const name of [directory, key, file]) fs.chownSync(name, 65534, 65534);
    const as = ['--reuid=65534', '--regid=65534', '--clear-groups', installed];
    const child = new Child('setpriv', ['--pdeathsig', 'TERM', ...as, 'serve', '--config', file], {
      name: 'gatehouse',
      cwd: '/',
    });
    try {
      await child.waitFor(/^ready/m, 20_000);
      const gateway = { state: configuration.state_directory };
      gateway.issuer = `https://${kAuth}:${configuration.listen.https_port}`;
      const mine = await connect(gateway);
      assert.equal((await mine.get('/accounts/{account_id}/access/apps')).length, 2);
      mine.close();
      // By its own user, and by root for it.
      for (const [command, args] of [
        ['setpriv', as],
        [program('gatehouse'), []],
      ]) {
        const run = (...more) => runProgram(command, [...args, ...more], { cwd: '/' });
        const exported = await run('export', '--state', gateway.state);
        assert.equal(exported.code, 0, exported.output);
        const target = path.join(directory, `backup-${args.length}`);
        const backup = await run('backup', target, '--config', file);
        assert.equal(backup.code, 0, backup.output);
        assert.equal(fs.statSync(target).mode & 0o777, 0o600);
        const restored = await run('restore', target, '--yes', '--config', file);
        assert.equal(restored.code, 0, restored.output);
        const applied = await run('apply', file, '--yes');
        assert.equal(applied.code, 0, applied.output);
      }
      assert.deepEqual(
        fs.readdirSync(path.join(gateway.state, 'run')).sort(),
        ['access.sock', 'admin.sock', 'api.sock', 'dashboard.sock'],
      );
    } finally {
      await child.end('SIGTERM', 15_000);
    }
  });
});
