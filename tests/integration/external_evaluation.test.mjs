// External evaluators (docs/reference/external-evaluation.md): a real one, and every answer of one
// that must not count.
import https from 'node:https';
import fs from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as jose from 'jose';
import { startLab, application, domain, policy, posture } from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { eventually, sleep } from '../harness/process.mjs';
import { pki } from '../harness/pki.mjs';
import { textOf, unescapeHtml } from '../harness/html.mjs';
import { auditOf } from '../harness/audit.mjs';
import { once } from '../harness/http.mjs';

const kApp = 'app.gateway.test';
const kBrief = 'brief.gateway.test'; // its answers count for ten seconds
const kBoth = 'admin.gateway.test'; // looks at the device as well
const kPlain = 'other.gateway.test'; // asks no evaluator

class Evaluator {
  mode = 'yes';
  questions = []; // verified claims
  keysFetched = 0;

  static async start() {
    const evaluator = new Evaluator();
    await evaluator.rotate('first');
    const { certificate, key } = pki();
    evaluator.server = https.createServer(
      { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) },
      (request, response) => {
        evaluator.#answer(request, response).catch((error) => response.destroy(error));
      },
    );
    await new Promise((resolve) => evaluator.server.listen(0, '127.0.0.1', resolve));
    evaluator.url = `https://localhost:${evaluator.server.address().port}`;
    return evaluator;
  }
  async rotate(kid) {
    const { publicKey, privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
    this.kid = kid;
    this.key = privateKey;
    this.jwk = { ...(await jose.exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request, response) {
    const json = (status, document) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(document));
    };
    if (request.url === '/keys') {
      this.keysFetched++;
      return json(200, { keys: [this.jwk] });
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    const certs = (await once(`${this.issuer}/cdn-cgi/access/certs`)).json;
    const { payload } = await jose.jwtVerify(
      JSON.parse(body).token,
      jose.createLocalJWKSet({ keys: certs.keys }),
      { algorithms: ['RS256'] },
    );
    this.questions.push(payload);
    if (this.mode === 'hang') return undefined;
    if (this.mode === 'error') return json(500, { error: 'broken' });
    if (this.mode === 'refuse') return json(403, { success: false, error: 'no' });
    const now = Math.floor(Date.now() / 1000);
    const claims = { success: this.mode !== 'no', nonce: payload.nonce, iat: now, exp: now + 60 };
    if (this.mode === 'wrong nonce') claims.nonce = 'another';
    if (this.mode === 'expired') Object.assign(claims, { iat: now - 60, exp: now - 1 });
    if (this.mode === 'no success') delete claims.success;
    let { key } = this;
    if (this.mode === 'wrong key') key = (await jose.generateKeyPair('RS256')).privateKey;
    const token = await new jose.SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: this.kid })
      .sign(key);
    return json(200, this.mode === 'no token' ? claims : { token });
  }
}

let lab;
let evaluator;
before(async () => {
  evaluator = await Evaluator.start();
  lab = await startLab({
    idp: true,
    agent: true,
    config(c) {
      c.identity_providers[0].config.claims = [
        'department',
        'roles',
        'employee_id',
        'clearance', // an object: nothing to compare
      ];
      const asks = (more) => ({
        external_evaluation: {
          evaluate_url: `${evaluator.url}/evaluate`,
          keys_url: `${evaluator.url}/keys`,
          ...more,
        },
      });
      const people = (name, host, ...require) =>
        application(name, host, [
          policy('allow', 'Corp people', { include: [domain('corp.example')], require }),
        ]);
      c.applications = [
        people('App', kApp, asks()),
        people('Brief', kBrief, asks({ expiration: '10s' })),
        people('Both', kBoth, asks(), posture()),
        people('Plain', kPlain),
      ];
    },
  });
  evaluator.issuer = lab.gateway.issuer;
});
after(async () => {
  await lab?.stop();
  await evaluator?.stop();
});
afterEach(() => {
  evaluator.mode = 'yes';
});

