// `gatehouse serve` as an administrator runs it: configuration file, state directory, nginx below
// it. Ended by pid; a sanitizer's report or a crashed worker fails the suite that stops it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  Child,
  childrenOf,
  descendantsOf,
  eventually,
  isAlive,
  runProgram,
  signal,
} from './process.mjs';
import { program } from './build.mjs';
import { once } from './http.mjs';
import { toYaml } from './yaml.mjs';

const kCrash =
  /AddressSanitizer|LeakSanitizer|runtime error:|exited on signal (?!9\b|15\b)|InvariantViolation/;

export class TestGateway {
  // `configuration` is the whole document; `directory` gets gatehouse.yaml and state/. Without
  // `write` the file is there already, and `configuration` says what in it matters here.
  constructor({ directory, configuration, write = true }) {
    this.directory = directory;
    this.configuration = configuration;
    this.file = path.join(directory, 'gatehouse.yaml');
    this.state = configuration.state_directory;
    this.port = configuration.listen.https_port;
    this.host = configuration.organization.auth_domain;
    this.output = ''; // of all the processes there have been
    this.orphans = [];
    if (write) this.write();
  }
  get issuer() {
    return `https://${this.host}:${this.port}`;
  }
  url(host, target = '/') {
    return `https://${host}:${this.port}${target}`;
  }
  write(text = toYaml(this.configuration)) {
    fs.writeFileSync(this.file, text);
  }

  async start(ms = 20_000) {
    this.child = new Child(program('gatehouse'), ['serve', '--config', this.file], {
      name: 'gatehouse',
    });
    const [, said] = await this.child.waitFor(/^ready (\S+)/m, ms);
    this.ready = said;
    // nginx has its ports before all of its workers are there.
    const workers = this.configuration.nginx?.workers || os.availableParallelism();
    await eventually(() => this.nginxWorkers().length >= workers, {
      ms,
      what: `${workers} nginx workers`,
    });
    return this;
  }
  // Its own end, nginx included: {code, signal}.
  async stop() {
    if (!this.child) return null;
    const below = descendantsOf(this.child.pid).map(({ pid }) => pid);
    const how = await this.child.end('SIGTERM', 15_000);
    this.output += this.child.output;
    this.child = null;
    const left = [...below, ...this.orphans].filter(isAlive);
    for (const pid of left) signal(pid, 'SIGKILL');
    this.orphans = [];
    const said = this.logs();
    if (kCrash.test(said)) {
      const at = said.search(kCrash);
      throw new Error(`crash in the logs:\n${said.slice(Math.max(0, at - 500), at + 4000)}`);
    }
    return { ...how, left: below.filter((pid) => left.includes(pid)) };
  }
  // The control plane dies; nginx stays.
  async kill9() {
    this.orphans.push(...descendantsOf(this.child.pid).map(({ pid }) => pid));
    const how = await this.child.end('SIGKILL');
    this.output += this.child.output;
    this.child = null;
    return how;
  }
  async restart() {
    await this.stop();
    return this.start();
  }

  // The nginx master, whoever started it, and the workers below it: pids.
  nginxMaster() {
    return Number(fs.readFileSync(path.join(this.state, 'nginx', 'nginx.pid'), 'utf8'));
  }
  nginxWorkers(master = this.nginxMaster()) {
    return childrenOf(master)
      .filter(({ command }) => /nginx/.test(command))
      .map(({ pid }) => pid);
  }

  // Everything any part has logged.
  logs() {
    const files = this.stateFiles().filter((file) => /\.(log|jsonl)$/.test(file));
    return (
      `${this.output}${this.child?.output ?? ''}` +
      files.map((file) => fs.readFileSync(file, 'utf8')).join('\n')
    );
  }
  async logged(pattern, ms = 5000) {
    return eventually(() => pattern.exec(this.logs()), { ms, what: `in the logs: ${pattern}` });
  }
  stateFiles() {
    return fs
      .readdirSync(this.state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
  }
  // The directory of the node state.
  nodeState() {
    const file = this.stateFiles().find((name) => path.basename(name) === 'data.mdb');
    if (!file) throw new Error('no data.mdb below the state directory');
    return path.dirname(file);
  }
  storeFile() {
    const file = this.stateFiles().find((name) => /\.(db|sqlite3?)$/.test(name));
    if (!file) throw new Error('no store below the state directory');
    return file;
  }
  // Rows of every table of the store: {table: rows}.
  rows() {
    const database = new DatabaseSync(this.storeFile(), { readOnly: true });
    try {
      const tables = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .all();
      return Object.fromEntries(
        tables.map(({ name }) => [
          name,
          database.prepare(`SELECT COUNT(*) AS rows FROM "${name}"`).get().rows,
        ]),
      );
    } finally {
      database.close();
    }
  }

  hangUp() {
    signal(this.child.pid, 'SIGHUP');
  }
  // `gatehouse apply FILE --yes ...`: {code, stdout, output}.
  apply(file = this.file, ...more) {
    return runProgram(program('gatehouse'), ['apply', file, '--yes', ...more], { name: 'apply' });
  }
  // Any command of `gatehouse` that takes --state: {code, stdout, output}.
  command(name, ...args) {
    return runProgram(program('gatehouse'), [name, '--state', this.state, ...args], { name });
  }
  check(file = this.file) {
    return runProgram(program('gatehouse'), ['check', file], { name: 'check' });
  }

  // The `aud` of the application at `host`.
  async audience(host, target = '/') {
    const { headers, status } = await once(this.url(host, target), {
      headers: { accept: 'application/json' },
    });
    if (!headers['cf-access-aud'])
      throw new Error(`${host}${target}: ${status} without CF-Access-Aud`);
    return headers['cf-access-aud'];
  }
}
