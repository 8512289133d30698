// How long until a change counts: bench/changes --build DIR [--times N]. On a whole gateway with two workers,
// whose node state other people's sessions change ten times a second.
//   enforced  from the moment a change is asked for (apply, log-out, a device's answer) until the last request
//             that any of 16 connections over both workers still got through
//   stream    from the end of the change's call until an open WebSocket, or an event stream over HTTP/1.1 or
//             HTTP/2, is closed
// Prints one line of JSON: {name: [milliseconds, ...]}.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import { parseArgs } from 'node:util';
import './pki.mjs';

const { values: options } = parseArgs({
  options: { build: { type: 'string' }, times: { type: 'string', default: '20' } },
});
if (options.build) process.env.GATEHOUSE_BUILD = path.resolve(options.build);
const tests = '../tests/harness';
const { default: WebSocket } = await import('../tests/node_modules/ws/wrapper.mjs');
const { startLab, kApp, kAuth, policy, email, posture } = await import(`${tests}/lab.mjs`);
const { SignIn, byProvider, mustSignIn } = await import(`${tests}/signin.mjs`);
const { pki } = await import(`${tests}/pki.mjs`);
const kTimes = Number(options.times);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => performance.now();

const lab = await startLab({ idp: true, device: true });
const measured = {};
const note = (name, ms) => (measured[name] ??= []).push(Math.max(0, ms));
const device = (changes) => async (page, signIn) => ({
  token: await lab.device.answer(signIn.challenge(page), changes),
});
const signedIn = async () => {
  const browser = lab.browser();
  await mustSignIn(lab, browser, kApp, { ...byProvider('alice'), device: device({}) });
  return browser;
};
const cookieOf = (browser) => `CF_Authorization=${browser.cookie(kApp, 'CF_Authorization')}`;

// Asks on 16 connections, one request after the other on each, while `change` runs: how long after its
// beginning the last request that still got through was sent.
async function lastAdmission(browser, change) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 16, ca: fs.readFileSync(pki().ca) });
  const headers = { cookie: cookieOf(browser) };
  // A request that is on its way when its right ends is ended: no answer, and not an admission.
  const ask = () =>
    new Promise((resolve) => {
      https
        .get(lab.gateway.url(kApp), { agent, headers }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        })
        .on('error', () => resolve(0));
    });
  let begun = Infinity;
  let last = 0;
  let refused = 0;
  const loop = async () => {
    while (refused < 200) {
      const sent = now();
      if ((await ask()) === 200) last = Math.max(last, sent);
      else if (sent > begun) refused++;
      else throw new Error('refused before the change');
    }
  };
  const loops = Array.from({ length: 16 }, loop);
  await sleep(100);
  begun = now();
  await change();
  await Promise.all(loops);
  agent.destroy();
  return last - begun;
}

// Opens one of each kind of stream, waits until it carries something, runs `change`, and notes when each ends.
async function streams(browser, change, name) {
  const cookie = cookieOf(browser);
  const ca = fs.readFileSync(pki().ca);
  const ends = {};
  const opened = [];
  opened.push(
    new Promise((resolve, reject) => {
      const socket = new WebSocket(lab.gateway.url(kApp, '/ws').replace('https', 'wss'), {
        ca,
        headers: { cookie },
      });
      socket.on('open', resolve);
      ends.websocket = new Promise((done) => socket.on('close', () => done(now())));
      socket.on('error', reject);
    }),
    new Promise((resolve, reject) => {
      const request = https.get(lab.gateway.url(kApp, '/sse'), { ca, headers: { cookie } });
      request.on('response', (response) => response.once('data', resolve));
      ends.http1 = new Promise((done) => request.on('close', () => done(now())));
      request.on('error', reject);
    }),
    new Promise((resolve, reject) => {
      const connection = http2.connect(`https://${kApp}:${lab.gateway.port}`, { ca });
      const stream = connection.request({ ':path': '/sse', cookie });
      stream.once('data', resolve);
      ends.http2 = new Promise((done) =>
        stream.on('close', () => {
          done(now());
          connection.destroy();
        }),
      );
      stream.on('error', reject);
    }),
  );
  await Promise.all(opened);
  await sleep(150);
  await change();
  const changed = now();
  for (const [kind, end] of Object.entries(ends)) note(`stream_${name}_${kind}`, (await end) - changed);
}

// Other people come and go.
let over = false;
const crowd = (async () => {
  while (!over) {
    const browser = lab.browser();
    await signInQuietly(browser);
    await sleep(100);
    browser.close();
  }
})();
async function signInQuietly(browser) {
  try {
    await new SignIn(lab, browser).finish(await new SignIn(lab, browser).begin(kApp), {
      ...byProvider('bob'),
      device: device({}),
    });
  } catch {
    /* the measurement goes on */
  }
}

// As `gatehouse apply` asks, without the start of a program.
const apply = () => {
  lab.gateway.write();
  return new Promise((resolve, reject) => {
    const request = http.request({
      socketPath: path.join(lab.gateway.state, 'run', 'admin.sock'),
      method: 'POST',
      path: '/apply',
      headers: { host: 'gatehouse', 'content-type': 'application/json' },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume().on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`apply: ${response.statusCode}`)),
      );
    });
    request.end(JSON.stringify({ path: lab.gateway.file }));
  });
};
const application = lab.gateway.configuration.applications[0];
const allowed = application.policies;
const onlyBob = [policy('allow', 'Bob', { include: [email('bob@corp.example')], require: [posture()] })];
const withdraw = async () => {
  application.policies = onlyBob;
  await apply();
};
const restore = async () => {
  application.policies = allowed;
  await apply();
};
const logOut = (browser) => browser.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
async function unmanaged(browser) {
  const audience = await lab.gateway.audience(kApp);
  const binding = crypto
    .createHash('sha256')
    .update(browser.cookie(kApp, 'CF_AppSession'))
    .digest('base64url');
  const flow = new SignIn(lab, browser);
  const page = await flow.follow(
    await flow.navigate(
      `${lab.gateway.issuer}/cdn-cgi/access/posture/${kApp}?kid=${audience}&redirect_url=%2F&app_session=${binding}`,
    ),
  );
  const outcome = await device({ managed: false })(page, flow);
  return () => flow.report(page, outcome);
}

try {
  for (let i = 0; i < kTimes; i++) {
    const browser = await signedIn();
    note('enforced_policy_change', await lastAdmission(browser, withdraw));
    await restore();
    const other = await signedIn();
    note('enforced_revocation', await lastAdmission(other, () => logOut(other)));
    const third = await signedIn();
    note('enforced_posture_change', await lastAdmission(third, await unmanaged(third)));
    const watcher = await signedIn();
    await streams(watcher, () => logOut(watcher), 'revocation');
    const reader = await signedIn();
    await streams(reader, withdraw, 'policy_change');
    await restore();
    console.error(`changes: ${i + 1} of ${kTimes}`);
  }
} finally {
  over = true;
  await crowd;
  await lab.stop();
}
console.log(JSON.stringify(measured));
