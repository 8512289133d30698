// From an empty folder to a gateway that answers: `gatehouse init`, and the API tokens.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { TestGateway } from '../harness/gateway.mjs';
import { kAuth } from '../harness/lab.mjs';
import { pki } from '../harness/pki.mjs';
import { once } from '../harness/http.mjs';
import { program } from '../harness/build.mjs';
import { freePort, runProgram } from '../harness/process.mjs';

let directory;
let file;
let state;
let port;
let gateway;
before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-init-'));
  fs.chmodSync(directory, 0o711);
  file = path.join(directory, 'new', 'gatehouse.yaml');
  state = path.join(directory, 'state');
  port = await freePort();
});
after(async () => {
  await gateway?.stop();
  fs.rmSync(directory, { recursive: true });
});

const run = (...args) => runProgram(program('gatehouse'), args, { name: args[0] });
const asJson = async (...args) => {
  const { code, stdout, output } = await run(...args, '--output', 'json');
  assert.equal(code, 0, output);
  return JSON.parse(stdout);
};
const options = () => {
  const { certificate, key } = pki();
  return {
    '--auth-domain': kAuth,
    '--certificate': certificate,
    '--key': key,
    '--state-directory': state,
    '--listen': `127.0.0.1:${port}`,
    '--http-port': '0',
  };
};
const init = (changes = {}) => [
  'init',
  file,
  ...Object.entries({ ...options(), ...changes })
    .filter(([, value]) => value !== null)
    .flat(),
];
const everyByte = () =>
  fs
    .readdirSync(directory, { recursive: true })
    .map((name) => path.join(directory, name))
    .filter((at) => fs.statSync(at).isFile())
    .map((at) => fs.readFileSync(at, 'latin1'))
    .join('\n');

describe('gatehouse init', () => {
  for (const [name, changes, said] of [
    ['what is missing is named', { '--auth-domain': null, '--key': null }, /--auth-domain, --key/],
    ['a certificate that is not there', { '--certificate': '/nowhere' }, /--certificate: cannot/],
    ['a name that is none', { '--auth-domain': 'https://x' }, /organization\.auth_domain/],
    ['no port', { '--listen': 'localhost' }, /--listen/],
    ['a store that is none', { '--store': 'mysql://x' }, /store: must be/],
    ['a dashboard for nobody', { '--dashboard': 'dash.gateway.test' }, /it takes --administrator/],
    ['an administrator of nothing', { '--administrator': 'a@corp.example' }, /it takes --dashboard/],
    [
      'a dashboard on the auth domain',
      { '--dashboard': kAuth, '--administrator': 'a@corp.example' },
      /applications\[0\]\.domain: is the auth domain/,
    ],
    [
      'an administrator who has no address',
      { '--dashboard': 'dash.gateway.test', '--administrator': 'alice' },
      /must be an email address/,
    ],
  ])
    test(`${name}: nothing is made`, async () => {
      const { code, output } = await run(...init(changes));
      assert.equal(code, 2, output);
      assert.match(output, said);
      assert.deepEqual(fs.readdirSync(directory), []);
    });

  test('the dashboard and its administrators, when they are named', async () => {
    const other = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-init-'));
    const at = path.join(other, 'gatehouse.yaml');
    const [, , ...rest] = init({
      '--state-directory': path.join(other, 'state'),
      '--dashboard': 'admin.gateway.test',
      '--administrator': 'alice@corp.example',
    });
    const made = await asJson('init', at, ...rest, '--administrator', 'bob@corp.example');
    assert.equal(made.dashboard, `https://admin.gateway.test:${port}/`);
    const { code, output } = await run('check', at);
    assert.equal(code, 0, output);
    const text = fs.readFileSync(at, 'utf8');
    for (const part of ['type: dash_sso', 'dashboard_role: administrator', 'alice@corp.example', 'bob@corp.example', 'type: onetimepin']) // prettier-ignore
      assert.ok(text.includes(part), part);
    const { stdout } = await run('init', at);
    assert.match(stdout, /The dashboard will be at https:\/\/admin\.gateway\.test:\d+\/\n.*`smtp`/);
    fs.rmSync(other, { recursive: true });
  });

  let first;
  test('makes what is needed, and the token is shown', async () => {
    first = await asJson(...init());
    assert.equal(first.dashboard, null);
    assert.deepEqual(first.created, ['configuration_file', 'keys', 'token']);
    assert.match(first.account_id, /^[0-9a-f]{32}$/);
    assert.match(first.token.secret, /^gh_[0-9A-Za-z]{40}[0-9a-f]{8}$/);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    const { code, output } = await run('check', file);
    assert.equal(code, 0, output);
    assert.ok(!everyByte().includes(first.token.secret), 'only its hash is kept');
  });

  test('a second run changes nothing and says what is there', async () => {
    const before = fs.readFileSync(file, 'utf8');
    const again = await asJson(...init({ '--auth-domain': 'elsewhere.example.com' }));
    assert.deepEqual(again, { ...first, created: [], token: null });
    assert.equal(fs.readFileSync(file, 'utf8'), before);
    const { code, stdout } = await run('init', file);
    assert.equal(code, 0);
    assert.match(stdout, /token +there already; --new-token makes another one/);
  });

  test('the gateway starts with it, and has that token', async () => {
    gateway = new TestGateway({
      directory: path.dirname(file),
      configuration: {
        state_directory: state,
        listen: { https_port: port },
        organization: { auth_domain: kAuth },
      },
      write: false,
    });
    await gateway.start();
    const { status } = await once(gateway.url(kAuth));
    assert.ok(status < 500, String(status));
    const { tokens } = await asJson('tokens', '--state', state);
    assert.deepEqual(
      tokens.map(({ id, name, role, created_by }) => ({ id, name, role, created_by })),
      [
        {
          id: first.token.id,
          name: 'administrator',
          role: 'administrator',
          created_by: 'gatehouse init',
        },
      ],
    );
  });

  test('--new-token makes another one while the gateway runs', async () => {
    const { created, token } = await asJson('init', file, '--new-token');
    assert.deepEqual(created, ['token']);
    assert.notEqual(token.secret, first.token.secret);
    assert.equal((await asJson('tokens', '--state', state)).tokens.length, 2);
  });

  test('the API takes the tokens', async () => {
    const verify = (secret) =>
      once(gateway.url(kAuth, '/client/v4/user/tokens/verify'), {
        headers: { authorization: `Bearer ${secret}` },
      });
    assert.equal((await verify(first.token.secret)).status, 200);
    assert.equal((await verify(`${first.token.secret.slice(0, -1)}x`)).status, 403);
  });
});

