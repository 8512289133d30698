// What the gateway asks of GitHub, as GitHub's documentation has it: OAuth 2.0 with PKCE, the user,
// the addresses, organizations and teams. `people` says who signs in next.
import crypto from 'node:crypto';
import http from 'node:http';

export class TestGithub {
  static async start() {
    const github = new TestGithub();
    github.codes = new Map();
    github.tokens = new Map();
    github.person = null;
    github.requests = [];
    github.server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => github.#answer(request, body, response));
    });
    await new Promise((resolve) => github.server.listen(0, '127.0.0.1', resolve));
    github.issuer = `http://127.0.0.1:${github.server.address().port}`;
    return github;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  entry(name) {
    return {
      name,
      type: 'github',
      config: {
        client_id: 'gateway',
        client_secret: 'github-secret-0123456789abcdef',
        login_url: `${this.issuer}/login/oauth`,
        api_url: `${this.issuer}/api/v3`,
      },
    };
  }

  #answer(request, body, response) {
    const url = new URL(request.url, this.issuer);
    this.requests.push({ path: url.pathname, body, headers: request.headers });
    const say = (status, value, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/login/oauth/authorize') {
      const code = crypto.randomBytes(10).toString('hex');
      this.codes.set(code, { challenge: url.searchParams.get('code_challenge') });
      const back = new URL(url.searchParams.get('redirect_uri'));
      back.searchParams.set('code', code);
      back.searchParams.set('state', url.searchParams.get('state'));
      return say(302, {}, { location: back.href });
    }
    if (url.pathname === '/login/oauth/access_token') {
      const form = new URLSearchParams(body);
      const known = this.codes.get(form.get('code'));
      this.codes.delete(form.get('code'));
      const hash = crypto.createHash('sha256').update(form.get('code_verifier') ?? '');
      if (form.get('client_secret') !== 'github-secret-0123456789abcdef')
        return say(200, { error: 'incorrect_client_credentials' });
      if (!known || known.challenge !== hash.digest('base64url'))
        return say(200, { error: 'bad_verification_code' });
      const token = `gho_${crypto.randomBytes(18).toString('hex')}`;
      this.tokens.set(token, this.person);
      return say(200, { access_token: token, token_type: 'bearer', scope: 'read:org' });
    }
    const person = this.tokens.get(request.headers.authorization?.replace('Bearer ', ''));
    if (!person || !request.headers['user-agent']) return say(401, { message: 'Bad credentials' });
    const page = (list) => {
      const [size, number] = ['per_page', 'page'].map((name) => Number(url.searchParams.get(name)));
      return say(200, list.slice(((number || 1) - 1) * size, (number || 1) * size));
    };
    switch (url.pathname) {
      case '/api/v3/user':
        return say(200, { id: person.id, login: person.login, name: person.name });
      case '/api/v3/user/emails':
        return page([{ email: person.email, primary: true, verified: person.verified ?? true }]);
      case '/api/v3/user/orgs':
        return page((person.organizations ?? []).map((login) => ({ login })));
      case '/api/v3/user/teams':
        return page(
          (person.teams ?? []).map((team) => {
            const [login, slug] = team.split('/');
            return { slug, organization: { login } };
          }),
        );
      default:
        return say(404, { message: 'Not Found' });
    }
  }
}
