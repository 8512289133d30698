// Every misbehaviour the provider of ../idp can simulate, and what the gateway owes for it:
// idp/README.md. Each mode has its own browser; endpoint modes have their own relying party too, so
// that cached keys and discovery cannot hide them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kAuth, application, everyone, policy } from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually } from '../harness/process.mjs';

const kHost = 'open.gateway.test';

// refuse: an error page and no session. sane: refused, or exactly alice. works: alice.
// up: anything in bounded time. Modes not named here: refuse.
const kExpected = {
  'email-array': 'sane',
  'email-object': 'sane',
  'email-null': 'sane',
  'email-nul-byte': 'sane',
  'email-crlf': 'sane',
  'duplicate-email': 'sane',
  'groups-string': 'sane',
  huge: 'sane',
  deep: 'sane',
  'jwks-huge': 'sane',
  'token-huge': 'refuse',
  'token-hang': 'refuse',
  'token-slow': 'sane',
  'jwks-noise': 'works',
  'kid-absent': 'works',
  'signed-by-ec': 'sane',
};
const kSlow = ['token-hang', 'token-slow', 'token-huge', 'jwks-huge'];
const kMilliseconds = 25_000;
// Modes that only show at an endpoint which is asked once and then remembered, or not at all.
const isEndpoint = (mode) => /^(jwks|discovery|userinfo)-/.test(mode);
// Present in every version of the provider that this suite was written for.
const kKnown = [
  'bad-signature',
  'alg-none',
  'alg-none-mixed-case',
  'hs256-public-key',
  'hs256-client-secret',
  'unknown-kid',
  'stolen-kid',
  'embedded-jwk',
  'jku',
  'kid-traversal',
  'kid-absent',
  'crit',
  'wrong-iss',
  'missing-iss',
  'iss-trailing-slash',
  'foreign-tenant',
  'wrong-aud',
  'missing-aud',
  'aud-extra-no-azp',
  'wrong-azp',
  'missing-sub',
  'empty-sub',
  'expired',
  'missing-exp',
  'string-exp',
  'huge-exp',
  'future-iat',
  'missing-iat',
  'nbf-future',
  'wrong-nonce',
  'missing-nonce',
  'wrong-at-hash',
  'email-array',
  'email-object',
  'email-null',
  'email-nul-byte',
  'email-crlf',
  'groups-string',
  'huge',
  'deep',
  'duplicate-email',
  'payload-array',
  'not-a-jwt',
  'no-id-token',
  'signed-by-ec',
  'token-html',
  'token-500',
  'token-redirect',
  'token-hang',
  'token-slow',
  'token-huge',
  'userinfo-sub',
  'userinfo-500',
  'jwks-500',
  'jwks-empty',
  'jwks-noise',
  'jwks-huge',
  'discovery-issuer',
  'discovery-html',
  'callback-error',
  'callback-no-state',
  'callback-wrong-state',
  'callback-wrong-iss',
  'callback-double-code',
];

const party = (mode) => (isEndpoint(mode) ? `For ${mode}` : 'Plain');
const start = (modes, more = () => {}) =>
  startLab({
    idp: true,
    config(c, { idp }) {
      c.identity_providers = [
        idp.entry('Plain'),
        ...modes
          .filter(isEndpoint)
          .map((mode) =>
            idp.entry(party(mode), mode.startsWith('userinfo') ? 'gateway-minimal' : 'gateway'),
          ),
      ];
      c.applications = [
        application('Anyone', kHost, [policy('allow', 'Anyone', { include: [everyone()] })]),
      ];
      more(c, { idp });
    },
  });

