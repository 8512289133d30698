// The suites' own certificate authority and the certificate of every host name they use.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

export const kHosts = [
  'auth',
  'app',
  'other',
  'admin',
  'open',
  'brief',
  'machine',
  'paths',
  'old',
].map((label) => `${label}.gateway.test`);

const describe = (directory) => ({
  directory,
  ca: path.join(directory, 'ca.crt'),
  certificate: path.join(directory, 'server.crt'),
  key: path.join(directory, 'server.key'),
  home: path.join(directory, 'home'), // a HOME whose Chromium trusts the authority
});

export function makePki(directory) {
  fs.mkdirSync(directory, { recursive: true });
  execFileSync(
    path.join(import.meta.dirname, '../browser/mkca.sh'),
    [directory, ...kHosts, 'localhost'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return describe(directory);
}

let made = null;
// The run's authority, or one of this process when a suite is started by hand.
export function pki() {
  if (made) return made;
  if (process.env.GATEHOUSE_TEST_PKI) return (made = describe(process.env.GATEHOUSE_TEST_PKI));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-pki-'));
  process.on('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
  return (made = makePki(directory));
}
