// `gatehouse backup` and `gatehouse restore`, while requests run and without a gateway, on both
// stores.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kOther, everyone } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { runProgram } from '../harness/process.mjs';
import { program } from '../harness/build.mjs';
import { connect } from '../harness/api.mjs';
import { TestGateway } from '../harness/gateway.mjs';
import { TestPostgres } from '../harness/postgres.mjs';
import { auditOf } from '../harness/audit.mjs';
import { once } from '../harness/http.mjs';

const gatehouse = (...args) => runProgram(program('gatehouse'), args, { name: args[0] });
const working = async (...args) => {
  const result = await gatehouse(...args);
  assert.equal(result.code, 0, result.output);
  return result;
};
const exported = async (gateway) => (await gateway.command('export', '--with-secrets')).stdout;
const headOf = (file) => JSON.parse(fs.readFileSync(file, 'utf8').split('\n')[0]);

for (const store of ['sqlite', 'postgres']) {
  describe(`on ${store}`, () => {
    let lab;
    let browser;
    let file;
    before(async () => {
      lab = await startLab({ idp: true, store });
      browser = lab.browser({ keepAlive: true });
      await mustSignIn(lab, browser, kApp, byProvider('alice'));
      file = path.join(lab.directory, 'backup');
    });
    after(() => lab?.stop());
    const status = async (who = browser, host = kApp) =>
      (await who.fetch(lab.gateway.url(host))).status;
    const backup = (...more) => working('backup', file, '--state', lab.gateway.state, ...more);
    const restore = (...more) =>
      gatehouse('restore', file, '--state', lab.gateway.state, ...more);

    test('what was then is in force again, while requests run', async () => {
      const then = await exported(lab.gateway);
      const api = await connect(lab.gateway);
      const seen = new Set();
      let going = true;
      const asking = (async () => {
        while (going) seen.add(await status());
      })();
      const { stdout } = await backup();
      assert.match(stdout, /without the master key/);
      assert.equal(fs.statSync(file).mode & 0o777, 0o600);
      assert.equal(headOf(file).master_key, undefined);
      going = false;
      await asking;
      assert.deepEqual([...seen], [200]);

      // Much changes: policies, a session ends, another begins, keys.
      await api.post('/accounts/{account_id}/access/apps', {
        type: 'self_hosted',
        name: 'Later',
        domain: 'open.gateway.test',
        policies: [{ name: 'Anyone', decision: 'bypass', include: [everyone()] }],
      });
      await working('keys', 'rotate', '--state', lab.gateway.state);
      await working('revoke', '--user', 'alice@corp.example', '--state', lab.gateway.state);
      const later = lab.browser();
      await mustSignIn(lab, later, kOther, byProvider('carol'));
      assert.deepEqual(
        [await status(), await status(later, kOther), await status(later, 'open.gateway.test')],
        [401, 200, 200],
      );

      const unasked = await restore();
      assert.equal(unasked.code, 3, unasked.output);
      assert.equal(await status(), 401);
      const done = await restore('--yes', '--output', 'json');
      assert.equal(done.code, 0, done.output);
      assert.deepEqual(JSON.parse(done.stdout), { restored: true, in_force: true });
      // The very next request: sessions, policies and keys are those of then.
      assert.deepEqual(
        [await status(), await status(later, kOther), await status(later, 'open.gateway.test')],
        [200, 401, 403],
      );
      assert.equal(await exported(lab.gateway), then);
      assert.equal((await api.request('GET', '/accounts')).status, 200);
      api.close();
      const fresh = lab.browser();
      await mustSignIn(lab, fresh, kOther, byProvider('alice'));
      await lab.gateway.restart();
      assert.equal(await status(), 200);
      assert.equal(await exported(lab.gateway), then);
      if (store === 'sqlite') {
        assert.equal(auditOf(lab.gateway, 'store_restored').length, 1);
        assert.equal(auditOf(lab.gateway, 'backup_made').length, 0); // was written after it
      }
      assert.deepEqual(
        fs.readdirSync(path.join(lab.gateway.state, 'run')).filter((name) => !/sock$/.test(name)),
        [],
      );
    });

    test('a damaged or cut one, or something else, changes nothing', async () => {
      await backup();
      const then = await exported(lab.gateway);
      const text = fs.readFileSync(file, 'utf8');
      const lines = text.split('\n');
      for (const [name, damaged, said] of [
        ['cut', lines.slice(0, -3).join('\n'), /./],
        ['half a line', text.slice(0, text.length - 40), /./],
        ['a changed row', text.replace('"organization"', '"organisation'), /line \d+/],
        ['empty', '', /is not a backup/],
        ['something else', '{"a": 1}\n', /is not a backup/],
        ['a later format', text.replace('"gatehouse_backup":1', '"gatehouse_backup":2'), /format 2/],
        [
          'a later store',
          text.replace(/"gatehouse_store":\d+/, '"gatehouse_store":9999'),
          /9999/,
        ],
      ]) {
        fs.writeFileSync(file, damaged);
        const { code, output } = await restore('--yes');
        assert.equal(code, 1, `${name}: ${output}`);
        assert.match(output, said, name);
        assert.equal(await status(), 200, name);
        assert.equal(await exported(lab.gateway), then, name);
      }
      const absent = await gatehouse('restore', '/nowhere/backup', '--yes');
      assert.equal(absent.code, 1);
      assert.match(absent.output, /\/nowhere\/backup/);
    });

    test('of a gateway with another master key: refused, with what to do', async () => {
      await backup('--with-master-key');
      assert.match(headOf(file).master_key, /^[A-Za-z0-9+/=]+$/);
      const other = await startLab({ store });
      try {
        const then = await exported(other.gateway);
        const { code, output } = await gatehouse(
          ...['restore', file, '--yes', '--state', other.gateway.state],
        );
        assert.equal(code, 1);
        assert.match(output, /another master key/);
        assert.match(output, /--config/);
        assert.equal(await exported(other.gateway), then);
      } finally {
        await other.stop();
      }
    });

    test('moves to another machine: key and store together', async () => {
      await backup('--with-master-key');
      const then = await exported(lab.gateway);
      await lab.gateway.stop();
      // On the same ports, so that the browser finds its session again.
      const configuration = structuredClone(lab.gateway.configuration);
      const directory = path.join(lab.directory, 'moved');
      fs.mkdirSync(directory);
      configuration.state_directory = path.join(directory, 'state');
      // To the other engine at that.
      const postgres = store === 'sqlite' ? await TestPostgres.start() : null;
      if (postgres) configuration.store = await postgres.database();
      else delete configuration.store;
      const moved = new TestGateway({ directory, configuration });
      try {
        const done = await working('restore', file, '--yes', '--config', moved.file);
        assert.match(done.stdout, /when the gateway starts/);
        await moved.start();
        assert.equal(await exported(moved), then);
        assert.equal(await status(), 200);
        await moved.stop();
        // At rest as well; and the same again.
        const again = path.join(directory, 'again');
        await working('backup', again, '--config', moved.file);
        await working('restore', again, '--yes', '--config', moved.file);
        await moved.start();
        assert.equal(await exported(moved), then);
        assert.equal(await status(), 200);
        // A key that a restore replaces is kept beside the new one.
        await moved.stop();
        const keys = path.join(configuration.state_directory, 'keys');
        const before = fs.readFileSync(path.join(keys, 'master.key'));
        await moved.start();
        await working('keys', 'rotate-master', '--state', moved.state);
        await moved.stop();
        await working('restore', file, '--yes', '--config', moved.file);
        assert.ok(fs.readFileSync(path.join(keys, 'master.key')).equals(before));
        assert.equal(fs.readdirSync(keys).length, 2);
        await moved.start();
        assert.equal(await status(), 200);
        // Without the key in it, it is refused as long as the key is another one.
        await working('keys', 'rotate-master', '--state', moved.state);
        await moved.stop();
        const refused = await gatehouse('restore', again, '--yes', '--config', moved.file);
        assert.equal(refused.code, 1, refused.output);
        assert.match(refused.output, /--with-master-key/);
        await moved.start();
        assert.equal(await exported(moved), then);
      } finally {
        await moved.stop();
        await postgres?.stop();
        await lab.gateway.start();
      }
    });

    test('without a gateway and without --config: says so', async () => {
      for (const args of [['backup', file], ['restore', file, '--yes']]) {
        const { code, output } = await gatehouse(...args, '--state', '/nowhere');
        assert.equal(code, 1);
        assert.match(output, /--config/);
      }
      assert.equal((await once(lab.gateway.url(kApp))).status, 401);
    });
  });
}
