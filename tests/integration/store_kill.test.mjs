// kill -9 of the control plane at random moments, while several clients write through the API: every
// write that was acknowledged is there afterwards, and nothing is there by half.
// GATEHOUSE_KILLS: how often on SQLite; a tenth of it on PostgreSQL.
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from '../harness/api.mjs';
import { policyBody } from '../harness/api_resources.mjs';
import { startLab, kOther } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { sleep } from '../harness/process.mjs';

const kKills = Number(process.env.GATEHOUSE_KILLS ?? 200);
const kAccess = '/accounts/{account_id}/access';
const kWriters = 4;
const kHost = 'admin.gateway.test';

for (const [store, kills] of [
  ['sqlite', kKills],
  ['postgres', Math.ceil(kKills / 10)],
])
  describe(`on ${store}`, () => {
    let lab;
    let api;
    before(async () => {
      lab = await startLab({
        store,
        idp: true,
        config(c) {
          c.api = { requests_per_5_minutes: 0 };
          c.nginx = { workers: 1 };
        },
      });
      api = await connect(lab.gateway);
    });
    after(async () => {
      api?.close();
      await lab?.stop();
    });

    // What one writer knows of its things: key -> the states it may be in, null being absent. One
    // state when the last write was answered, two when it was not.
    const known = new Map();
    const ids = new Map();
    let number = 0;

    // An application is there with all its policies, or not at all.
    const kinds = {
      application: {
        path: `${kAccess}/apps`,
        body: (key, version) => ({
          ...{ name: `${key} ${version}`, type: 'self_hosted', domain: `${kHost}/${key}` },
          policies: [1, 2, 3].map((n) => policyBody(`${key} ${version} ${n}`)),
        }),
        state: ({ name, policies }) => {
          assert.equal(policies.length, 3, name);
          policies.forEach((policy, i) => assert.equal(policy.name, `${name} ${i + 1}`));
          return Number(name.split(' ')[1]);
        },
      },
      group: {
        path: `${kAccess}/groups`,
        body: (key, version) => ({
          name: `${key} ${version}`,
          include: Array.from({ length: 5 }, (_, n) => ({
            email: { email: `${key}-${version}-${n}@corp.example` },
          })),
        }),
        state: ({ name, include }) => {
          const [key, version] = name.split(' ');
          include.forEach((rule, n) =>
            assert.equal(rule.email.email, `${key}-${version}-${n}@corp.example`),
          );
          return Number(version);
        },
      },
    };

    // Writes until the control plane is gone.
    async function write(writer, stop) {
      const mine = () => [...known.keys()].filter((key) => key.startsWith(`w${writer}-`));
      while (!stop.done) {
        const there = mine().filter((key) => ids.has(key) && known.get(key).length === 1);
        const choice = there.length === 0 ? 0 : Math.random();
        const key =
          choice < 0.4 ? `w${writer}-${++number}` : there[Math.floor(Math.random() * there.length)];
        const kind = kinds[key.split('-')[1] % 2 ? 'group' : 'application'];
        const [before = null] = known.get(key) ?? [];
        const next = choice < 0.8 ? (before ?? 0) + 1 : null;
        known.set(key, [before, next]);
        let answer;
        try {
          if (before === null)
            answer = await api.request('POST', kind.path, { json: kind.body(key, next) });
          else if (next === null)
            answer = await api.request('DELETE', `${kind.path}/${ids.get(key)}`);
          else
            answer = await api.request('PUT', `${kind.path}/${ids.get(key)}`, {
              json: kind.body(key, next),
            });
        } catch {
          return; // cut off: it may have happened
        }
        if (answer.status >= 500) return; // nginx: nobody is there any more
        assert.ok(answer.json.success, `${key}: ${answer.text}`);
        known.set(key, [next]);
        if (before === null) ids.set(key, answer.json.result.id);
        if (next === null) ids.delete(key);
      }
    }
    // Holds what is there against what is known.
    async function compare(round) {
      const found = new Map();
      for (const { path: target, state } of Object.values(kinds))
        for (const item of await api.get(target)) {
          const key = item.name.split(' ')[0];
          if (!known.has(key)) {
            assert.ok(!/^w\d/.test(key), `${key} is there, and nobody made it`);
            continue;
          }
          assert.ok(!found.has(key), `${key} is there twice`);
          found.set(key, state(item));
          ids.set(key, item.id);
        }
      for (const [key, states] of known) {
        const state = found.get(key) ?? null;
        assert.ok(
          states.includes(state),
          `round ${round}: ${key} is ${state}, not one of ${states}`,
        );
        if (state === null) {
          known.delete(key);
          ids.delete(key);
        } else {
          known.set(key, [state]);
        }
      }
    }

    test(`${kills} times`, async () => {
      const began = Date.now();
      for (let round = 0; round < kills; round++) {
        const stop = { done: false };
        const writers = Array.from({ length: kWriters }, (_, writer) => write(writer, stop));
        await sleep(Math.random() * 250);
        await lab.gateway.kill9();
        stop.done = true;
        await Promise.all(writers);
        await lab.gateway.start();
        await compare(round);
        // What has piled up is taken away, so that a round costs the same.
        if (known.size > 60)
          for (const key of [...known.keys()].slice(0, 40)) {
            const kind = kinds[key.split('-')[1] % 2 ? 'group' : 'application'];
            await api.delete(`${kind.path}/${ids.get(key)}`);
            known.delete(key);
            ids.delete(key);
          }
      }
      const each = (Date.now() - began) / kills;
      console.log(`${store}: ${kills} kills, ${number} things made, ${each.toFixed(0)} ms a round`);
      assert.ok(number > kills / 2, 'hardly anything was written');
    });
    test('the store is whole, and the gateway works', async () => {
      await lab.gateway.restart();
      await compare('the end');
      await mustSignIn(lab, lab.browser(), kOther, byProvider('alice'));
      if (store !== 'sqlite') return;
      const database = new DatabaseSync(lab.gateway.storeFile(), { readOnly: true });
      const [{ integrity_check: said }] = database.prepare('PRAGMA integrity_check').all();
      assert.equal(said, 'ok');
      database.close();
    });
  });
