// The real device agent, and a device of our own whose answers a test can write as it likes.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import crypto from 'node:crypto';
import * as jose from 'jose';
import { Child, eventually, freePort, listens, runProgram } from './process.mjs';
import { program } from './build.mjs';

export class TestAgent {
  // Makes the key and agent.json; does not run it yet.
  static async init({ directory, origins, port }) {
    const agent = new TestAgent();
    agent.directory = path.join(directory, 'agent');
    agent.port = port ?? (await freePort());
    await agent.#command(
      'init',
      '--state',
      agent.directory,
      ...origins.flatMap((origin) => ['--origin', origin]),
    );
    agent.publicKey = (await agent.#command('public-key', '--state', agent.directory)).stdout;
    return agent;
  }
  async #command(...args) {
    const result = await runProgram(program('gatehouse-agent'), args, { name: 'gatehouse-agent' });
    if (result.code !== 0)
      throw new Error(`gatehouse-agent ${args[0]}: ${result.code}\n${result.output}`);
    return result;
  }
  async start() {
    this.child = new Child(
      program('gatehouse-agent'),
      ['run', '--state', this.directory, '--port', String(this.port)],
      { name: 'gatehouse-agent' },
    );
    await eventually(
      () => {
        if (!this.child.isAlive) throw new Error(this.child.output);
        return listens(this.port);
      },
      { ms: 10_000, what: 'agent' },
    );
    return this;
  }
  set({ managed, lastCheckin }) {
    return this.#command(
      'set',
      '--state',
      this.directory,
      ...(managed === undefined ? [] : ['--managed', String(managed)]),
      ...(lastCheckin === undefined ? [] : ['--last-checkin', lastCheckin]),
    );
  }
  async status() {
    return JSON.parse(
      (await this.#command('status', '--state', this.directory, '--output', 'json')).stdout,
    );
  }
  // Ends it; a sanitizer's report is a failure.
  async stop() {
    if (!this.child) return;
    await this.child.end();
    const { output } = this.child;
    this.child = null;
    if (/AddressSanitizer|LeakSanitizer|runtime error:/.test(output)) throw new Error(output);
  }
}

export class OwnDevice {
  constructor() {
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.privateKey = privateKey;
    this.publicKey = publicKey.export({ type: 'spki', format: 'pem' });
  }
  // A good answer to `instructions` (the page's) with `changes` made to its claims.
  async answer({ nonce, aud }, changes = {}, key = this.privateKey) {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: 'own-device',
      aud,
      sub: 'device-1',
      nonce,
      iat: now,
      exp: now + 60,
      jti: crypto.randomUUID(),
      managed: true,
      last_checkin: now - 60,
      device: { hostname: 'laptop-1', serial_number: 'SN-1', os: 'linux', os_version: '12' },
      ...changes,
    };
    for (const name of Object.keys(claims)) if (claims[name] === undefined) delete claims[name];
    return new jose.SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'lpx+jwt' }).sign(key);
  }
}

// The nonce and audience that the page would hand to the agent.
export function challengeOf(instructions) {
  const { nonce, aud } = JSON.parse(instructions.body);
  return { nonce, aud };
}

// Calls the agent as the posture page does: {status, headers, body}. Rejects when nothing listens.
export function askAgent(instructions, origin, { headers = {} } = {}) {
  const [base] = instructions.candidates;
  const url = new URL(instructions.path, base);
  const { body } = instructions;
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      {
        method: instructions.method,
        agent: false,
        signal: AbortSignal.timeout(5000),
        headers: {
          'content-type': 'application/json',
          accept: 'application/jwt, application/json',
          origin,
          'sec-fetch-site': 'cross-site',
          'sec-fetch-mode': 'cors',
          'sec-fetch-dest': 'empty',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: text }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

export const tokenOf = (answer) =>
  answer.body.startsWith('{') ? JSON.parse(answer.body).token : answer.body.trim();
