// The login methods that are a dialect of OpenID Connect or OAuth 2.0: Okta, Google, a Google
// Workspace, GitHub. The OpenID Provider stands for the first three; small servers with the
// documented answers stand for Google's directory and for GitHub.
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, application, domain, policy } from '../harness/lab.mjs';
import { SignIn, mustSignIn, signIn } from '../harness/signin.mjs';
import { kClientSecret } from '../harness/idp.mjs';
import { TestGithub } from '../harness/github.mjs';

let lab;
let github;
let directory;
const groups = { answer: () => ({ status: 200, body: {} }), asked: [] };

const startDirectory = async () => {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://directory');
    groups.asked.push(url.searchParams.get('userKey'));
    const { status, body } = groups.answer(url);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

before(async () => {
  github = await TestGithub.start();
  directory = await startDirectory();
  lab = await startLab({
    idp: true,
    config(c, { idp }) {
      const client = { client_id: 'gateway', client_secret: kClientSecret };
      const post = {
        client_id: 'gateway-post',
        client_secret: idp.entry('', 'gateway-post').config.client_secret,
      };
      c.identity_providers.push(
        { name: 'Okta', type: 'okta', config: { ...client, okta_account: idp.issuer } },
        { name: 'Google', type: 'google', config: { ...post, issuer: idp.issuer } },
        {
          name: 'Workspace',
          type: 'google-apps',
          config: {
            ...post,
            apps_domain: 'corp.example',
            issuer: idp.issuer,
            directory_url: `http://127.0.0.1:${directory.address().port}`,
          },
        },
        github.entry('GitHub'),
      );
      const only = (name, host, method, include) =>
        application(name, host, [policy('allow', name, { include: [include] })], {
          allowed_idps: [method],
        });
      c.applications.push(
        only('Okta group', 'admin.gateway.test', 'Okta', {
          okta: { name: 'eng', identity_provider_id: 'Okta' },
        }),
        only('Google account', 'machine.gateway.test', 'Google', domain('corp.example')),
        only('Google group', 'open.gateway.test', 'Workspace', {
          gsuite: { email: 'staff@corp.example', identity_provider_id: 'Workspace' },
        }),
        only('GitHub team', 'brief.gateway.test', 'GitHub', {
          'github-organization': { name: 'corp', team: 'ops', identity_provider_id: 'GitHub' },
        }),
      );
    },
  });
});
after(async () => {
  await lab?.stop();
  await github?.stop();
  directory?.closeAllConnections();
  directory?.close();
});

const enter = (host, user) => signIn(lab, lab.browser(), host, { credentials: { user } });

describe('okta', () => {
  test('a member of the group gets in, another person does not', async () => {
    const { json } = await mustSignIn(lab, lab.browser(), 'admin.gateway.test', {
      credentials: { user: 'alice' },
    });
    assert.ok(json);
    const bob = await enter('admin.gateway.test', 'bob');
    assert.equal(bob.status, 403);
  });
});

describe('google', () => {
  test('any verified account; the policy looks at the address', async () => {
    await mustSignIn(lab, lab.browser(), 'machine.gateway.test', {
      credentials: { user: 'alice' },
    });
    assert.equal((await enter('machine.gateway.test', 'bob')).status, 403);
    assert.notEqual((await enter('machine.gateway.test', 'dave')).headers['x-origin'], 'echo');
  });
});

describe('google-apps', () => {
  const workspace = (user, hd) => lab.idp.changeUser(user, { claims: { hd } });

  test('an account of another Workspace does not sign in, and its groups are not asked for', async () => {
    await workspace('bob', 'contractor.example');
    groups.asked = [];
    const bob = await enter('open.gateway.test', 'bob');
    assert.notEqual(bob.headers['x-origin'], 'echo');
    assert.deepEqual(groups.asked, []);
  });

  test('groups over two pages', async () => {
    await workspace('alice', 'corp.example');
    groups.answer = (url) =>
      url.searchParams.get('pageToken')
        ? { status: 200, body: { groups: [{ email: 'staff@corp.example' }] } }
        : { status: 200, body: { groups: [{ email: 'all@corp.example' }], nextPageToken: 'two' } };
    groups.asked = [];
    await mustSignIn(lab, lab.browser(), 'open.gateway.test', { credentials: { user: 'alice' } });
    assert.deepEqual(groups.asked, ['alice@corp.example', 'alice@corp.example']);
  });

  test('in no group, and in groups that cannot be fetched: nobody gets in', async () => {
    await workspace('alice', 'corp.example');
    groups.answer = () => ({ status: 200, body: {} });
    assert.equal((await enter('open.gateway.test', 'alice')).status, 403);
    groups.answer = () => ({ status: 403, body: { error: { code: 403 } } });
    assert.equal((await enter('open.gateway.test', 'alice')).status, 403);
  });
});

describe('github', () => {
  const alice = {
    id: 1,
    login: 'alice',
    name: 'Alice Archer',
    email: 'alice@corp.example',
    organizations: ['Corp'],
    teams: ['corp/ops'],
  };
  // GitHub sends the browser back by itself.
  const enterGithub = async (person, browser = lab.browser()) => {
    github.person = person;
    const flow = new SignIn(lab, browser);
    const away = await flow.begin('brief.gateway.test');
    assert.ok(away.location?.startsWith(github.issuer), `${away.status} ${away.location}`);
    const back = await fetch(away.location, { redirect: 'manual' });
    return flow.follow(await flow.navigate(back.headers.get('location')));
  };

  test('a member of the team gets in, with PKCE', async () => {
    const answer = await enterGithub(alice);
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.equal(answer.headers['x-origin'], 'echo');
  });

  test('in another team, in none, or of another organization of a similar name: nobody', async () => {
    for (const change of [
      { teams: ['corp/dev'] },
      { teams: [] },
      { organizations: [], teams: [] },
      { organizations: ['corporation'], teams: ['corporation/ops'] },
    ]) {
      const answer = await enterGithub({ ...alice, ...change });
      assert.equal(answer.status, 403, JSON.stringify(change));
    }
  });

  test('an address that GitHub has not verified', async () => {
    const answer = await enterGithub({ ...alice, verified: false });
    assert.notEqual(answer.headers['x-origin'], 'echo');
    assert.ok(answer.status >= 400, String(answer.status));
  });

  test('a code of another sign-in is worth nothing', async () => {
    github.person = alice;
    const stolen = new SignIn(lab, lab.browser());
    const theirs = await stolen.begin('brief.gateway.test');
    const theirCode = new URL(
      (await fetch(theirs.location, { redirect: 'manual' })).headers.get('location'),
    ).searchParams.get('code');
    const flow = new SignIn(lab, lab.browser());
    const mine = new URL((await flow.begin('brief.gateway.test')).location);
    const callback = new URL(mine.searchParams.get('redirect_uri'));
    callback.searchParams.set('code', theirCode);
    callback.searchParams.set('state', mine.searchParams.get('state'));
    const answer = await flow.follow(await flow.navigate(callback.href));
    assert.notEqual(answer.headers['x-origin'], 'echo');
  });
});
