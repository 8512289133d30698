// The device: the exchange with the real agent, and every answer that must not count. Issue 2,
// facts of the exchange: docs/reference/tanium.md.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kAuth,
  kApp,
  kOther,
  kRule,
  kTanium,
  application,
  domain,
  policy,
  posture,
} from '../harness/lab.mjs';
import { OwnDevice, askAgent } from '../harness/agent.mjs';
import { SignIn, byProvider, mustSignIn, pageKind, signIn } from '../harness/signin.mjs';
import { instructionsOf, textOf } from '../harness/html.mjs';
import { eventually, sleep } from '../harness/process.mjs';

const reference = (response) => /\b[0-9a-f]{32}\b/.exec(textOf(response.text))?.[0];
const refusedFor = (answer, reason) => {
  assert.equal(answer.result?.reason, reason, JSON.stringify(answer.result));
  assert.equal(answer.status, 403);
  assert.match(answer.headers['content-type'], /^text\/html/);
  assert.ok(reference(answer), 'no reference on the page');
};

describe('with the real agent', () => {
  let lab;
  before(async () => {
    lab = await startLab({
      idp: true,
      agent: true,
      config(c) {
        c.device_posture_rules.push({
          name: 'Checked often',
          type: 'tanium',
          input: { connection_id: kTanium, managed: true },
          expiration: '2s',
        });
        c.applications.push(
          application('Brief', 'brief.gateway.test', [
            policy('allow', 'Corp people', {
              include: [domain('corp.example')],
              require: [posture('Checked often')],
            }),
          ]),
        );
      },
    });
  });
  after(() => lab?.stop());

  test('a managed device is let in after identity, and the application may know which it is', async () => {
    const browser = lab.browser();
    const answer = await mustSignIn(lab, browser, kApp, {
      target: '/where?x=1',
      ...byProvider('alice'),
    });
    assert.equal(answer.json.url, '/where?x=1');
    assert.match(lab.origin.last.values('gatehouse-device-id')[0], /./);
    const at = answer.trail.findIndex((line) => /\/posture\?/.test(line));
    assert.ok(
      at > answer.trail.findIndex((line) => /\/callback/.test(line)),
      'asked before the sign-in',
    );
  });

  test('an application that does not ask for the device does not ask the agent', async () => {
    const answer = await mustSignIn(lab, lab.browser(), kOther, byProvider('alice'));
    assert.ok(!answer.trail.some((line) => /posture/.test(line)), answer.trail.join('\n'));
  });

  test('who is refused for identity is not asked for a device', async () => {
    const answer = await signIn(lab, lab.browser(), kApp, byProvider('bob'));
    assert.equal(answer.status, 403);
    assert.ok(!answer.trail.some((line) => /posture/.test(line)), answer.trail.join('\n'));
  });

  test('unmanaged: refused with its reason; managed again: opens without a new sign-in', async () => {
    const browser = lab.browser();
    await lab.agent.set({ managed: false });
    try {
      refusedFor(await signIn(lab, browser, kApp, byProvider('carol')), 'posture_not_managed');
    } finally {
      await lab.agent.set({ managed: true });
    }
    const again = await mustSignIn(lab, browser, kApp); // no credentials: none may be asked for
    assert.equal(again.json.email, 'carol@corp.example');
  });

  test('checked in more than seven days ago: refused; a second less: let in', async () => {
    const browser = lab.browser();
    try {
      await lab.agent.set({ lastCheckin: '604830s-ago' });
      refusedFor(await signIn(lab, browser, kApp, byProvider('alice')), 'posture_checkin_too_old');
      await lab.agent.set({ lastCheckin: '604700s-ago' });
      await mustSignIn(lab, browser, kApp);
    } finally {
      await lab.agent.set({ lastCheckin: 'now' });
    }
  });

  test('no agent: its own reason; agent back: opens without a new sign-in', async () => {
    const browser = lab.browser();
    await lab.agent.stop();
    try {
      refusedFor(await signIn(lab, browser, kApp, byProvider('alice')), 'agent_unreachable');
      refusedFor(await signIn(lab, browser, kApp), 'agent_unreachable');
    } finally {
      await lab.agent.start();
    }
    await mustSignIn(lab, browser, kApp);
  });

  for (const [error, permission] of [
    ['permission_denied', 'denied'],
    ['browser_unsupported', 'unsupported'],
  ]) {
    test(`${error}: its own reason and page`, async () => {
      const answer = await signIn(lab, lab.browser(), kApp, {
        ...byProvider('alice'),
        device: () => ({ error, permission }),
      });
      refusedFor(answer, error);
    });
  }
  test('each failure of the exchange has a page of its own', async () => {
    const texts = new Set();
    for (const error of ['agent_unreachable', 'permission_denied', 'browser_unsupported']) {
      const answer = await signIn(lab, lab.browser(), kApp, {
        ...byProvider('alice'),
        device: () => ({ error, permission: 'unsupported' }),
      });
      texts.add(textOf(answer.text).replaceAll(reference(answer), ''));
    }
    assert.equal(texts.size, 3);
  });
  test('an error that the page cannot report is no way in', async () => {
    for (const error of ['none', '', 'posture_ok', 'x'.repeat(5000), '<script>']) {
      const flow = new SignIn(lab, lab.browser());
      const page = await flow.begin(kApp);
      const at = await flow.finish(page, {
        ...byProvider('alice'),
        device: async (posturePage, { browser }) => {
          const { transaction } = instructionsOf(posturePage.text);
          const answer = await browser.fetch(
            `${lab.gateway.issuer}/cdn-cgi/access/posture/result`,
            {
              json: { transaction, error },
              headers: { origin: lab.gateway.issuer },
            },
          );
          assert.ok(answer.status < 500, `${error}: ${answer.status}`);
          return { error: 'agent_unreachable', permission: '' };
        },
      });
      assert.notEqual(at.headers['x-origin'], 'echo', error);
    }
  });

  test('evidence too old: checked again silently; then the device as it is now decides', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, 'brief.gateway.test', byProvider('alice'));
    assert.equal((await browser.fetch(lab.gateway.url('brief.gateway.test'))).status, 200);
    const stale = await eventually(
      async () => {
        const answer = await browser.fetch(lab.gateway.url('brief.gateway.test'));
        return answer.status !== 200 && answer;
      },
      { ms: 6000 },
    );
    assert.equal(stale.status, 401);
    assert.equal(stale.json.reason, 'posture_stale');
    const away = await browser.navigate(lab.gateway.url('brief.gateway.test', '/deep?q=1'));
    assert.equal(away.status, 302);
    assert.ok(
      away.location.startsWith(`${lab.gateway.issuer}/cdn-cgi/access/posture/brief.gateway.test?`),
      away.location,
    );
    const answer = await mustSignIn(lab, browser, 'brief.gateway.test', { target: '/deep?q=1' });
    assert.equal(answer.json.url, '/deep?q=1');
    assert.ok(!answer.trail.some((line) => /\/login\//.test(line)), answer.trail.join('\n'));
    await lab.agent.set({ managed: false });
    try {
      await sleep(3200);
      refusedFor(await signIn(lab, browser, 'brief.gateway.test'), 'posture_not_managed');
    } finally {
      await lab.agent.set({ managed: true });
    }
  });

  test('a repeated check without a session leads to the sign-in', async () => {
    const browser = lab.browser();
    const kid = await lab.gateway.audience(kApp);
    const answer = await browser.navigate(
      `${lab.gateway.issuer}/cdn-cgi/access/posture/${kApp}?` +
        new URLSearchParams({ kid, redirect_url: '/', app_session: 'A'.repeat(43) }),
    );
    assert.equal(answer.status, 302);
    assert.match(answer.location, /\/cdn-cgi\/access\/login\/app\.gateway\.test\?/);
  });

  test('the page asks this agent only, and its policy allows nothing else', async () => {
    const flow = new SignIn(lab, lab.browser());
    let page;
    await flow.finish(await flow.begin(kApp), {
      ...byProvider('alice'),
      device: (at) => {
        page = at;
        return flow.ask(at);
      },
    });
    const { candidates } = instructionsOf(page.text);
    const csp = page.headers['content-security-policy'];
    const connect = /connect-src ([^;]*)/.exec(csp)[1].split(' ');
    for (const candidate of candidates) {
      assert.match(candidate, new RegExp(`^http://(127\\.0\\.0\\.1|localhost):${lab.agent.port}$`));
      assert.ok(connect.includes(candidate), csp);
    }
    assert.equal(connect.filter((source) => source !== "'self'").length, candidates.length);
    assert.ok(!/unsafe-inline|\*/.test(csp), csp);
    assert.match(page.headers['cache-control'], /no-store/);
    assert.match(page.headers['permissions-policy'] ?? '', /loopback-network|local-network-access/);
  });

  test("the agent answers only the gateway's origin", async () => {
    const flow = new SignIn(lab, lab.browser());
    await flow.finish(await flow.begin(kApp), {
      ...byProvider('alice'),
      device: async (page) => {
        const instructions = instructionsOf(page.text);
        for (const origin of [
          'https://evil.example',
          `${lab.gateway.issuer}.evil.example`,
          'null',
          lab.gateway.issuer.replace('https', 'http'),
          `https://${kApp}:${lab.gateway.port}`,
        ]) {
          const answer = await askAgent(instructions, origin);
          assert.equal(answer.status, 403, origin);
          assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
          assert.ok(!answer.body.includes('eyJ'), origin);
        }
        const rebound = await askAgent(instructions, lab.gateway.issuer, {
          headers: { host: 'evil.example' },
        });
        assert.equal(rebound.status, 421);
        const good = await askAgent(instructions, lab.gateway.issuer);
        assert.equal(good.status, 200);
        assert.equal(good.headers['access-control-allow-origin'], lab.gateway.issuer);
        return { error: 'agent_unreachable', permission: '' };
      },
    });
  });

  test('the token of another agent: refused', async () => {
    const stranger = new OwnDevice();
    const answer = await signIn(lab, lab.browser(), kApp, {
      ...byProvider('alice'),
      device: async (page, flow) => ({ token: await stranger.answer(flow.challenge(page)) }),
    });
    refusedFor(answer, 'posture_token_invalid');
  });
});

