// DESIGN 2.6: an open stream ends when the right ends, and no other does. How long that took is
// printed, not judged.
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import {
  startLab,
  kApp,
  kAuth,
  kOther,
  kTanium,
  application,
  domain,
  email,
  everyone,
  newServiceToken,
  policy,
  posture,
  serviceToken,
} from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually, sleep } from '../harness/process.mjs';
import { pki } from '../harness/pki.mjs';

const kBrief = 'brief.gateway.test';
const kOpen = 'open.gateway.test';
const kMachine = 'machine.gateway.test';
const kClosed = { ms: 10_000 };
const robot = newServiceToken('Robot');

let lab;
const ca = () => fs.readFileSync(pki().ca);

// A stream: `received` grows while it lives, `closed` is the moment at which the client saw its end.
class Stream {
  received = 0;
  closed = 0;
  constructor(close) {
    this.close = close;
  }
  data = (chunk) => {
    this.received += chunk.length;
  };
  end = () => {
    this.closed ||= Date.now();
  };
  async lives() {
    const { received } = this;
    await eventually(() => this.received > received || this.closed, { what: 'more data' });
    assert.equal(this.closed, 0, 'it has ended');
    return this;
  }
}

const over1 = (host, target, headers, { method = 'GET', send } = {}) => {
  const request = https.request(lab.gateway.url(host, target), {
    method,
    ca: ca(),
    headers,
    agent: false,
  });
  const stream = new Stream(() => request.destroy());
  request.on('error', stream.end);
  request.on('close', stream.end);
  request.on('response', (response) => {
    stream.status = response.statusCode;
    response.on('data', stream.data);
    response.on('error', stream.end);
    response.on('close', stream.end);
  });
  if (send) send(request, stream);
  else request.end();
  return stream;
};
const over2 = (host, target, headers, { session, send } = {}) => {
  const own = session ?? http2.connect(lab.gateway.url(host), { ca: ca() });
  own.on('error', () => {});
  const request = own.request({ ':path': target, ...headers }, { endStream: !send });
  const stream = new Stream(() => (session ? request.close() : own.destroy()));
  stream.session = own;
  request.on('response', (answer) => {
    stream.status = answer[':status'];
  });
  request.on('data', stream.data);
  request.on('error', stream.end);
  request.on('close', stream.end);
  if (send) send(request, stream);
  return stream;
};
// Sends a byte every 50 ms for ever; what counts as received is what was sent.
const trickle = (request, stream) => {
  const timer = setInterval(() => {
    request.write('x');
    stream.received += 1;
  }, 50);
  request.on('close', () => clearInterval(timer));
};

