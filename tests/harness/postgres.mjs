// Debian's PostgreSQL 15 for one suite: on a unix socket in a temporary folder, without TCP, run by
// a user that is not root (initdb refuses root), with passwords demanded.
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child, eventually, runProgram } from './process.mjs';

const kPrograms = '/usr/lib/postgresql/15/bin';
const kUser = 'postgres'; // of the package; only when we are root
const isRoot = () => process.getuid() === 0;
const asUser = (command, args) =>
  isRoot()
    ? [
        'setpriv',
        ['--pdeathsig', 'INT', `--reuid=${kUser}`, `--regid=${kUser}`, '--init-groups', command].concat(
          args,
        ),
      ]
    : [command, args];

export class TestPostgres {
  static async start() {
    const server = new TestPostgres();
    try {
      await server.initialize();
      await server.up();
      return server;
    } catch (error) {
      await server.stop().catch(() => {});
      throw error;
    }
  }

  constructor() {
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-pg-'));
    this.data = path.join(this.directory, 'data');
    this.password = crypto.randomBytes(12).toString('hex');
    this.databases = 0;
  }
  async initialize() {
    if (isRoot()) {
      const { stdout } = await runProgram('id', ['-u', kUser]);
      fs.chownSync(this.directory, Number(stdout), -1);
    }
    const file = path.join(this.directory, 'password');
    fs.writeFileSync(file, `${this.password}\n`, { mode: 0o644 });
    const [command, args] = asUser(path.join(kPrograms, 'initdb'), [
      ...['--pgdata', this.data, '--username', 'gatehouse', '--pwfile', file],
      ...['--auth-local=scram-sha-256', '--auth-host=reject', '--no-sync', '--encoding=UTF8'],
      '--locale=C',
    ]);
    const { code, output } = await runProgram(command, args, { cwd: '/', ms: 60_000 });
    if (code !== 0) throw new Error(`initdb: ${output}`);
  }

  // Starts the server, also again after down().
  async up() {
    const [command, args] = asUser(path.join(kPrograms, 'postgres'), [
      ...['-D', this.data, '-k', this.directory, '-c', 'listen_addresses='],
      ...['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'shared_buffers=32MB'],
      ...['-c', 'log_min_messages=fatal'],
    ]);
    this.child = new Child(command, args, { name: 'postgres', cwd: '/' });
    await eventually(() => this.query('SELECT 1'), { ms: 20_000, every: 50, what: 'PostgreSQL' });
  }
  // INT: clients are cut off, nothing is lost; KILL: as when the machine fails.
  async down(name = 'INT') {
    await this.child?.end(`SIG${name}`, 15_000);
    this.child = null;
  }
  async stop() {
    await this.down();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  // A new empty database: the URL for `store`.
  async database(name = `gatehouse_${++this.databases}`) {
    await this.query(`CREATE DATABASE ${name}`);
    return this.url(name);
  }
  url(name = 'postgres') {
    const host = encodeURIComponent(this.directory);
    return `postgresql://gatehouse:${this.password}@${host}/${name}`;
  }
  // Rows of text: [[column, ...], ...].
  async query(sql, name = 'postgres') {
    const { code, stdout, output } = await runProgram(
      path.join(kPrograms, 'psql'),
      ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', this.url(name), '-c', sql],
      { cwd: '/' },
    );
    if (code !== 0) throw new Error(`${sql}: ${output}`);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  }
  // Ends every connection to the database at once; answers how many there were.
  async cutOff(name) {
    const rows = await this.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
        `WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
    );
    return rows.length;
  }
}