const lastResult = () => auditOf(lab.gateway, 'evaluation_result').at(-1);
const refusedFor = (answer, reason) => {
  assert.equal(answer.status, 403, answer.trail?.join('\n'));
  assert.match(textOf(answer.text), new RegExp(`Reason ${reason}`));
};
const retryOf = (page) =>
  unescapeHtml(/href="([^"]*\/cdn-cgi\/access\/posture\/[^"]*)"/.exec(page.text)[1]);

describe('an evaluator', () => {
  test('that says yes: asked once, about this person, and let in', async () => {
    const browser = lab.browser();
    const asked = evaluator.questions.length;
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
    await mustSignIn(lab, browser, kApp);
    assert.equal(evaluator.questions.length, asked + 1);
    const { identity, nonce, iat, exp } = evaluator.questions.at(-1);
    assert.equal(identity.email, 'alice@corp.example');
    assert.equal(identity.idp.type, 'oidc');
    assert.equal(identity.ip, browser.address);
    const fields = { department: 'R&D', roles: ['admin', 'dev'], employee_id: '7' };
    assert.deepEqual(identity.oidc_fields, fields);
    const shown = await browser.fetch(lab.gateway.url(kApp, '/cdn-cgi/access/get-identity'));
    assert.deepEqual(shown.json.oidc_fields, fields);
    assert.match(nonce, /^[\w-]{43}$/);
    assert.equal(exp - iat, 60);
    assert.equal(lastResult().reason, '');
  });

  test('is not asked about people whom its answer could not help', async () => {
    const asked = evaluator.questions.length;
    const browser = lab.browser();
    refusedFor(await signIn(lab, browser, kApp, byProvider('bob')), 'identity_not_permitted');
    const start = (await new SignIn(lab, browser).navigate(lab.gateway.url(kApp))).location;
    const led = await browser.navigate(start.replace('/access/login/', '/access/posture/'));
    assert.match(led.location, /\/cdn-cgi\/access\/refused/);
    assert.equal(evaluator.questions.length, asked);
  });

  test('that says no: refused, and asked again when the person tries again', async () => {
    const browser = lab.browser();
    evaluator.mode = 'no';
    const page = await signIn(lab, browser, kApp, byProvider('alice'));
    refusedFor(page, 'evaluation_refused');
    assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 401); // has no token yet
    assert.equal(lastResult().reason, 'evaluation_refused');
    evaluator.mode = 'yes';
    await sleep(5100);
    const flow = new SignIn(lab, browser);
    const again = await flow.follow(await flow.navigate(retryOf(page)));
    assert.equal(again.headers['x-origin'], 'echo', flow.trail.join('\n'));
  });

  for (const [mode, code] of [
    ['wrong nonce', 'wrong_nonce'],
    ['wrong key', 'bad_signature'],
    ['expired', 'expired'],
    ['no success', 'claim_missing'],
    ['no token', 'malformed_answer'],
    ['error', 'unexpected_status'],
    ['refuse', 'unexpected_status'],
  ]) {
    test(`whose answer is no answer (${mode}): refused, recorded, and asked again on retry`, async () => {
      const browser = lab.browser();
      evaluator.mode = mode;
      const page = await signIn(lab, browser, kApp, byProvider('alice'));
      refusedFor(page, 'evaluation_missing');
      assert.equal(lastResult().reason, code);
      evaluator.mode = 'yes';
      const flow = new SignIn(lab, browser);
      const again = await flow.follow(await flow.navigate(retryOf(page)));
      assert.equal(again.headers['x-origin'], 'echo', flow.trail.join('\n'));
    });
  }

  test('that hangs is waited for five seconds, by the one who needs it alone', async () => {
    evaluator.mode = 'hang';
    const began = Date.now();
    const waiting = signIn(lab, lab.browser(), kApp, byProvider('alice'));
    const others = Promise.all(
      ['carol', 'mixed', 'zoe'].map((user) =>
        mustSignIn(lab, lab.browser(), kPlain, byProvider(user)),
      ),
    );
    await others;
    assert.ok(Date.now() - began < 4500, 'others had to wait');
    refusedFor(await waiting, 'evaluation_missing');
    assert.ok(Date.now() - began < 9000);
    assert.equal(lastResult().reason, 'unreachable');
  });

  test('that has new keys is believed under the new ones', async () => {
    await mustSignIn(lab, lab.browser(), kApp, byProvider('alice'));
    const fetched = evaluator.keysFetched;
    await evaluator.rotate('second');
    await mustSignIn(lab, lab.browser(), kApp, byProvider('alice'));
    assert.equal(evaluator.keysFetched, fetched + 1);
    // A key that is not published is no reason to fetch again and again.
    const { key, kid, jwk } = evaluator;
    await evaluator.rotate('unpublished');
    evaluator.jwk = jwk;
    try {
      for (let i = 0; i < 3; i++) {
        const page = await signIn(lab, lab.browser(), kApp, byProvider('alice'));
        refusedFor(page, 'evaluation_missing');
        assert.equal(lastResult().reason, 'unknown_key');
      }
    } finally {
      Object.assign(evaluator, { key, kid });
    }
    assert.ok(evaluator.keysFetched <= fetched + 2, `${evaluator.keysFetched - fetched} fetches`);
  });
});