const kKinds = {
  WebSocket: (host, headers, target) => {
    const socket = new WebSocket(lab.gateway.url(host, `/ws${target}`).replace('https', 'wss'), {
      ca: ca(),
      headers,
    });
    const stream = new Stream(() => socket.terminate());
    const timer = setInterval(
      () => socket.readyState === WebSocket.OPEN && socket.send('hello'),
      50,
    );
    socket.on('message', stream.data);
    socket.on('error', stream.end);
    socket.on('close', () => {
      clearInterval(timer);
      stream.end();
    });
    return stream;
  },
  'server-sent events over HTTP/1.1': (host, headers, target) =>
    over1(host, `/sse${target}`, headers),
  'server-sent events over HTTP/2': (host, headers, target) =>
    over2(host, `/sse${target}`, headers),
  'a download over HTTP/1.1': (host, headers, target) => over1(host, `/download${target}`, headers),
  'a download over HTTP/2': (host, headers, target) => over2(host, `/download${target}`, headers),
  'an upload over HTTP/1.1': (host, headers, target) =>
    over1(host, `/upload${target}`, headers, { method: 'POST', send: trickle }),
  'an upload over HTTP/2': (host, headers, target) =>
    over2(host, `/upload${target}`, { ...headers, ':method': 'POST' }, { send: trickle }),
  gRPC: (host, headers, target) =>
    over2(
      host,
      `/grpc/Echo${target}`,
      { ...headers, ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' },
      { send: (request) => request.write(Buffer.from([0, 0, 0, 0, 2, 104, 105])) },
    ),
};
const targetOf = (kind, target) =>
  ({ W: '/ws', s: '/sse', d: '/download', u: '/upload', g: '/grpc/Echo' })[
    kind.replace(/^an? /, '')[0]
  ] + target;

const opened = [];
// One stream of each kind, all alive: Map(kind -> Stream).
let streams = 0;
async function openAll(host, headers) {
  const target = `?stream=${++streams}`;
  const all = new Map();
  for (const [kind, open] of Object.entries(kKinds)) {
    const stream = open(host, headers, target);
    stream.target = targetOf(kind, target);
    opened.push(stream);
    all.set(kind, stream);
  }
  for (const [kind, stream] of all) {
    await stream.lives().catch((error) => {
      throw new Error(`${kind}: ${stream.status ?? ''} ${error.message}`, { cause: error });
    });
  }
  return all;
}
// Each of them ends, at the client and at the application.
async function allClose(t, all, began) {
  for (const [kind, stream] of all) {
    await t.test(kind, async (each) => {
      await eventually(() => stream.closed, { ...kClosed, what: 'the end at the client' });
      await eventually(() => lab.origin.open(stream.target) === 0, {
        ...kClosed,
        what: 'the end at the application',
      });
      each.diagnostic(`closed after ${stream.closed - began} ms`);
    });
  }
}
const headersOf = (browser, host) => ({
  cookie: `CF_Authorization=${browser.cookie(host, 'CF_Authorization')}`,
});
const apply = async (change) => {
  change(lab.gateway.configuration);
  lab.gateway.write();
  const began = Date.now();
  const { code, output } = await lab.gateway.apply();
  assert.equal(code, 0, output);
  return began;
};

before(async () => {
  lab = await startLab({
    idp: true,
    agent: true,
    config(c, { origin }) {
      c.device_posture_rules.push({
        name: 'Checked often',
        type: 'tanium',
        input: { connection_id: kTanium, managed: true },
        expiration: '6s',
      });
      c.service_tokens.push(robot.entry);
      c.applications = [
        application('App', kApp, [
          policy('allow', 'Corp people', { include: [domain('corp.example')] }),
        ]),
        application('Other', kOther, [
          policy('allow', 'Corp people', { include: [domain('corp.example')] }),
        ]),
        application('Brief', kBrief, [
          policy('allow', 'Corp people', {
            include: [domain('corp.example')],
            require: [posture('Checked often')],
          }),
        ]),
        application('Open', kOpen, [policy('bypass', 'Anyone', { include: [everyone()] })]),
        application(
          'Machine',
          kMachine,
          [policy('non_identity', 'Robots', { include: [serviceToken('Robot')] })],
          { read_service_tokens_from_header: 'Authorization' },
        ),
      ];
      c.ingress = c.ingress.flatMap((rule) => [
        {
          hostname: rule.hostname,
          path: '^/grpc/',
          service: origin.http2Service,
          originRequest: { http2Origin: true },
        },
        rule,
      ]);
    },
  });
});
after(async () => {
  for (const stream of opened) stream.close();
  await lab?.stop();
});
const person = async (user, host = kApp) => {
  const browser = lab.browser();
  await mustSignIn(lab, browser, host, byProvider(user));
  return browser;
};

describe('an open stream ends when', () => {
  test('the person signs out', async (t) => {
    const browser = await person('alice');
    const all = await openAll(kApp, headersOf(browser, kApp));
    const began = Date.now();
    await browser.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
    await allClose(t, all, began);
  });
  test('the policy is edited', async (t) => {
    const browser = await person('alice');
    const all = await openAll(kApp, headersOf(browser, kApp));
    const began = await apply((c) => {
      c.applications[0].policies[0].include = [email('carol@corp.example')];
    });
    try {
      await allClose(t, all, began);
    } finally {
      await apply((c) => {
        c.applications[0].policies[0].include = [domain('corp.example')];
      });
    }
  });
  test('the evidence about the device grows too old', async (t) => {
    const browser = await person('alice', kBrief);
    const all = await openAll(kBrief, headersOf(browser, kBrief));
    await allClose(t, all, Date.now());
  });
  test('the application is taken away', async (t) => {
    const browser = await person('alice', kOther);
    const all = await openAll(kOther, headersOf(browser, kOther));
    let taken;
    const began = await apply((c) => {
      [taken] = c.applications.splice(1, 1);
    });
    try {
      await allClose(t, all, began);
    } finally {
      await apply((c) => c.applications.splice(1, 0, taken));
    }
  });
  test('it was open to everybody and no longer is', async (t) => {
    const all = await openAll(kOpen, {});
    const began = await apply((c) => {
      c.applications[3].policies[0].decision = 'deny';
    });
    await allClose(t, all, began);
  });
  test('the service token is disabled', async (t) => {
    const { client_id: id } = robot.entry;
    const all = await openAll(kMachine, {
      authorization: JSON.stringify({
        'cf-access-client-id': id,
        'cf-access-client-secret': robot.secret,
      }),
    });
    assert.deepEqual(lab.origin.last.values('authorization'), [], 'the credentials went on');
    await sleep(2500); // decided again by then, though the header is gone
    for (const stream of all.values()) await stream.lives();
    const began = await apply((c) => {
      c.service_tokens = c.service_tokens.filter((token) => token.name !== 'Robot');
      c.applications.splice(4, 1);
    });
    await allClose(t, all, began);
  });
});

describe('a stream that keeps its right', () => {
  test('stays open through changes of others, apply and reload, and ends in the old worker', async (t) => {
    const browser = await person('carol');
    const all = await openAll(kApp, headersOf(browser, kApp));
    const before = lab.gateway.nginxWorkers();
    await apply((c) => {
      c.applications[1].policies[0].name = 'Renamed';
      c.ingress.at(-1).originRequest = { keepAliveConnections: 7 }; // nginx is reloaded
    });
    lab.gateway.hangUp(); // and again
    await eventually(() => lab.gateway.nginxWorkers().some((pid) => !before.includes(pid)), {
      what: 'a new worker',
    });
    const end = Date.now() + 3000;
    while (Date.now() < end) {
      const other = await person('alice');
      await other.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
    }
    assert.ok(
      lab.gateway.nginxWorkers().some((pid) => before.includes(pid)),
      'no old worker',
    );
    for (const stream of all.values()) await stream.lives();
    const began = Date.now();
    await browser.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
    await allClose(t, all, began);
    await eventually(() => !lab.gateway.nginxWorkers().some((pid) => before.includes(pid)), {
      ...kClosed,
      what: 'the end of the old workers',
    });
  });
  test('goes on beside one of the same HTTP/2 connection that has lost it', async (t) => {
    const alice = await person('alice');
    const carol = await person('carol');
    const session = http2.connect(lab.gateway.url(kApp), { ca: ca() });
    const open = (browser, target) => {
      const stream = over2(kApp, target, headersOf(browser, kApp), { session });
      opened.push(stream);
      return stream.lives();
    };
    try {
      const lost = [await open(alice, '/sse?lost'), await open(alice, '/download?lost')];
      const kept = [await open(carol, '/sse?kept'), await open(carol, '/download?kept')];
      const began = Date.now();
      await alice.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
      for (const stream of lost) {
        await eventually(() => stream.closed, { ...kClosed, what: 'the end' });
        t.diagnostic(`closed after ${stream.closed - began} ms`);
      }
      await sleep(1500);
      for (const stream of kept) await stream.lives();
      assert.ok(!session.closed && !session.destroyed);
      await open(carol, '/sse?new');
    } finally {
      session.destroy();
    }
  });
  // What a client sends before the application has answered the handshake is read into the buffer
  // that held the request's headers: a frame's head is as long as `Cookie: `, and its content is
  // another person's cookie.
  test('is judged by what it asked for, whatever the client sends afterwards', async () => {
    const alice = await person('alice');
    const carol = await person('carol');
    const handshake = [
      `GET /ws/late HTTP/1.1`,
      `Host: ${kApp}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      `Cookie: ${headersOf(alice, kApp).cookie}`,
      '',
      '',
    ].join('\r\n');
    const frame = (text) => {
      const head = Buffer.alloc(8);
      head.writeUInt8(0x82, 0);
      head.writeUInt8(0x80 | 126, 1);
      head.writeUInt16BE(text.length, 2);
      return Buffer.concat([head, Buffer.from(text)]);
    };
    const socket = tls.connect({
      host: '127.0.0.1',
      port: lab.gateway.port,
      servername: kApp,
      ca: ca(),
    });
    const stream = new Stream(() => socket.destroy());
    opened.push(stream);
    socket.on('data', stream.data);
    socket.on('error', stream.end);
    socket.on('close', stream.end);
    const seen = lab.origin.requests.length;
    socket.write(Buffer.concat([Buffer.from(handshake), frame('early')]));
    await eventually(() => lab.origin.requests.length > seen, { what: 'the handshake' });
    socket.write(frame(headersOf(carol, kApp).cookie));
    await stream.lives();
    const timer = setInterval(() => socket.write(frame('hello')), 100);
    try {
      await sleep(2500);
      await stream.lives();
      await alice.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
      await eventually(() => stream.closed, { ...kClosed, what: 'the end' });
    } finally {
      clearInterval(timer);
    }
  });
});

test('the end of a stream is in the decision log, with its reason', async () => {
  const file = `${lab.gateway.state}/log/decisions.jsonl`;
  const ended = await eventually(
    () => {
      const lines = fs
        .readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .filter((line) => line.effect === 'ended');
      return lines.length > 40 && lines;
    },
    { what: 'ended requests in the log' },
  );
  const reasons = new Set(ended.map((line) => line.reason));
  for (const reason of [
    'session_revoked',
    'identity_not_permitted',
    'posture_stale',
    'unknown_application',
    'blocked_by_policy',
  ])
    // prettier-ignore
    assert.ok(reasons.has(reason), `${reason} in ${[...reasons]}`);
});
