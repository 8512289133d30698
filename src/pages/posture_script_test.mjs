// Runs static/posture.js against a scripted page, browser and network: node posture_script_test.mjs
import assert from 'node:assert/strict';
import fs from 'node:fs';
import vm from 'node:vm';

const source = fs.readFileSync(new URL('static/posture.js', import.meta.url), 'utf8');
const CHROME = 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/157.0.0.0 Safari/537.36';
const SAFARI = 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.2 Safari/605.1.15';
const CHROME_IOS = 'Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/157.0 Safari/604.1';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:160.0) Gecko/20100101 Firefox/160.0';
const AGENT = 'http://127.0.0.1:17472';
const HANG = Symbol('hang');
const TEXTS = JSON.stringify(Object.fromEntries(['asking', 'answered', 'silent', 'done', 'unfinished', 'not_taken', 'slow', 'not_started', 'reload'].map((key) => [key, `said: ${key}`])));
const INSTRUCTIONS = {
  transaction: 'sealed', result_url: '/cdn-cgi/access/posture/result', candidates: [AGENT], method: 'POST', path: '/lpx/v1/attest',
  encoding: 'json', fields: { nonce: 'n1', aud: 'https://auth.example' }, token_source: 'auto', timeout_ms: 5000, target_address_space: 'loopback',
};
const jwt = (body = 'a.b.c') => new Response(body, { headers: { 'content-type': 'application/jwt' } });
const json = (body, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const refused = () => { throw new TypeError('Failed to fetch'); };

// agent(url, init) and gateway(body) answer with a Response, throw, or HANG until aborted.
async function play({ change = {}, agent = () => jwt(), gateway = () => json({ next: 'https://wiki.example/x' }), permissions = {}, ua = CHROME }) {
  const instructions = { ...INSTRUCTIONS, ...change };
  const elements = {};
  for (const id of ['posture', 'status', 'progress', 'explanation', 'failure', 'failed', 'retry'])
    elements[id] = { hidden: true, textContent: '', className: '', listeners: {}, getAttribute: (name) => (name === 'data-texts' ? TEXTS : JSON.stringify(instructions)), addEventListener(type, f) { this.listeners[type] = f; } };
  const seen = { elements, agent: [], posted: [], left: null, reloaded: false, explained: false, timeouts: [] };
  const timers = new Map();
  let clock = 0;
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const context = {
    document: { getElementById: (id) => elements[id] },
    navigator: {
      userAgent: ua,
      permissions: { query: async ({ name }) => { if (!(name in permissions)) throw new TypeError('unknown name'); const p = permissions[name]; return { state: typeof p === 'function' ? p() : p }; } },
    },
    location: { href: 'https://auth.example/cdn-cgi/access/posture?transaction=sealed', origin: 'https://auth.example', protocol: 'https:', replace(url) { seen.left = url; }, reload() { seen.reloaded = true; } },
    setTimeout: (f, ms) => { const id = Symbol('timer'); seen.timeouts.push(ms); timers.set(id, { at: clock + ms, f }); return id; },
    clearTimeout: (id) => timers.delete(id),
    fetch: async (url, init) => {
      const ours = url.startsWith('https://auth.example/');
      if (ours) seen.posted.push({ url, init, body: JSON.parse(init.body) });
      else seen.agent.push({ url, init });
      const answer = await (ours ? gateway(JSON.parse(init.body)) : agent(url, init));
      if (answer !== HANG) return answer;
      return new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(Object.assign(new Error('aborted'), { name: 'AbortError' }))));
    },
    URL, URLSearchParams, AbortController, TypeError,
  };
  vm.runInNewContext(source, context);
  for (let i = 0; i < 400 && seen.left === null && elements.failed.hidden; i++) {
    for (let j = 0; j < 20; j++) await settle();
    if (seen.left !== null || !elements.failed.hidden) break;
    const next = [...timers].sort((a, b) => a[1].at - b[1].at)[0]; // nothing moves: time passes
    if (!next) break;
    timers.delete(next[0]);
    clock = next[1].at;
    next[1].f();
    for (let j = 0; j < 20; j++) await settle();
    seen.explained = seen.explained || !elements.explanation.hidden;
  }
  seen.clock = clock;
  seen.fireTimers = () => { for (const [id, t] of [...timers]) { timers.delete(id); t.f(); } };
  return seen;
}
const tests = [];
const test = (name, body) => tests.push([name, body]);

