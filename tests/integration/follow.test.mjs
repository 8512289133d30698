// The connection to a database: what is said when it is lost, and what goes on meanwhile.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { sleep } from '../harness/process.mjs';

let lab;
before(async () => {
  lab = await startLab({ idp: true, store: 'postgres' });
});
after(() => lab?.stop());

test('a database that is away is logged once, and once when it is back', async () => {
  const browser = lab.browser({ keepAlive: true });
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  const count = (pattern) => [...lab.gateway.logs().matchAll(pattern)].length;
  for (const round of [1, 2]) {
    await lab.postgres.down();
    await lab.gateway.logged(new RegExp(`(store_unreachable[\\s\\S]*){${round}}`));
    // More than one attempt later.
    await sleep(2500);
    assert.equal(count(/store_unreachable/g), round);
    assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 200);
    await lab.postgres.up();
    await lab.gateway.logged(new RegExp(`(store_reachable[\\s\\S]*){${round}}`));
    assert.equal(count(/store_reachable/g), round);
  }
  assert.ok(!lab.gateway.logs().includes(lab.postgres.password));
  await mustSignIn(lab, lab.browser(), kApp, byProvider('carol'));
});
