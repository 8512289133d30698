// The OpenID Provider of ../idp as a child process, with its controls.
import path from 'node:path';
import { Child, eventually, freePort } from './process.mjs';

const program = path.resolve(import.meta.dirname, '../idp/index.mjs');
export const kClientSecret = 'gateway-secret-0123456789abcdef0123456789';
const secrets = {
  gateway: kClientSecret,
  'gateway-post': 'gateway-post-secret-0123456789abcdef01',
  'gateway-pkce': 'gateway-pkce-secret-0123456789abcdef01',
  'gateway-es256': 'gateway-es256-secret-0123456789abcdef',
  'gateway-minimal': 'gateway-minimal-secret-0123456789abcd',
};

export class TestIdp {
  static async start() {
    const idp = new TestIdp();
    idp.port = await freePort();
    idp.child = new Child(
      process.execPath,
      ['--no-warnings', program, '--port', String(idp.port)],
      { name: 'provider' },
    );
    await idp.child.waitFor(/^ready /m);
    return idp;
  }
  get issuer() {
    return `http://localhost:${this.port}`;
  }

  // An entry of `identity_providers`.
  entry(name, client = 'gateway', config = {}) {
    return {
      name,
      type: 'oidc',
      config: {
        issuer: this.issuer,
        client_id: client,
        client_secret: secrets[client],
        scopes: ['openid', 'email', 'profile', 'groups'],
        ...(client === 'gateway-post' ? { token_auth_method: 'client_secret_post' } : {}),
        ...config,
      },
    };
  }

  async #control(name, method, body) {
    const response = await fetch(`http://127.0.0.1:${this.port}/_test/${name}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  async modes() {
    return (await this.#control('tamper', 'GET')).modes;
  }
  tamper(mode, times = 1) {
    return this.#control('tamper', 'POST', { mode, times });
  }
  behave() {
    return this.#control('tamper', 'DELETE');
  }
  rotate(keepOld) {
    return this.#control('rotate', 'POST', { keepOld });
  }
  journal() {
    return this.#control('requests', 'GET');
  }
  forget() {
    return this.#control('requests', 'DELETE');
  }
  stop() {
    return this.child.end();
  }
}
