// Child processes and ports. Every child is ended by its own pid, also when a suite dies early:
// setpriv makes the kernel send it SIGTERM then.
import fs from 'node:fs';
import net from 'node:net';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

const living = new Set();
process.on('exit', () => {
  for (const pid of living) signal(pid, 'SIGKILL');
});

export function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

export const isAlive = (pid) => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

// Direct children of `pid`: [{pid, command}], command as ps would show it.
export function childrenOf(pid) {
  const found = [];
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent !== pid) continue;
      const command = fs
        .readFileSync(`/proc/${entry}/cmdline`, 'utf8')
        .replaceAll('\0', ' ')
        .trim();
      found.push({ pid: Number(entry), command });
    } catch {
      /* gone meanwhile */
    }
  }
  return found;
}
export const descendantsOf = (pid) =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child.pid)]);

// Repeats `probe` until it answers something truthy, and returns that.
export async function eventually(probe, { ms = 5000, every = 20, what = 'condition' } = {}) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const result = await probe();
      if (result) return result;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      throw new Error(`${what}: not within ${ms} ms`, last ? { cause: last } : {});
    }
    await sleep(every);
  }
}

export class Child {
  constructor(command, args, { env = {}, cwd, name = command } = {}) {
    this.name = name;
    this.stdout = '';
    this.output = ''; // stdout and stderr as they came
    this.process = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd,
      env: { ...process.env, ...env },
    });
    this.pid = this.process.pid;
    living.add(this.pid);
    this.process.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.output += text;
    });
    this.process.stderr.setEncoding('utf8').on('data', (text) => {
      this.output += text;
    });
    this.exited = new Promise((resolve) => {
      this.process.on('error', (error) => resolve({ code: -1, error }));
      this.process.on('exit', () => living.delete(this.pid));
      // `close` comes after the last byte of output; a grandchild may hold the pipes, so not later
      // than a moment after `exit`.
      this.process.on('close', (code, sig) => resolve({ code, signal: sig }));
      this.process.on('exit', (code, sig) =>
        setTimeout(() => resolve({ code, signal: sig }), 200).unref(),
      );
    });
  }

  // The match of `pattern` in stdout. Fails at once when the process ends before.
  async waitFor(pattern, ms = 15_000) {
    const end = Date.now() + ms;
    let gone = null;
    this.exited.then((how) => {
      gone = how;
    });
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      if (gone || Date.now() > end) {
        throw new Error(
          `${this.name}: ${
            gone
              ? `ended (${gone.error ?? gone.signal ?? gone.code})`
              : `no ${pattern} within ${ms} ms`
          }\n${this.output.slice(-4000)}`,
        );
      }
      await sleep(10);
    }
  }

  get isAlive() {
    return living.has(this.pid);
  }

  async end(name = 'SIGTERM', ms = 8000) {
    if (this.isAlive) signal(this.pid, name);
    const timer = setTimeout(() => signal(this.pid, 'SIGKILL'), ms);
    const how = await this.exited;
    clearTimeout(timer);
    return how;
  }
}

// Runs a program to its end, which it must come to within `ms`: {code, stdout, output}.
export async function runProgram(command, args, { ms = 30_000, ...options } = {}) {
  const child = new Child(command, args, options);
  const timer = setTimeout(() => signal(child.pid, 'SIGTERM'), ms);
  const { code, signal: sig, error } = await child.exited;
  clearTimeout(timer);
  if (error) throw error;
  return { code: code ?? sig, stdout: child.stdout, output: child.output };
}

// A free TCP port of 127.0.0.1 below the range from which outgoing connections take theirs.
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const free = await new Promise((resolve) => {
      const server = net.createServer();
      server.on('error', () => resolve(false));
      server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

export const listens = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
