// Runs the suites: tests/run SUITE... [--build DIR] [--filter REGEX]. See README.md.
// Exit code: 0 all passed, 1 something failed, 2 wrong usage.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { makePki } from './harness/pki.mjs';
import { findBuild } from './harness/build.mjs';

const kSuites = ['harness', 'docs', 'integration', 'conformance', 'browser'];
const here = import.meta.dirname;

function usage(message) {
  console.error(`${message}\nusage: tests/run ${kSuites.join('|')}|all... [--build DIR] [--filter REGEX]
  --build DIR     the build to test; default $GATEHOUSE_BUILD, build/asan, build/release
  --filter REGEX  only files whose name, or else only tests whose name, matches REGEX`);
  process.exit(2);
}

let parsed;
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: {
      build: { type: 'string' },
      filter: { type: 'string' },
    },
  });
} catch (error) {
  usage(error.message);
}
const { values: options, positionals } = parsed;
const wanted = positionals.length === 0 || positionals.includes('all') ? kSuites : positionals;
for (const suite of wanted) if (!kSuites.includes(suite)) usage(`no suite \`${suite}\``);

let files = wanted.flatMap((suite) =>
  fs
    .readdirSync(path.join(here, suite))
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => path.join(here, suite, name)),
);
let pattern;
if (options.filter) {
  const names = new RegExp(options.filter, 'i');
  const matching = files.filter((file) => names.test(path.basename(file)));
  if (matching.length > 0) files = matching;
  else pattern = names;
}
if (options.build) process.env.GATEHOUSE_BUILD = path.resolve(options.build);
if (wanted.some((suite) => suite !== 'harness')) {
  const build = findBuild();
  if (!build) usage('no build: neither build/asan nor build/release holds bin/gatehouse');
  process.env.GATEHOUSE_BUILD = build;
  console.log(`build: ${build}`);
}

// One authority for the run: the suites' processes must trust it from their start.
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-run-'));
fs.chmodSync(directory, 0o711);
const pki = makePki(path.join(directory, 'pki'));
process.env.GATEHOUSE_TEST_PKI = pki.directory;
process.env.NODE_EXTRA_CA_CERTS = pki.ca;

const started = process.hrtime.bigint();
const stream = run({
  files,
  concurrency: Number(process.env.GATEHOUSE_TEST_JOBS ?? Math.max(2, os.availableParallelism())),
  timeout: 600_000,
  ...(pattern ? { testNamePatterns: [pattern] } : {}),
  execArgv: ['--no-warnings', '--import', path.join(here, 'harness', 'names.mjs')],
});
const count = { passed: 0, failed: 0, skipped: 0 };
const failed = [];
stream.on('test:pass', ({ details, skip }) => {
  if (details.type === 'suite') return;
  if (skip === undefined) count.passed++;
  else count.skipped++;
});
stream.on('test:fail', ({ name, details, file }) => {
  if (details.type === 'suite') return;
  count.failed++;
  failed.push(`${path.basename(file ?? '')}: ${name}`);
});
const reporter = stream.compose(new spec());
reporter.pipe(process.stdout);
await once(reporter, 'end');

const total = count.passed + count.failed;
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
if (count.failed === 0) fs.rmSync(directory, { recursive: true, force: true });
if (failed.length > 0) console.log(`\nThe following tests FAILED:\n  ${failed.join('\n  ')}`);
console.log(
  `\n${total === 0 ? 0 : Math.floor((count.passed / total) * 100)}% tests passed, ` +
    `${count.failed} tests failed out of ${total}, ${count.skipped} skipped (${seconds.toFixed(1)} s)`,
);
process.exitCode = count.failed > 0 || total === 0 ? 1 : 0;
