// The example of docs/guides/explain.md: its configuration, its command, its output.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { runProgram } from '../harness/process.mjs';
import { program, repository } from '../harness/build.mjs';

const text = fs.readFileSync(path.join(repository, 'docs/guides/explain.md'), 'utf8');
const block = (language) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text)[1];
let directory;
before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-explain-'));
  const state = path.join(directory, 'agent');
  const agent = program('gatehouse-agent');
  await runProgram(agent, ['init', '--state', state, '--origin', 'https://auth.example.com']);
  const { stdout } = await runProgram(agent, ['public-key', '--state', state]);
  fs.writeFileSync(path.join(directory, 'tanium.pem'), stdout);
  fs.writeFileSync(path.join(directory, 'gatehouse.yaml'), block('yaml'));
});
after(() => fs.rmSync(directory, { recursive: true }));

const explain = (args) =>
  runProgram(program('gatehouse'), ['explain', ...args], { cwd: directory });

test('the command of the guide says what the guide says', async () => {
  const words = block('sh').replaceAll('\\\n', ' ').trim().split(/\s+/);
  assert.deepEqual(words.slice(0, 2), ['gatehouse', 'explain']);
  const { code, stdout, output } = await explain(words.slice(2));
  assert.equal(code, 0, output);
  assert.equal(stdout, block('text'));
});

test('wrong arguments are named, with what exists', async () => {
  const wiki = ['--config', 'gatehouse.yaml', '--app', 'Wiki'];
  const alice = [...wiki, '--user', 'alice@example.com'];
  for (const [args, said] of [
    [['--config', 'gatehouse.yaml', '--app', 'Wik'], /--app: there is no application `Wik`.*Wiki/],
    [['--app', 'Wiki'], /--config and --state/],
    [[...wiki, '--state', '/nowhere'], /--config and --state/],
    [[...alice, '--login-method', 'SAML'], /--login-method: there is no `SAML`.*Code by mail/],
    [[...wiki, '--group', 'staff'], /--group: .*--user/],
    [[...wiki, '--purpose'], /--purpose: .*--user/],
    [[...alice, '--posture', 'Phone=managed'], /--posture: .*`Phone`.*Laptop.*Tanium/],
    [[...alice, '--posture', 'Laptop=managd'], /--posture: `managd` is not one of managed/],
    [[...alice, '--posture', 'Laptop=age=2'], /--posture: `age=2` must be a duration/],
    [[...alice, '--posture', 'Laptop=', '--posture', 'Tanium='], /--posture: .*same integration/],
    [[...alice, '--claim', 'role'], /--claim: `role` must be written `name=value`/],
    [[...alice, '--evaluation', 'maybe'], /--evaluation: `maybe` is not one of/],
    [[...wiki, '--ip', '192.0.2.300'], /--ip: `192.0.2.300` is not an address/],
    [[...wiki, '--country', 'Germany'], /--country: `Germany` must be two letters/],
    [[...wiki, '--service-token', 'Robot'], /--service-token: there is no `Robot`/],
    [[...wiki, '--certificate', 'laptop'], /--certificate: .*`wiki.example.com`/],
    [[...wiki, '--session', 'n'], /--session: .*--state/],
    [[...wiki, '--at', 'noon'], /--at: `noon` must be a time/],
  ]) {
    const { code, stdout, output } = await explain(args);
    assert.equal(code, 2, `${args}: ${output}`);
    assert.match(output, said);
    assert.equal(stdout, '');
  }
});

test('JSON has the decision, and the exit code is 0 also for a refusal', async () => {
  const ask = async (args) => {
    const { code, stdout, output } = await explain([
      ...['--config', 'gatehouse.yaml', '--output', 'json', '--app'],
      ...args,
    ]);
    assert.equal(code, 0, output);
    const { effect, reason, policy, policies } = JSON.parse(stdout);
    return { effect, reason, policy: policy?.name ?? null, asked: policies.map((p) => p.asked) };
  };
  const research = ['--user', 'alice@example.com', '--posture', 'Laptop=managed,checkin=1h'];
  assert.deepEqual(await ask(['Wiki', ...research]), {
    effect: 'allow',
    reason: 'none',
    policy: 'Research on laptops',
    asked: [true, true, false],
  });
  const later = ['--at', '2030-01-31T08:00:00Z'];
  assert.deepEqual(await ask(['wiki.example.com/a/b', ...research, ...later]), {
    effect: 'allow',
    reason: 'none',
    policy: 'Research on laptops',
    asked: [true, true, false],
  });
  assert.deepEqual(await ask(['Wiki', '--user', 'eve@contractor.example.com']), {
    effect: 'deny',
    reason: 'blocked_by_policy',
    policy: 'Contractors stay out',
    asked: [true, false, false],
  });
  const nobody = await ask(['Wiki']);
  assert.equal(nobody.effect, 'challenge');
  assert.equal(nobody.reason, 'not_signed_in');
  const bob = ['--user', 'bob@example.com', '--posture', 'Tanium=unmanaged'];
  const unmanaged = await ask(['Wiki', ...bob]);
  assert.equal(unmanaged.reason, 'posture_not_managed');
});