describe('with a device that answers as it likes', () => {
  let lab;
  before(async () => {
    lab = await startLab({ idp: true, device: true });
  });
  after(() => lab?.stop());

  const enter = (make, browser = lab.browser()) =>
    signIn(lab, browser, kApp, {
      ...byProvider('alice'),
      device: async (page, flow) => ({ token: await make(flow.challenge(page), page, flow) }),
    });
  const seconds = () => Math.floor(Date.now() / 1000);

  test('control: a good answer is let in', async () => {
    const answer = await enter((challenge) => lab.device.answer(challenge));
    assert.equal(answer.headers['x-origin'], 'echo');
    assert.equal(lab.origin.last.values('gatehouse-device-id')[0], 'device-1');
  });

  const cases = {
    'another key': ['posture_token_invalid', (c) => new OwnDevice().answer(c)],
    'a changed signature': [
      'posture_token_invalid',
      async (c) => {
        const token = await lab.device.answer(c);
        return `${token.slice(0, -6)}${token.at(-6) === 'A' ? 'B' : 'A'}${token.slice(-5)}`;
      },
    ],
    'alg none': [
      'posture_token_invalid',
      async (c) => {
        const [, payload] = (await lab.device.answer(c)).split('.');
        return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
      },
    ],
    'no token at all': ['posture_token_invalid', () => 'hello'],
    'an oversized token': [
      'posture_token_invalid',
      (c) => lab.device.answer(c, { pad: 'x'.repeat(17 * 1024) }),
    ],
    expired: [
      'posture_token_expired',
      (c) => lab.device.answer(c, { iat: seconds() - 200, exp: seconds() - 100 }),
    ],
    'older than its time': [
      'posture_token_expired',
      (c) => lab.device.answer(c, { iat: seconds() - 3600, exp: seconds() + 60 }),
    ],
    'from the future': [
      'posture_token_invalid',
      (c) => lab.device.answer(c, { iat: seconds() + 3600, exp: seconds() + 3660 }),
    ],
    'another nonce': [
      'posture_nonce_mismatch',
      (c) => lab.device.answer(c, { nonce: 'A'.repeat(43) }),
    ],
    'no nonce': ['posture_nonce_mismatch', (c) => lab.device.answer(c, { nonce: undefined })],
    'another audience': [
      'posture_token_invalid',
      (c) => lab.device.answer(c, { aud: 'https://auth.other.test' }),
    ],
    'no audience': ['posture_token_invalid', (c) => lab.device.answer(c, { aud: undefined })],
    'no time': [
      'posture_token_invalid',
      (c) => lab.device.answer(c, { iat: undefined, exp: undefined }),
    ],
    unmanaged: ['posture_not_managed', (c) => lab.device.answer(c, { managed: false })],
    'managed is another word': [
      'posture_not_managed',
      (c) => lab.device.answer(c, { managed: 'no' }),
    ],
    'managed is absent': [
      /^posture_(unreadable|not_managed|missing)$/,
      (c) => lab.device.answer(c, { managed: undefined }),
    ],
    'managed is an object': [
      /^posture_(unreadable|not_managed|missing)$/,
      (c) => lab.device.answer(c, { managed: { a: 1 } }),
    ],
    'last seen too long ago': [
      'posture_checkin_too_old',
      (c) => lab.device.answer(c, { last_checkin: seconds() - 8 * 86400 }),
    ],
    'never seen': [
      'posture_checkin_unknown',
      (c) => lab.device.answer(c, { last_checkin: undefined }),
    ],
    'last seen is no time': [
      'posture_checkin_unknown',
      (c) => lab.device.answer(c, { last_checkin: 'yesterday' }),
    ],
  };
  for (const [name, [reason, make]] of Object.entries(cases)) {
    test(`${name}: ${reason}`, async () => {
      const answer = await enter(make);
      assert.notEqual(answer.headers['x-origin'], 'echo');
      assert.match(
        answer.result.reason,
        reason instanceof RegExp ? reason : new RegExp(`^${reason}$`),
      );
      assert.equal(answer.status, 403);
    });
  }

  test('replayed: the token of a sign-in that succeeded is worth nothing in another', async () => {
    let used;
    const first = await enter(async (challenge) => (used = await lab.device.answer(challenge)));
    assert.equal(first.headers['x-origin'], 'echo');
    const answer = await enter(() => used);
    assert.match(answer.result.reason, /^posture_(nonce_mismatch|token_replayed)$/);
    assert.notEqual(answer.headers['x-origin'], 'echo');
  });

  test('the same jti with the nonce of another sign-in: replayed', async () => {
    const jti = 'the-same-jti';
    assert.equal((await enter((c) => lab.device.answer(c, { jti }))).headers['x-origin'], 'echo');
    const answer = await enter((c) => lab.device.answer(c, { jti }));
    assert.equal(answer.result.reason, 'posture_token_replayed');
    assert.equal(answer.status, 403);
  });

  test('the answer to one page reported twice counts once', async () => {
    const browser = lab.browser();
    const answers = [];
    await enter(async (challenge, page) => {
      const token = await lab.device.answer(challenge);
      const { transaction } = instructionsOf(page.text);
      const send = () =>
        browser.fetch(`${lab.gateway.issuer}/cdn-cgi/access/posture/result`, {
          json: { transaction, token },
          headers: { origin: lab.gateway.issuer },
        });
      answers.push(await send(), await send());
      return token;
    }, browser).catch(() => {});
    assert.equal(answers.length, 2);
    assert.ok(answers[0].json.next, answers[0].text);
    assert.ok(answers[1].status >= 400 || answers[1].json.reason, answers[1].text);
  });

  test('a result from a browser that was not asked: refused', async () => {
    let outcome;
    await enter(async (challenge, page) => {
      const { transaction } = instructionsOf(page.text);
      const token = await lab.device.answer(challenge);
      const thief = lab.browser();
      outcome = await thief.fetch(`${lab.gateway.issuer}/cdn-cgi/access/posture/result`, {
        json: { transaction, token },
        headers: { origin: lab.gateway.issuer },
      });
      assert.equal(thief.cookie(kAuth, 'CF_Authorization'), undefined);
      return token;
    });
    assert.ok(outcome.status >= 400 && outcome.status < 500, `${outcome.status}`);
    assert.ok(!/authorized/.test(outcome.text));
  });

  for (const [name, body, type] of [
    ['no JSON', 'hello', 'application/json'],
    ['an array', '[]', 'application/json'],
    ['numbers for texts', '{"transaction":1,"token":2}', 'application/json'],
    ['nothing', '', 'application/json'],
    ['deep nesting', '['.repeat(50_000), 'application/json'],
    ['a form', 'transaction=x&token=y', 'application/x-www-form-urlencoded'],
    ['a duplicated key', '{"transaction":"a","transaction":"b","token":"x"}', 'application/json'],
  ]) {
    test(`a result that is ${name}: 4xx`, async () => {
      const answer = await lab
        .browser()
        .request(`${lab.gateway.issuer}/cdn-cgi/access/posture/result`, {
          method: 'POST',
          body,
          headers: { 'content-type': type, origin: lab.gateway.issuer },
        });
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    });
  }

  test('the posture page needs its transaction and its browser', async () => {
    const transactions = [];
    await enter((challenge, page) => {
      transactions.push(page.url);
      return lab.device.answer(challenge);
    });
    const thief = lab.browser();
    for (const url of [
      transactions[0],
      `${lab.gateway.issuer}/cdn-cgi/access/posture`,
      `${lab.gateway.issuer}/cdn-cgi/access/posture?transaction=${'A'.repeat(300)}`,
    ]) {
      const answer = await thief.navigate(url);
      assert.notEqual(pageKind(answer), 'posture', url);
      assert.ok(answer.status >= 300 && answer.status < 500, `${answer.status}`);
    }
  });

  test("evidence of one person's session does not serve another's", async () => {
    const alice = lab.browser();
    await enter((challenge) => lab.device.answer(challenge), alice);
    const carol = lab.browser();
    const answer = await signIn(lab, carol, kApp, {
      ...byProvider('carol'),
      device: () => ({ error: 'agent_unreachable', permission: '' }),
    });
    refusedFor(answer, 'agent_unreachable');
  });

  test('who is signed in without evidence is told 401 and why', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    const answer = await browser.fetch(lab.gateway.url(kApp));
    assert.equal(answer.status, 401);
    assert.equal(answer.json.reason, 'not_signed_in'); // another application's token says nothing here
    const rule = lab.gateway.configuration.device_posture_rules[0];
    assert.equal(rule.name, kRule);
  });
});
