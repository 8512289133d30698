// `gatehouse apply`: shows what a file changes, asks, and changes all of it or nothing; and what a
// file does to what administrators have made otherwise.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, application, email, everyone, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { runProgram } from '../harness/process.mjs';
import { program } from '../harness/build.mjs';
import { connect } from '../harness/api.mjs';
import { once } from '../harness/http.mjs';
import { toYaml } from '../harness/yaml.mjs';

let lab;
let api;
before(async () => {
  lab = await startLab({ idp: true });
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await lab?.stop();
});

const gatehouse = (...args) => runProgram(program('gatehouse'), args, { name: args[0] });
const unasked = (...more) => gatehouse('apply', lab.gateway.file, ...more);
const sequence = async () =>
  JSON.parse((await lab.gateway.command('status', '--output', 'json')).stdout).sequence;
const exported = async (...args) => (await lab.gateway.command('export', ...args)).stdout;
// Writes the changed file; the change is taken back in the configuration that the others start from.
function edited(edit) {
  const kept = structuredClone(lab.gateway.configuration);
  edit(lab.gateway.configuration);
  lab.gateway.write();
  lab.gateway.configuration = kept;
}
// The file as it was, in force again.
async function back() {
  lab.gateway.write();
  const result = await lab.gateway.apply();
  assert.equal(result.code, 0, result.output);
}
const status = async (host) =>
  (await once(lab.gateway.url(host), { headers: { accept: 'application/json' } })).status;

describe('the plan', () => {
  test('says what is added, changed and removed, and what is not confirmed changes nothing', async () => {
    const before = await sequence();
    edited((c) => {
      c.applications.push(
        application('Open', 'open.gateway.test', [
          policy('bypass', 'Anyone', { include: [everyone()] }),
        ]),
      );
      c.applications[0].session_duration = '2h';
      c.applications[0].policies[0].include = [email('nobody@corp.example')];
      c.applications.splice(1, 1);
      c.decision_log = { files: 3 };
      c.log_level = 'warn';
    });
    const { code, stdout, output } = await unasked();
    assert.equal(code, 3, output);
    assert.match(stdout, /^ {2}\+ application `Open`$/m);
    assert.match(stdout, /^ {2}~ application `App`: (?=.*session_duration)(?=.*policies)/m);
    assert.match(stdout, /^ {2}- application `Other`$/m);
    assert.match(stdout, /^ {2}~ settings: decision_log$/m);
    assert.match(stdout, /^1 to add, 1 to change, 1 to remove$/m);
    assert.match(output, /--yes/);
    assert.equal(await sequence(), before);
    assert.equal(await status('other.gateway.test'), 401);

    const json = await unasked('--output', 'json');
    assert.equal(json.code, 3);
    const plan = JSON.parse(json.stdout);
    assert.equal(plan.applied, false);
    assert.deepEqual(
      plan.changes.map(({ what, kind, name }) => [what, kind, name]).sort(),
      [
        ['add', 'application', 'Open'],
        ['change', 'application', 'App'],
        ['remove', 'application', 'Other'],
      ],
    );
    assert.deepEqual(plan.settings, ['decision_log']);
    assert.deepEqual(plan.at_next_start, ['log_level']);
    assert.equal(await sequence(), before);

    const done = await unasked('--yes', '--output', 'json');
    assert.equal(done.code, 0, done.output);
    const said = JSON.parse(done.stdout);
    assert.deepEqual(
      [said.applied, said.changed, said.nginx_reloaded, said.at_next_start],
      [true, true, false, ['log_level']],
    );
    assert.equal(await status('open.gateway.test'), 200);
    assert.equal(await status('other.gateway.test'), 403);
    await back();
    assert.equal(await status('open.gateway.test'), 403);
    assert.equal(await status('other.gateway.test'), 401);
  });
  test('of what is in force is empty: nothing is asked', async () => {
    const { code, stdout } = await unasked();
    assert.equal(code, 0);
    assert.match(stdout, /Nothing to change/);
  });

  // With a terminal, which `script` makes.
  const atTerminal = (answer) =>
    new Promise((resolve) => {
      const child = spawn('script', [
        '-qec',
        `${program('gatehouse')} apply ${lab.gateway.file}`,
        '/dev/null',
      ]);
      let output = '';
      let answered = false;
      child.stdout.on('data', (text) => {
        output += text;
        if (answered || !output.includes('[y/N]')) return;
        answered = true;
        child.stdin.write(`${answer}\n`);
      });
      child.on('close', (code) => resolve({ code, output }));
    });
  test('at a terminal it asks; anything but yes changes nothing', async () => {
    const before = await sequence();
    edited((c) => {
      c.applications[0].session_duration = '3h';
    });
    for (const answer of ['n', '', 'what']) {
      const { code, output } = await atTerminal(answer);
      assert.equal(code, 3, output);
      assert.match(output, /~ application `App`: session_duration/);
    }
    assert.equal(await sequence(), before);
    const { code, output } = await atTerminal('y');
    assert.equal(code, 0, output);
    assert.equal(await sequence(), before + 1);
    await back();
  });
});

