// A second client that was not written for us: Debian's python3-cloudflare, with another base URL.
import path from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { ApiFront, connect } from '../harness/api.mjs';
import { startLab } from '../harness/lab.mjs';
import { runProgram } from '../harness/process.mjs';

let lab;
let front;
let api;
before(async () => {
  lab = await startLab({ idp: true });
  api = await connect(lab.gateway);
  front = await ApiFront.start(lab.gateway);
});
after(async () => {
  api?.close();
  await front?.stop();
  await lab?.stop();
});

test('python3-cloudflare makes, reads, lists, changes and removes one of each kind', async () => {
  // Debian's own Python: the package is for no other.
  const { code, stdout, output } = await runProgram(
    '/usr/bin/python3',
    [path.join(import.meta.dirname, 'cloudflare_client.py'), `${front.url}/client/v4`, api.token],
    { ms: 120_000, cwd: '/', env: { PYTHONDONTWRITEBYTECODE: '1' } },
  );
  assert.equal(code, 0, output);
  assert.match(stdout, /^the rest$/m, output);
  assert.deepEqual(front.violations, []);
});
