// The OpenID Provider of ../idp as a child process, with its controls.
import path from 'node:path';
import { Child, eventually, freePort } from './process.mjs';

const program = path.resolve(import.meta.dirname, '../idp/index.mjs');
export const kClientSecret = 'gateway-secret-0123456789abcdef0123456789';
export const kTenant = '11111111-2222-4333-8444-555555555555';
const secrets = {
  gateway: kClientSecret,
  'gateway-post': 'gateway-post-secret-0123456789abcdef01',
  'gateway-pkce': 'gateway-pkce-secret-0123456789abcdef01',
  'gateway-es256': 'gateway-es256-secret-0123456789abcdef',
  'gateway-minimal': 'gateway-minimal-secret-0123456789abcd',
  'gateway-azure': 'gateway-azure-secret-0123456789abcdef',
  'gateway-azure-managed': 'gateway-azure-managed-secret-01234567',
  'gateway-azure-joined': 'gateway-azure-joined-secret-012345678',
};

export class TestIdp {
  static async start(mode = 'oidc') {
    const idp = new TestIdp();
    idp.mode = mode;
    idp.port = await freePort();
    idp.child = new Child(
      process.execPath,
      ['--no-warnings', program, '--port', String(idp.port), '--mode', mode],
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

  // An entry of type `azureAD`, of a provider in that mode.
  azure(name, client = 'gateway-azure', config = {}) {
    return {
      name,
      type: 'azureAD',
      config: {
        client_id: client,
        client_secret: secrets[client],
        directory_id: kTenant,
        login_url: this.issuer,
        graph_url: this.issuer,
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
  // The next authorization ends in this error; `at: 'token'`: the next token request.
  entraError(error, code, more = {}) {
    return this.#control('entra', 'POST', { error, code, ...more });
  }
  authContexts(mode) {
    return this.#control('acrs', 'POST', { mode });
  }
  revoke(user) {
    return this.#control(`revoke/${user}`, 'POST', {});
  }
  async logoutToken(user, more = {}) {
    return (await this.#control('logout_token', 'POST', { user, ...more })).token;
  }
  changeUser(user, change) {
    return this.#control(`users/${user}`, 'PATCH', change);
  }
  changeDevice(device, change) {
    return this.#control(`devices/${device}`, 'PATCH', change);
  }
  graph(trouble) {
    return this.#control('graph', 'POST', trouble);
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
