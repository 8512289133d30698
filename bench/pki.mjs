// An authority for a measurement that starts a whole gateway. Node reads its authorities at its start, so the
// program runs again with this one; what follows the import runs only there.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';

if (!process.env.GATEHOUSE_TEST_PKI) {
  const { makePki } = await import('../tests/harness/pki.mjs');
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-measured-'));
  fs.chmodSync(directory, 0o711);
  const pki = makePki(path.join(directory, 'pki'));
  const { status } = spawnSync(process.execPath, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, GATEHOUSE_TEST_PKI: pki.directory, NODE_EXTRA_CA_CERTS: pki.ca },
  });
  fs.rmSync(directory, { recursive: true, force: true });
  process.exit(status ?? 1);
}
