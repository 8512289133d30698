// `gatehouse export`: what is in force, as a file that says exactly that.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  application,
  domain,
  email,
  everyone,
  group,
  ip,
  loginMethod,
  newServiceToken,
  policy,
  serviceToken,
  kProvider,
} from '../harness/lab.mjs';
import { runProgram } from '../harness/process.mjs';
import { program } from '../harness/build.mjs';
import { connect } from '../harness/api.mjs';
import { toYaml } from '../harness/yaml.mjs';

let lab;
let other; // a fresh gateway
let api;
const page = '<!doctype html>\n<title>No</title>\n\n  <p>"Ask" the desk: # 1\n';
before(async () => {
  lab = await startLab({
    idp: true,
    smtp: true,
    agent: true,
    config(c) {
      c.device_posture_integrations.push({
        name: 'Inventory',
        type: 'kolide',
        interval: '10m',
        config: { client_id: 'c', client_secret: 'kept-in-the-store' },
      });
      c.groups.push({ name: 'Staff: all', include: [domain('corp.example')], exclude: [] });
      c.lists = [{ name: 'Offices', type: 'IP', items: ['192.0.2.0/24'] }];
      c.service_tokens.push(newServiceToken('Job #1').entry);
      c.custom_pages = [{ name: 'yes', type: 'forbidden', custom_html: page }];
      c.policies = [
        policy('allow', 'Shared', {
          include: [group('Staff: all'), email('a@corp.example'), ip('198.51.100.0/24')],
          require: [loginMethod(kProvider)],
        }),
      ];
      c.applications.push(
        application('1e3', 'open.gateway.test', [
          'Shared',
          policy('non_identity', 'Programs', { include: [serviceToken('Job #1')] }),
        ]),
      );
    },
  });
  other = await startLab();
  api = await connect(lab.gateway);
});
after(async () => {
  api?.close();
  await other?.stop();
  await lab?.stop();
});

const gatehouse = (...args) => runProgram(program('gatehouse'), args, { name: args[0] });
const exported = async (of, ...args) => {
  const { code, stdout, output } = await of.gateway.command('export', ...args);
  assert.equal(code, 0, output);
  return stdout;
};
const written = (name, text) => {
  const file = path.join(lab.directory, name);
  fs.writeFileSync(file, text);
  return file;
};
const planOf = async (of, file) => {
  const { stdout, output } = await gatehouse(
    ...['apply', file, '--state', of.gateway.state, '--output', 'json'],
  );
  try {
    return JSON.parse(stdout).changes;
  } catch {
    throw new Error(output);
  }
};

describe('an export', () => {
  test('is accepted by check, plans nothing, and is the same text each time', async () => {
    const text = await exported(lab);
    assert.equal(await exported(lab), text);
    const file = written('export.yaml', text);
    const checked = await lab.gateway.check(file);
    assert.equal(checked.code, 0, checked.output);
    assert.deepEqual(await planOf(lab, file), []);
  });
  test('is readable: comments, sections in order, long texts as blocks, no needless quotes', async () => {
    const text = await exported(lab);
    assert.match(text, /^# .+\n.*\n.*\n\n# .+\norganization:\n {2}/);
    const sections = [...text.matchAll(/^([a-z_]+):/gm)].map(([, name]) => name);
    assert.deepEqual(sections.slice(0, 2), ['organization', 'identity_providers']);
    assert.equal(sections.at(-1), 'ingress');
    assert.match(text, /custom_html: \|-?\n {6}<!doctype html>\n/);
    assert.match(text, /name: App$/m);
    assert.match(text, /name: "yes"$/m);
    assert.match(text, /name: "1e3"$/m);
    assert.ok(!/^(listen|certificates|state_directory|store):/m.test(text));
  });
  test('has secrets only when it is told to, in a file for its owner alone', async () => {
    const secret = lab.idp.entry(kProvider).config.client_secret;
    assert.ok(secret);
    assert.ok(!(await exported(lab)).includes(secret));
    const file = path.join(lab.directory, 'with-secrets.yaml');
    await exported(lab, '--with-secrets', '--output-file', file);
    assert.ok(fs.readFileSync(file, 'utf8').includes(secret));
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(await planOf(lab, file), []);
  });
  test('what was changed through the API is in it; the file takes it over', async () => {
    await api.post('/accounts/{account_id}/access/groups', {
      name: 'By API',
      include: [everyone()],
    });
    const file = written('taken.yaml', await exported(lab));
    const plan = await planOf(lab, file);
    assert.deepEqual(
      plan.map(({ what, name }) => [what, name]),
      [['take_over', 'By API']],
    );
    const { code, output } = await gatehouse('apply', file, '--yes', '--state', lab.gateway.state);
    assert.equal(code, 0, output);
    assert.deepEqual(await planOf(lab, file), []);
    assert.equal(await exported(lab), fs.readFileSync(file, 'utf8'));
  });
  test('of one gateway makes another the same', async () => {
    const without = written('without.yaml', await exported(lab));
    const refused = await gatehouse('apply', without, '--yes', '--state', other.gateway.state);
    assert.equal(refused.code, 2, refused.output);
    assert.match(refused.output, /device_posture_integrations\[1\]\.config\.client_secret/);

    const file = written('with.yaml', await exported(lab, '--with-secrets'));
    const { code, output } = await gatehouse(
      ...['apply', file, '--yes', '--state', other.gateway.state],
    );
    assert.equal(code, 0, output);
    assert.equal(await exported(other, '--with-secrets'), fs.readFileSync(file, 'utf8'));
    assert.equal(await exported(other), await exported(lab));
    // Its own file without resources: those of the store are in force.
    const settings = ['listen', 'certificates', 'state_directory', 'outbound_ca_file', 'nginx'];
    other.gateway.write(
      toYaml(
        Object.fromEntries(
          Object.entries(other.gateway.configuration).filter(([key]) => settings.includes(key)),
        ),
      ),
    );
    assert.match((await other.gateway.check()).stdout, /ok \(settings only\)/);
    await other.gateway.restart();
    assert.equal(await exported(other), await exported(lab));
  });
  test('without a gateway: says so', async () => {
    const { code, output } = await gatehouse('export', '--state', '/nowhere');
    assert.equal(code, 1);
    assert.match(output, /no gateway answers/);
  });
});