describe('gatehouse tokens', () => {
  const tokens = (...args) => asJson('tokens', ...args, '--state', state);
  const named = async (name) => (await tokens('list')).tokens.find((one) => one.name === name);

  test('create shows it once, list never', async () => {
    const { token, secret } = await tokens(
      ...['create', '--name', 'desk', '--role', 'help_desk', '--lifetime', '24h'],
      ...['--scope', 'access/users', '--scope', 'gatehouse/sessions'],
    );
    assert.match(secret, /^gh_/);
    assert.deepEqual(token.scopes, ['access/users', 'gatehouse/sessions']);
    assert.equal(Date.parse(token.expires_at) - Date.parse(token.created_at), 86400_000);
    const listed = await named('desk');
    assert.deepEqual(listed, token);
    const { stdout } = await run('tokens', 'list', '--state', state);
    assert.match(stdout, /^ID +NAME +ROLE +SCOPES +MADE +EXPIRES +LAST USED$/m);
    assert.ok(stdout.includes('desk') && !stdout.includes('gh_'));
    assert.ok(!gateway.logs().includes(secret));
  });

  for (const [name, args, code, said] of [
    ['a name that is taken', ['create', '--name', 'desk'], 1, /has this `name`/],
    ['no name', ['create'], 2, /--name is required/],
    ['an unknown scope', ['create', '--name', 'x', '--scope', 'access'], 1, /`scopes`/],
    ['an unknown role', ['create', '--name', 'x', '--role', 'root'], 2, /--role/],
    ['a lifetime that is none', ['create', '--name', 'x', '--lifetime', '0s'], 1, /`lifetime`/],
    ['who is not there', ['revoke', '--name', 'nobody'], 1, /no such token/],
    ['an unknown action', ['rotate'], 2, /action/],
  ])
    test(`${name}: refused`, async () => {
      const result = await run('tokens', ...args, '--state', state);
      assert.equal(result.code, code, result.output);
      assert.match(result.output, said);
    });

  test('revoke takes the name or the id', async () => {
    await tokens('revoke', '--name', 'desk');
    assert.equal(await named('desk'), undefined);
    const { token } = await tokens('create', '--name', 'other');
    await tokens('revoke', '--name', token.id);
    assert.equal(await named('other'), undefined);
  });
});