describe('what the gateway cannot do', () => {
  test('a host without a certificate: refused whole', async () => {
    const before = await exported();
    edited((c) => {
      c.applications[0].session_duration = '4h';
      c.applications.push(
        application('Elsewhere', 'elsewhere.example', [
          policy('bypass', 'Anyone', { include: [everyone()] }),
        ]),
      );
      c.ingress.push({ hostname: 'elsewhere.example', service: lab.origin.service });
    });
    const { code, output } = await unasked('--yes');
    assert.notEqual(code, 0);
    assert.match(output, /elsewhere\.example/);
    assert.equal(await exported(), before);
    lab.gateway.write();
  });
  test('a certificate that is not there: neither settings nor policies change', async () => {
    const before = await exported();
    edited((c) => {
      c.applications[0].session_duration = '4h';
      c.certificates[0].certificate_file = '/nowhere/server.crt';
    });
    const { code, output } = await unasked('--yes');
    assert.notEqual(code, 0);
    assert.match(output, /\/nowhere\/server\.crt/);
    assert.equal(await exported(), before);
    assert.equal(await status(kApp), 401);
    await back();
  });
});

describe('resources without settings', () => {
  test('leave the settings of the node alone', async () => {
    const resources = structuredClone(lab.gateway.configuration);
    for (const key of ['listen', 'certificates', 'state_directory', 'outbound_ca_file', 'nginx'])
      delete resources[key];
    resources.applications[0].session_duration = '5h';
    const file = path.join(lab.directory, 'resources.yaml');
    fs.writeFileSync(file, toYaml(resources));
    assert.equal((await lab.gateway.check(file)).code, 0);
    const { code, stdout, output } = await gatehouse(
      ...['apply', file, '--yes', '--state', lab.gateway.state],
    );
    assert.equal(code, 0, output);
    assert.ok(!/settings/.test(stdout), stdout);
    assert.equal(await status(kApp), 401);
    await back();
  });
});

describe('what was made through the API', () => {
  const kPath = '/accounts/{account_id}/access/apps';
  const make = () =>
    api.post(kPath, {
      type: 'self_hosted',
      name: 'By API',
      domain: 'open.gateway.test',
      policies: [{ name: 'Anyone', decision: 'bypass', include: [everyone()], precedence: 1 }],
    });
  test('stays when a file is applied that does not have it; --prune removes it', async () => {
    const { id } = await make();
    assert.equal(await status('open.gateway.test'), 200);
    edited((c) => {
      c.applications[0].session_duration = '6h';
    });
    assert.equal((await lab.gateway.apply()).code, 0);
    assert.equal(await status('open.gateway.test'), 200);
    const plan = await unasked('--prune');
    assert.equal(plan.code, 3);
    assert.match(plan.stdout, /^ {2}- application `By API`$/m);
    assert.equal(await status('open.gateway.test'), 200);
    const done = await lab.gateway.apply(lab.gateway.file, '--prune');
    assert.equal(done.code, 0, done.output);
    assert.equal(await status('open.gateway.test'), 403);
    assert.equal((await api.request('GET', `${kPath}/${id}`)).status, 404);
    await back();
  });
  test('survives SIGHUP and restart with the file that was applied before, as do changes', async () => {
    const { id } = await make();
    const [app] = (await api.get(kPath)).filter(({ name }) => name === 'App');
    await api.put(`${kPath}/${app.id}`, { ...app, session_duration: '7h' });
    const before = await exported();
    lab.gateway.hangUp();
    await lab.gateway.logged(/configuration unchanged/);
    assert.equal(await exported(), before);
    await lab.gateway.restart();
    assert.equal(await exported(), before);
    assert.equal(await status('open.gateway.test'), 200);
    assert.equal((await api.get(`${kPath}/${app.id}`)).session_duration, '7h');

    // A file that has changed counts again, for what is the file's.
    edited((c) => {
      c.applications[0].session_duration = '8h';
    });
    await lab.gateway.restart();
    assert.equal((await api.get(`${kPath}/${app.id}`)).session_duration, '8h');
    assert.equal(await status('open.gateway.test'), 200);
    await api.delete(`${kPath}/${id}`);
    await back();
  });
  test('a plan that was shown is not applied to something else', async () => {
    edited((c) => {
      c.applications[0].session_duration = '9h';
    });
    const { plan } = JSON.parse((await unasked('--output', 'json')).stdout);
    const { id } = await make();
    edited((c) => {
      c.applications[0].session_duration = '10h';
    });
    const answer = await new Promise((resolve, reject) => {
      import('node:http').then(({ request }) => {
        const asking = request({
          socketPath: path.join(lab.gateway.state, 'run', 'admin.sock'),
          method: 'POST',
          path: '/apply',
          headers: { host: 'gatehouse', 'content-type': 'application/json' },
        });
        asking.on('error', reject);
        asking.on('response', (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asking.end(JSON.stringify({ path: lab.gateway.file, plan }));
      });
    });
    assert.equal(answer, 409);
    await api.delete(`${kPath}/${id}`);
    await back();
  });
});

describe('secrets', () => {
  test('that a file leaves out are kept', async () => {
    const file = path.join(lab.directory, 'exported.yaml');
    assert.equal((await lab.gateway.command('export', '--output-file', file)).code, 0);
    const before = await exported('--with-secrets');
    assert.match(before, /client_secret:/);
    assert.ok(!/client_secret:/.test(fs.readFileSync(file, 'utf8')));
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replace('session_duration: 24h', 'session_duration: 23h'),
    );
    const { code, output } = await gatehouse(
      ...['apply', file, '--yes', '--state', lab.gateway.state],
    );
    assert.equal(code, 0, output);
    assert.equal(
      await exported('--with-secrets'),
      before.replace('session_duration: 24h', 'session_duration: 23h'),
    );
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    await back();
  });
});
