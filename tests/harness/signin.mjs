// The sign-in of docs/reference/wire.md, step by step as a browser takes it, without one.
import assert from 'node:assert/strict';
import { formsOf, instructionsOf, textOf } from './html.mjs';
import { askAgent, challengeOf, tokenOf } from './agent.mjs';
import { login } from '../idp/login.mjs';

// What a page of the gateway is: chooser, pin-request, pin-entry, posture, or other.
export function pageKind(response) {
  if (response.status !== 200 || !/text\/html/.test(response.headers['content-type'] ?? ''))
    return 'other';
  const forms = formsOf(response.text);
  if (forms.some((form) => 'code' in form.fields)) return 'pin-entry';
  if (forms.some((form) => 'email' in form.fields)) return 'pin-request';
  if (
    forms.some((form) => 'method' in form.fields || form.buttons.some((b) => b.name === 'method'))
  )
    return 'chooser';
  if (instructionsOf(response.text)) return 'posture';
  return 'other';
}

export class SignIn {
  constructor(lab, browser) {
    this.lab = lab;
    this.browser = browser;
    this.trail = []; // every address visited
  }
  get gateway() {
    return this.lab.gateway;
  }

  #at(response) {
    this.trail.push(`${response.status} ${response.url}`);
    return response;
  }
  async navigate(url, options) {
    return this.#at(await this.browser.navigate(url, options));
  }
  async #submit(page, form, fields) {
    return this.#at(
      await this.browser.navigate(new URL(form.action || page.url, page.url).href, {
        method: 'POST',
        form: { ...form.fields, ...fields },
        headers: { origin: new URL(page.url).origin, 'sec-fetch-site': 'same-origin' },
      }),
    );
  }

  // Follows redirects within the gateway; stops at a page or before another site.
  async follow(response, limit = 12) {
    let at = response;
    for (let i = 0; i < limit && at.location; i++) {
      if (new URL(at.location).port !== String(this.gateway.port)) return at;
      at = await this.navigate(at.location);
    }
    return at;
  }

  // Opens the application: the page of the auth domain where the browser ends up.
  async begin(host, target = '/') {
    return this.follow(await this.navigate(this.gateway.url(host, target)));
  }

  // Takes the login method of that name from the chooser. A single one has been taken already.
  async choose(page, name) {
    if (pageKind(page) !== 'chooser') return page;
    for (const form of formsOf(page.text)) {
      const button = form.buttons.find((b) => b.text.includes(name));
      if (!button) continue;
      const fields = button.name ? { [button.name]: button.value } : {};
      return this.follow(await this.#submit(page, form, fields));
    }
    throw new Error(`no login method \`${name}\` in: ${textOf(page.text)}`);
  }

  async requestPin(page, address) {
    const form = formsOf(page.text).find((f) => 'email' in f.fields);
    assert.ok(form, `no place for an address in: ${textOf(page.text)}`);
    return this.follow(await this.#submit(page, form, { email: address }));
  }
  async enterPin(page, code) {
    const form = formsOf(page.text).find((f) => 'code' in f.fields);
    assert.ok(form, `no place for a code in: ${textOf(page.text)}`);
    return this.follow(await this.#submit(page, form, { code }));
  }

  // From a redirect to the provider: signs in there and answers the callback URL, not yet visited.
  async atProvider(response, credentials) {
    assert.ok(
      response.location?.startsWith(this.lab.idp.issuer),
      `not at the provider: ${response.status} ${response.location ?? textOf(response.text)}`,
    );
    return login(response.location, credentials);
  }

  // From the posture page: reports `{token}` or `{error, permission}` and goes on as told.
  // Answers the JSON of the result in `.result` of the response.
  async report(page, outcome) {
    const { transaction } = instructionsOf(page.text);
    const answer = await this.browser.fetch(
      `${this.gateway.issuer}/cdn-cgi/access/posture/result`,
      { json: { transaction, ...outcome }, headers: { origin: this.gateway.issuer } },
    );
    this.#at(answer);
    let result;
    try {
      result = answer.json;
    } catch {
      throw new Error(`posture/result: ${answer.status} ${answer.text.slice(0, 300)}`);
    }
    const next = result.next ?? result.page;
    const response = next
      ? await this.follow(await this.navigate(new URL(next, this.gateway.issuer).href))
      : answer;
    response.result = result;
    return response;
  }

  // What the page's script would do with the agent: its token, or how it failed.
  async ask(page) {
    const instructions = instructionsOf(page.text);
    try {
      const answer = await askAgent(instructions, this.gateway.issuer);
      if (answer.status === 200) return { token: tokenOf(answer) };
      return { error: 'agent_unreachable', permission: 'unsupported' };
    } catch {
      return { error: 'agent_unreachable', permission: 'unsupported' };
    }
  }
  challenge(page) {
    return challengeOf(instructionsOf(page.text));
  }

  // Goes on until the application or a refusal answers.
  //   method     name in the chooser
  //   address    for a code by mail       credentials   for the provider
  //   device(page, signIn) -> {token} | {error, permission}; default: the agent, when there is one
  async finish(page, { method, address, credentials, device } = {}) {
    let at = page;
    for (let i = 0; i < 8; i++) {
      if (at.location && this.lab.idp && at.location.startsWith(this.lab.idp.issuer)) {
        at = await this.follow(await this.navigate(await this.atProvider(at, credentials)));
        continue;
      }
      switch (pageKind(at)) {
        case 'chooser':
          at = await this.choose(at, method);
          break;
        case 'pin-request': {
          const mails = this.lab.smtp.to(address).length;
          at = await this.requestPin(at, address);
          at = await this.enterPin(at, await this.lab.smtp.codeFor(address, mails + 1));
          break;
        }
        case 'posture':
          at = await this.report(at, await (device ? device(at, this) : this.ask(at)));
          break;
        default:
          return at;
      }
    }
    return at;
  }
}

// Opens `host``target` and signs in on the way: the last response. See SignIn.finish.
export async function signIn(lab, browser, host, { target = '/', ...how } = {}) {
  const flow = new SignIn(lab, browser);
  const response = await flow.finish(await flow.begin(host, target), how);
  response.trail = flow.trail;
  return response;
}

// The same, and it must have worked: the JSON of the application.
export async function mustSignIn(lab, browser, host, how) {
  const response = await signIn(lab, browser, host, how);
  assert.equal(
    response.status,
    200,
    `${host}: ${response.status} ${textOf(response.text).slice(0, 400)}\n${response.trail.join('\n')}`,
  );
  assert.equal(
    response.headers['x-origin'],
    'echo',
    `${host}: not the application's answer: ` +
      `${textOf(response.text).slice(0, 400)}\n${response.trail.join('\n')}`,
  );
  return response;
}

// The usual way in, as `user` of the provider.
export const byProvider = (user) => ({ method: 'Test provider', credentials: { user } });
export const byPin = (address) => ({ method: 'E-mail code', address });
