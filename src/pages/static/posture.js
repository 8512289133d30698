// Asks the agent on this device for a signed statement and hands it to the gateway, which verifies it.
// The page says what to ask in its data-instructions attribute and how to say it in data-texts. ES2017, no dependencies.
(function () {
  'use strict';

  const PROMPT_MS = 120000; // while the browser's question is open, a person decides
  const TICK_MS = 500;
  const OVERALL_MS = 150000;
  const RESULT_MS = 20000;
  const LEAVE_MS = 15000;
  const MAX_TOKEN_CHARACTERS = 16 * 1024;

  const element = function (id) { return document.getElementById(id); };

  function browserName() {
    const agent = navigator.userAgent || '';
    // By engine: every browser on iOS is WebKit, whatever it is called.
    if (/AppleWebKit\//.test(agent) && !/(Chrome|Chromium)\//.test(agent)) return 'safari';
    if (/(Chrome|Chromium)\//.test(agent)) return 'chromium';
    return /Firefox\//.test(agent) ? 'firefox' : 'other';
  }

  async function permissionState() {
    for (const name of ['loopback-network', 'local-network-access']) {
      try {
        return (await navigator.permissions.query({ name: name })).state;
      } catch (error) {
        // A name, or an interface, that this browser does not know.
      }
    }
    return 'unsupported';
  }

  function requestTo(base, instructions, signal) {
    const fields = instructions.fields || {};
    const init = {
      method: instructions.method || 'POST',
      mode: 'cors',
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      headers: { Accept: 'application/jwt, application/json' },
      signal: signal
    };
    let url = base.replace(/\/+$/, '') + instructions.path;
    if (instructions.encoding === 'query' || init.method === 'GET') {
      url += (url.indexOf('?') < 0 ? '?' : '&') + new URLSearchParams(fields).toString();
    } else if (instructions.encoding === 'form') {
      init.headers['Content-Type'] = 'application/x-www-form-urlencoded';
      init.body = new URLSearchParams(fields).toString();
    } else {
      init.headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(fields);
    }
    return { url: url, init: init };
  }

  async function send(request, space) {
    if (space) {
      try {
        return await fetch(request.url, Object.assign({ targetAddressSpace: space }, request.init));
      } catch (error) {
        // Browsers of an older draft refuse the value instead of ignoring it.
        if (!(error instanceof TypeError && /enum|AddressSpace/i.test(error.message))) throw error;
      }
    }
    return fetch(request.url, request.init);
  }

  // RFC 6901
  function atPointer(value, pointer) {
    for (const part of pointer.split('/').slice(1)) {
      if (value === null || typeof value !== 'object') return undefined;
      value = value[part.replace(/~1/g, '/').replace(/~0/g, '~')];
    }
    return value;
  }

  async function tokenOf(response, source) {
    if (source.startsWith('header:')) return response.headers.get(source.slice(7));
    const text = (await response.text()).trim();
    if (source.startsWith('json:')) return atPointer(JSON.parse(text), source.slice(5));
    const json = /json/i.test(response.headers.get('content-type') || '');
    return source === 'auto' && json ? JSON.parse(text).token : text;
  }

  function pause(ms) { return new Promise(function (resolve) { setTimeout(resolve, ms); }); }

  // Ends a request that stays pending. That is an agent that is slow, or a browser that asks the visitor
  // first; `prompt` does not tell which, since it is also said where no question is needed. So time counts
  // against the agent only while no question can be open, and against the visitor else.
  async function endWhenLate(request, timeout) {
    const tick = Math.min(TICK_MS, timeout);
    let agent = 0;
    let visitor = 0;
    while (agent < timeout && visitor < PROMPT_MS) {
      await pause(tick);
      const asking = await permissionState() === 'prompt';
      if (request.settled) return;
      if (asking) visitor += tick;
      else agent += tick;
      element('explanation').hidden = !asking;
    }
    request.ignored = visitor >= PROMPT_MS;
    request.controller.abort();
  }

  // One candidate: {token}, or {error} with `agent_error`, `ignored` or `unreachable`.
  async function call(base, instructions) {
    const controller = new AbortController();
    const request = { controller: controller, settled: false, ignored: false };
    endWhenLate(request, instructions.timeout_ms || 5000);
    try {
      const response = await send(requestTo(base, instructions, controller.signal),
        instructions.target_address_space);
      if (!response.ok) return { error: 'agent_error' };
      let token;
      try {
        token = await tokenOf(response, instructions.token_source || 'auto');
      } catch (error) {
        return { error: 'agent_error' };
      }
      const usable = typeof token === 'string' && token && token.length <= MAX_TOKEN_CHARACTERS;
      return usable ? { token: token } : { error: 'agent_error' };
    } catch (error) {
      return { error: request.ignored ? 'ignored' : 'unreachable' };
    } finally {
      request.settled = true;
      element('explanation').hidden = true;
    }
  }

  async function ask(instructions) {
    const browser = browserName();
    let answered = false;
    let ignored = false;
    for (const base of instructions.candidates) {
      const outcome = await call(base, instructions);
      if (outcome.token) return { token: outcome.token };
      if (outcome.error === 'agent_error') answered = true;
      ignored = outcome.error === 'ignored';
      if (ignored) break;
    }
    const permission = await permissionState();
    // A refused permission, a closed port and a forbidden origin look alike to a script: what the
    // browser says of the permission tells the first from the others.
    let error = 'agent_unreachable';
    if (answered) error = 'agent_error';
    else if (permission === 'denied' || ignored) error = 'permission_denied';
    else if (browser === 'safari' && location.protocol === 'https:') error = 'browser_unsupported';
    return { error: error, permission: permission, browser: browser };
  }

  async function deliver(instructions, outcome) {
    const url = new URL(instructions.result_url, location.href);
    if (url.origin !== location.origin) throw new Error('foreign result url');
    const controller = new AbortController();
    const timer = setTimeout(function () { controller.abort(); }, RESULT_MS);
    try {
      const response = await fetch(url.href, {
        method: 'POST',
        credentials: 'same-origin',
        cache: 'no-store',
        redirect: 'error',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(Object.assign({ transaction: instructions.transaction }, outcome)),
        signal: controller.signal
      });
      const answer = await response.json();
      const next = answer.next || answer.page;
      if (typeof next !== 'string') throw new Error('no target');
      const target = new URL(next, location.href);
      if (target.protocol !== 'https:' && target.protocol !== 'http:') throw new Error('odd target');
      return target.href;
    } finally {
      clearTimeout(timer);
    }
  }

  const texts = JSON.parse(element('posture').getAttribute('data-texts'));

  function say(key) { element('status').textContent = texts[key]; }

  function fail(key) {
    element('explanation').hidden = true;
    element('progress').className = 'progress failed';
    element('failure').textContent = texts[key];
    element('failed').hidden = false;
  }

  async function run() {
    say('asking');
    element('progress').hidden = false;
    const instructions = JSON.parse(element('posture').getAttribute('data-instructions'));
    const limit = new Promise(function (resolve) {
      setTimeout(function () {
        resolve({ error: 'agent_unreachable', permission: 'unsupported', browser: browserName() });
      }, OVERALL_MS);
    });
    const outcome = await Promise.race([ask(instructions), limit]);
    element('explanation').hidden = true;
    say(outcome.token ? 'answered' : 'silent');
    let target;
    try {
      target = await deliver(instructions, outcome);
    } catch (error) {
      say('unfinished');
      fail('not_taken');
      return;
    }
    element('progress').className = 'progress done';
    if (outcome.token) say('done');
    location.replace(target);
    setTimeout(function () { fail('slow'); }, LEAVE_MS);
  }

  element('retry').addEventListener('click', function () { location.reload(); });
  run().catch(function () {
    say('not_started');
    fail('reload');
  });
})();