describe('an answer that has grown too old', () => {
  test('is refused at once, asked for again by a navigation, and left alone by an evaluator that fails', async () => {
    const browser = lab.browser();
    const url = lab.gateway.url(kBrief);
    await mustSignIn(lab, browser, kBrief, byProvider('alice'));
    assert.equal((await browser.fetch(url)).status, 200);
    const stale = await eventually(
      async () => {
        const answer = await browser.fetch(url);
        return answer.status !== 200 && answer;
      },
      { ms: 15_000, what: 'an answer too old' },
    );
    assert.equal(stale.status, 401);
    assert.equal(stale.json.reason, 'evaluation_stale');
    assert.equal(stale.json.remedy, 'check_device');
    const asked = evaluator.questions.length;
    const again = await mustSignIn(lab, browser, kBrief); // no question to the person
    assert.ok(again.trail.some((line) => line.includes('/cdn-cgi/access/posture/')));
    assert.equal(evaluator.questions.length, asked + 1);
    evaluator.mode = 'error';
    await sleep(11_000);
    refusedFor(await signIn(lab, browser, kBrief), 'evaluation_stale');
    evaluator.mode = 'yes';
    await mustSignIn(lab, browser, kBrief);
  });

  test('a request that is no navigation never waits for the evaluator', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kBrief, byProvider('alice'));
    evaluator.mode = 'hang';
    await sleep(11_000);
    const began = Date.now();
    const answer = await browser.fetch(lab.gateway.url(kBrief));
    assert.equal(answer.json.reason, 'evaluation_stale');
    assert.ok(Date.now() - began < 1000);
  });
});

describe('an evaluator and the device', () => {
  test('are both asked, and both must be in order', async () => {
    const browser = lab.browser();
    const opened = await mustSignIn(lab, browser, kBoth, byProvider('alice'));
    const step = (part) => opened.trail.findIndex((line) => line.includes(part));
    assert.ok(step('/access/posture/') > 0 && step('/access/posture/') < step('/access/posture?'));

    evaluator.mode = 'error';
    const unanswered = await signIn(lab, lab.browser(), kBoth, byProvider('alice'));
    refusedFor(unanswered, 'evaluation_missing');
    assert.ok(!unanswered.trail.some((line) => line.includes('/access/posture?')));
    evaluator.mode = 'yes';
    await lab.agent.set({ managed: false });
    try {
      const unmanaged = await signIn(lab, lab.browser(), kBoth, byProvider('alice'));
      refusedFor(unmanaged, 'posture_not_managed');
    } finally {
      await lab.agent.set({ managed: true });
    }
  });
});
