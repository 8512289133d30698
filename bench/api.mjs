// The administration API of a gateway with 10,000 applications and 100,000 users: bench/api --build DIR [--times N].
//   api_list_page_*  one page of a list, at its beginning, its middle, its end, or found by a search
//   api_write_*      one change, from its request to its answer: stored, published
//   api_published    from the request of a change until the last request that any of 16 connections over both workers
//                    still got through
// and, without a budget, what it takes to load the file and to start. Prints one line of JSON: {name: [milliseconds, ...]}.
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import './pki.mjs';

const { values: options } = parseArgs({
  options: { build: { type: 'string' }, times: { type: 'string', default: '60' } },
});
if (options.build) process.env.GATEHOUSE_BUILD = path.resolve(options.build);
const tests = '../tests/harness';
const { startLab, kOther } = await import(`${tests}/lab.mjs`);
const { byProvider, mustSignIn } = await import(`${tests}/signin.mjs`);
const { connect } = await import(`${tests}/api.mjs`);
const { policyBody } = await import(`${tests}/api_resources.mjs`);
const { program } = await import(`${tests}/build.mjs`);
const { pki } = await import(`${tests}/pki.mjs`);
const { runProgram } = await import(`${tests}/process.mjs`);
const kTimes = Number(options.times);
const kApplications = 10_000;
const kUsers = 100_000;
const kAccess = '/accounts/{account_id}/access';
const kMany = 'many.gateway.test';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const measured = {};
async function measure(name, work) {
  const began = performance.now();
  const result = await work();
  (measured[name] ??= []).push(performance.now() - began);
  return result;
}