async function play(lab, mode) {
  const expected = kExpected[mode] ?? 'refuse';
  const browser = lab.browser();
  lab.origin.clear();
  await lab.idp.forget();
  await lab.idp.tamper(mode, isEndpoint(mode) ? 3 : 1);
  const began = Date.now();
  let answer;
  try {
    const flow = new SignIn(lab, browser);
    const page = await flow.begin(kHost);
    answer = await flow.finish(page, { method: party(mode), credentials: { user: 'alice' } });
  } finally {
    await lab.idp.behave();
  }
  assert.ok(Date.now() - began < kMilliseconds, `${Date.now() - began} ms`);
  const isIn = answer.headers['x-origin'] === 'echo';
  const said = `${answer.status} ${answer.text.slice(0, 200)}`;
  if (expected === 'works') assert.ok(isIn, said);
  if (expected === 'refuse') assert.ok(!isIn, 'signed in');
  if (isIn) {
    assert.equal(answer.json.email, 'alice@corp.example');
    assert.deepEqual(lab.origin.last.values('x-injected'), []);
  } else {
    assert.ok(answer.status >= 400 && answer.status < 600 && answer.status !== 500, said);
    assert.match(answer.headers['content-type'], /^text\/html/);
    assert.equal(browser.cookie(kAuth, 'CF_Authorization'), undefined);
    assert.equal(lab.origin.requests.length, 0);
    assert.ok(!/root@corp\.example|X-Injected/.test(answer.text));
  }
  assert.ok(
    !(await lab.idp.journal()).some(({ canary }) => canary),
    'followed a redirect with the secret',
  );
}

describe('a provider that misbehaves', () => {
  let lab;
  const modes = kKnown.filter((mode) => !kSlow.includes(mode));
  before(async () => {
    lab = await start(modes);
  });
  after(() => lab?.stop());

  test('control: behaves and signs in', async () => {
    await mustSignIn(lab, lab.browser(), kHost, { ...byProvider('alice'), method: 'Plain' });
  });
  test('every mode of the provider is in the table', async () =>
    assert.deepEqual((await lab.idp.modes()).sort(), [...kKnown].sort()));
  for (const mode of modes) {
    test(`${mode}: ${kExpected[mode] ?? 'refuse'}`, async () => {
      await play(lab, mode);
    });
  }
  test('and afterwards it signs in as before', async () => {
    for (const method of modes.filter(isEndpoint).map(party)) {
      await mustSignIn(lab, lab.browser(), kHost, { ...byProvider('alice'), method });
    }
  });
  test('nothing odd was logged raw', () => {
    const said = lab.gateway.logs();
    assert.ok(!said.includes('\0') && !/^X-Injected/m.test(said));
    assert.ok(!/eyJ[\w-]{20,}\.[\w-]{20,}/.test(said), 'a token is in the logs');
  });
});

describe('a provider that is slow or huge', () => {
  let lab;
  before(async () => {
    lab = await start(kSlow);
  });
  after(() => lab?.stop());
  for (const mode of kSlow) {
    test(`${mode}: ${kExpected[mode] ?? 'refuse'}, in bounded time`, async () => {
      await play(lab, mode);
    });
  }
});

describe('a provider that changes its key', () => {
  let lab;
  before(async () => {
    lab = await start([]);
  });
  after(() => lab?.stop());
  const enter = async () => {
    const browser = lab.browser();
    const flow = new SignIn(lab, browser);
    const page = await flow.begin(kHost);
    return flow.finish(page, { method: 'Plain', credentials: { user: 'alice' } });
  };

  test('with overlap, then without: signs in after each', async () => {
    assert.equal((await enter()).headers['x-origin'], 'echo');
    await lab.idp.rotate(true);
    // Keys are asked for again at most every ten seconds.
    await eventually(async () => (await enter()).headers['x-origin'] === 'echo', {
      ms: 15_000,
      every: 1000,
    });
    await lab.idp.rotate(false);
    await eventually(async () => (await enter()).headers['x-origin'] === 'echo', {
      ms: 15_000,
      every: 1000,
    });
  });
  test('an ID token without kid is accepted or refused while two keys of its type are published', async () => {
    await lab.idp.rotate(true);
    await lab.idp.tamper('kid-absent');
    const answer = await enter();
    assert.ok(
      answer.headers['x-origin'] === 'echo' || (answer.status >= 400 && answer.status !== 500),
    );
  });
  test('unknown keys do not make the gateway ask for keys at every sign-in', async () => {
    await lab.idp.forget();
    for (let i = 0; i < 6; i++) {
      await lab.idp.tamper('unknown-kid');
      await enter();
    }
    const asked = (await lab.idp.journal()).filter(({ path }) => path === '/jwks').length;
    assert.ok(asked <= 3, `asked ${asked} times`);
  });
});