test('an answer of the agent is handed over and followed', async () => {
  const s = await play({ permissions: { 'loopback-network': 'granted' } });
  assert.equal(s.agent[0].url, `${AGENT}/lpx/v1/attest`);
  const { init } = s.agent[0];
  assert.deepEqual([init.method, init.mode, init.credentials, init.redirect, init.cache, init.referrerPolicy, init.targetAddressSpace], ['POST', 'cors', 'omit', 'error', 'no-store', 'no-referrer', 'loopback']);
  assert.deepEqual(JSON.parse(init.body), INSTRUCTIONS.fields);
  assert.equal(init.headers['Content-Type'], 'application/json');
  assert.equal(s.posted[0].url, 'https://auth.example/cdn-cgi/access/posture/result');
  assert.equal(s.posted[0].init.credentials, 'same-origin');
  assert.deepEqual(s.posted[0].body, { transaction: 'sealed', token: 'a.b.c' });
  assert.equal(s.left, 'https://wiki.example/x');
  assert.equal(s.explained, false);
  s.fireTimers(); // the next page does not come
  assert.equal(s.elements.failed.hidden, false);
});
test('a refusal page is followed', async () => {
  const s = await play({ gateway: () => json({ reason: 'posture_not_managed', page: '/cdn-cgi/access/refused?transaction=t' }, 403) });
  assert.equal(s.left, 'https://auth.example/cdn-cgi/access/refused?transaction=t');
});
for (const [name, change, agent, token] of [
  ['json body', {}, () => json({ token: 'j' }), 'j'],
  ['json body with parameters', {}, () => new Response('{"token":"j"}', { headers: { 'content-type': 'application/json; charset=utf-8' } }), 'j'],
  ['body whatever the type', { token_source: 'body' }, () => new Response(' t \n', { headers: { 'content-type': 'application/json' } }), 't'],
  ['pointer', { token_source: 'json:/a~1b/0/~0' }, () => json({ 'a/b': [{ '~': 'p' }] }), 'p'],
  ['header', { token_source: 'header:X-Token' }, () => new Response('', { headers: { 'x-token': 'h' } }), 'h'],
]) test(`token from ${name}`, async () => assert.equal((await play({ change, agent })).posted[0].body.token, token));
for (const [name, agent, change = {}] of [
  ['status 503', () => json({ error: 'not_ready' }, 503)],
  ['empty body', () => jwt('')],
  ['json without token', () => json({})],
  ['broken json', () => new Response('{', { headers: { 'content-type': 'application/json' } })],
  ['pointer to nothing', () => json({ a: null }), { token_source: 'json:/a/b' }],
  ['token that is no text', () => json({ token: { a: 1 } })],
  ['token that is too long', () => jwt('x'.repeat(16385))],
]) test(`agent_error: ${name}`, async () => {
  const s = await play({ agent, change });
  assert.deepEqual(s.posted[0].body, { transaction: 'sealed', error: 'agent_error', permission: 'unsupported', browser: 'chromium' });
});
test('GET puts the fields into the query', async () => {
  const s = await play({ change: { method: 'GET', encoding: 'json', path: '/a?b=1', fields: { nonce: 'n 1' } } });
  assert.equal(s.agent[0].url, `${AGENT}/a?b=1&nonce=n+1`);
  assert.equal(s.agent[0].init.body, undefined);
  assert.equal('Content-Type' in s.agent[0].init.headers, false);
});
test('POST with query encoding has no body', async () => {
  const s = await play({ change: { encoding: 'query' } });
  assert.equal(s.agent[0].url, `${AGENT}/lpx/v1/attest?nonce=n1&aud=https%3A%2F%2Fauth.example`);
  assert.equal(s.agent[0].init.body, undefined);
});
test('form encoding', async () => {
  const s = await play({ change: { encoding: 'form' } });
  assert.equal(s.agent[0].init.body, 'nonce=n1&aud=https%3A%2F%2Fauth.example');
  assert.equal(s.agent[0].init.headers['Content-Type'], 'application/x-www-form-urlencoded');
});
test('candidates in order, the next one after a failure', async () => {
  const s = await play({ change: { candidates: [AGENT, 'http://localhost:17472/'] }, agent: (url) => (url.startsWith(AGENT) ? refused() : jwt()) });
  assert.deepEqual(s.agent.map((a) => a.url), [`${AGENT}/lpx/v1/attest`, 'http://localhost:17472/lpx/v1/attest']);
  assert.equal(s.posted[0].body.token, 'a.b.c');
});
test('again without targetAddressSpace where its value is unknown', async () => {
  const s = await play({ agent: (_, init) => { if (init.targetAddressSpace) throw new TypeError("The provided value 'loopback' is not a valid enum value of type IPAddressSpace."); return jwt(); } });
  assert.deepEqual(s.agent.map((a) => a.init.targetAddressSpace), ['loopback', undefined]);
  assert.equal(s.left, 'https://wiki.example/x');
});
test('no targetAddressSpace where none is configured', async () => {
  const s = await play({ change: { target_address_space: '' } });
  assert.equal('targetAddressSpace' in s.agent[0].init, false);
});
for (const [name, options, expected] of [
  ['no agent', { permissions: { 'loopback-network': 'granted' } }, ['agent_unreachable', 'granted', 'chromium']],
  ['permission denied', { permissions: { 'loopback-network': 'denied' } }, ['permission_denied', 'denied', 'chromium']],
  ['permission denied under its old name', { permissions: { 'local-network-access': 'denied' } }, ['permission_denied', 'denied', 'chromium']],
  ['no such permission', { ua: FIREFOX }, ['agent_unreachable', 'unsupported', 'firefox']],
  ['Safari', { ua: SAFARI }, ['browser_unsupported', 'unsupported', 'safari']],
  ['Chrome on iOS', { ua: CHROME_IOS }, ['browser_unsupported', 'unsupported', 'safari']],
]) test(`failure: ${name}`, async () => {
  const s = await play({ agent: refused, ...options });
  const [error, permission, browser] = expected;
  assert.deepEqual(s.posted[0].body, { transaction: 'sealed', error, permission, browser });
  assert.equal(s.left, 'https://wiki.example/x');
});
test('Safari that does reach an agent is served', async () => assert.equal((await play({ ua: SAFARI })).posted[0].body.token, 'a.b.c'));
test('a hanging agent costs the configured time', async () => {
  const s = await play({ agent: () => HANG });
  assert.equal(s.posted[0].body.error, 'agent_unreachable');
  assert.equal(s.clock, 5000);
});
// A visitor who answers the browser's question after so many looks at its state.
const visitor = (looks, state, answer) => {
  let settle;
  const pending = new Promise((resolve) => { settle = resolve; });
  return {
    permissions: { 'loopback-network': () => { if (looks-- > 0) return 'prompt'; settle(answer); return state; } },
    agent: async () => { const given = await pending; return given === HANG ? HANG : given(); },
  };
};
test('a prompt is explained, waited for, and a grant goes on', async () => {
  const s = await play(visitor(60, 'granted', jwt));
  assert.equal(s.explained, true);
  assert.equal(s.elements.explanation.hidden, true);
  assert.ok(s.clock >= 30000 && s.clock < 31500, `${s.clock}`);
  assert.equal(s.agent.length, 1);
  assert.equal(s.posted[0].body.token, 'a.b.c');
});
test('a prompt that is refused', async () => {
  const s = await play(visitor(3, 'denied', refused));
  assert.equal(s.posted[0].body.error, 'permission_denied');
});
test('after a grant the agent has its own time', async () => {
  const s = await play(visitor(60, 'granted', HANG));
  assert.equal(s.posted[0].body.error, 'agent_unreachable');
  assert.ok(s.clock >= 35000 && s.clock < 36500, `${s.clock}`);
});
test('`prompt` where no question is needed: an answer at once, without explanation', async () => {
  const s = await play({ permissions: { 'loopback-network': 'prompt' } });
  assert.deepEqual([s.explained, s.clock, s.posted[0].body.token], [false, 0, 'a.b.c']);
});
test('`prompt` and nothing listens: the reason is the agent, at once', async () => {
  const s = await play({ permissions: { 'loopback-network': 'prompt' }, agent: refused });
  assert.deepEqual([s.explained, s.clock], [false, 0]);
  assert.deepEqual(s.posted[0].body, { transaction: 'sealed', error: 'agent_unreachable', permission: 'prompt', browser: 'chromium' });
});
test('a prompt that nobody answers ends once, whatever the number of candidates', async () => {
  const s = await play({ change: { candidates: [AGENT, 'http://localhost:17472'] }, permissions: { 'loopback-network': 'prompt' }, agent: () => HANG });
  assert.equal(s.agent.length, 1);
  assert.deepEqual(s.posted[0].body, { transaction: 'sealed', error: 'permission_denied', permission: 'prompt', browser: 'chromium' });
  assert.equal(s.clock, 120000);
});
test('the whole has a limit', async () => {
  const s = await play({ change: { timeout_ms: 9e6 }, agent: () => HANG });
  assert.equal(s.clock, 150000);
  assert.equal(s.posted[0].body.error, 'agent_unreachable');
});
for (const [name, gateway] of [
  ['no connection', refused],
  ['no answer', () => HANG],
  ['an error page', () => new Response('<html>', { status: 502 })],
  ['an answer without target', () => json({}, 500)],
  ['a script as target', () => json({ next: 'javascript:alert(1)' })],
]) test(`the gateway gives ${name}: retry`, async () => {
  const s = await play({ gateway });
  assert.equal(s.left, null);
  assert.equal(s.elements.failed.hidden, false);
  assert.notEqual(s.elements.failure.textContent, '');
  s.elements.retry.listeners.click();
  assert.equal(s.reloaded, true);
});
test('a foreign result url gets nothing', async () => {
  const s = await play({ change: { result_url: 'https://evil.example/' } });
  assert.equal(s.posted.length, 0);
  assert.equal(s.elements.failed.hidden, false);
});
test('broken instructions end in a message', async () => {
  const s = await play({ change: { candidates: null } });
  assert.equal(s.posted.length, 0);
  assert.equal(s.elements.failed.hidden, false);
});

let failed = 0;
for (const [name, body] of tests) {
  try { await body(); } catch (error) { failed++; console.error(`FAILED ${name}\n`, error); }
}
console.log(`${tests.length - failed} of ${tests.length} passed`);
process.exit(failed ? 1 : 0);