const lab = await startLab({
  idp: true,
  start: false,
  config(c, { directory }) {
    const [certificate, key] = ['many.crt', 'many.key'].map((name) => path.join(directory, name));
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate],
        ...['-days', '2', '-subj', '/CN=many', '-addext', `subjectAltName=DNS:*.${kMany}`],
      ],
      { stdio: 'ignore' },
    );
    c.certificates.push({ hosts: [`*.${kMany}`], certificate_file: certificate, key_file: key });
    c.api = { requests_per_5_minutes: 0 };
  },
});
try {
  await lab.gateway.start();
  const alice = lab.browser();
  await mustSignIn(lab, alice, kOther, byProvider('alice'));

  // The applications by file, as one who moves over has them.
  const { configuration } = lab.gateway;
  configuration.ingress.push({ hostname: `*.${kMany}`, service: lab.origin.service });
  configuration.groups.push(
    ...Array.from({ length: 500 }, (_, n) => ({
      ...{ name: `Group ${n}`, include: [{ email: { email: `lead-${n}@corp.example` } }] },
    })),
  );
  for (let n = 0; n < kApplications; n++)
    configuration.applications.push({
      ...{ name: `Application ${n}`, domain: `app-${n}.${kMany}`, session_duration: '8h' },
      policies: [
        policyBody('Leads', { include: [{ group: { id: `Group ${n % 500}` } }] }),
        policyBody('People'),
      ],
    });
  lab.gateway.write();
  await measure('api_apply_10000_applications', async () => {
    const { code, output } = await runProgram(
      program('gatehouse'),
      ['apply', '--yes', lab.gateway.file],
      { ms: 120_000 },
    );
    if (code !== 0) throw new Error(output);
  });
  await lab.gateway.stop();

  // The users straight into the store: each would have to sign in.
  const database = new DatabaseSync(lab.gateway.storeFile());
  const row = database.prepare('SELECT * FROM users LIMIT 1').get();
  const columns = Object.keys(row);
  const insert = database.prepare(
    `INSERT INTO users (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  database.exec('BEGIN');
  for (let n = 0; n < kUsers; n++) {
    const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const user = { ...row, id, email: `user-${n}@corp.example`, name: `User ${n}` };
    insert.run(...columns.map((column) => user[column]));
  }
  database.exec('COMMIT');
  database.close();
  await measure('api_start_10000_applications', () => lab.gateway.start(60_000));
  const api = await connect(lab.gateway, { keepAlive: true });
  const ask = (method, target, json) => api.call(method, target, json, { described: false });

  const lists = [
    ['applications_50', (page) => `${kAccess}/apps?per_page=50&page=${page}`, [1, 100, 200]],
    ['applications_1000', (page) => `${kAccess}/apps?per_page=1000&page=${page}`, [1, 5, 10]],
    ['applications_found', (page) => `${kAccess}/apps?search=Application%2099${page}`, [1, 5, 9]],
    ['users_50', (page) => `${kAccess}/users?per_page=50&page=${page}`, [1, 1000, 2000]],
    ['users_1000', (page) => `${kAccess}/users?per_page=1000&page=${page}`, [1, 50, 100]],
    ['users_found', (page) => `${kAccess}/users?search=user-9999${page}&per_page=50`, [1, 5, 9]],
  ];
  for (let i = 0; i < kTimes / 3; i++)
    for (const [name, target, pages] of lists)
      for (const page of pages) {
        const items = await measure(`api_list_page_${name}`, () => ask('GET', target(page)));
        if (items.length === 0) throw new Error(`${target(page)} is empty`);
      }

  const [application] = await ask('GET', `${kAccess}/apps?name=Application%204711`);
  const body = (duration) => ({
    ...{ name: application.name, type: application.type, domain: application.domain },
    ...{ session_duration: duration, policies: [policyBody('People')] },
  });
  for (let i = 0; i < kTimes; i++) {
    await measure('api_write_application', () =>
      ask('PUT', `${kAccess}/apps/${application.id}`, body(`${(i % 23) + 1}h`)),
    );
    const made = await measure('api_write_new_application', () =>
      ask('POST', `${kAccess}/apps`, { ...body('1h'), name: `New ${i}`, domain: `new-${i}.${kMany}` }),
    );
    await measure('api_write_application_away', () => ask('DELETE', `${kAccess}/apps/${made.id}`));
    const token = await measure('api_write_service_token', () =>
      ask('POST', `${kAccess}/service_tokens`, { name: `Token ${i}` }),
    );
    await ask('DELETE', `${kAccess}/service_tokens/${token.id}`);
  }

  // Until the last worker obeys.
  const other = (await ask('GET', `${kAccess}/apps?name=Other`))[0];
  const target = `${kAccess}/apps/${other.id}/policies/${other.policies[0].id}`;
  const agent = new https.Agent({ keepAlive: true, maxSockets: 16, ca: fs.readFileSync(pki().ca) });
  const headers = { cookie: `CF_Authorization=${alice.cookie(kOther, 'CF_Authorization')}` };
  const status = () =>
    new Promise((resolve) => {
      https
        .get(lab.gateway.url(kOther), { agent, headers }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        })
        .on('error', () => resolve(0));
    });
  for (let i = 0; i < kTimes / 3; i++) {
    let begun = Infinity;
    let last = 0;
    let refused = 0;
    const loops = Array.from({ length: 16 }, async () => {
      while (refused < 200) {
        const sent = performance.now();
        if ((await status()) === 200) last = Math.max(last, sent);
        else if (sent > begun) refused++;
        else throw new Error('refused before the change');
      }
    });
    // Workers that have been idle catch up first with the changes above.
    await sleep(i === 0 ? 3000 : 100);
    begun = performance.now();
    await ask('PUT', target, policyBody('Bob', { include: [{ email: { email: 'bob@corp.example' } }] }));
    await Promise.all(loops);
    (measured.api_published ??= []).push(Math.max(0, last - begun));
    await ask('PUT', target, policyBody('People'));
    await sleep(50);
    if ((await status()) !== 200) throw new Error('not restored');
  }
  agent.destroy();
  api.close();
} finally {
  await lab.stop();
}
console.log(JSON.stringify(measured));
