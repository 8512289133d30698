// The cookies of applications: a path of their own, and a second half that a stolen token lacks.
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, application, domain, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { Browser } from '../harness/http.mjs';

const kHost = 'paths.gateway.test';
const kAlone = 'brief.gateway.test';
const kBound = 'app.gateway.test';
const kEndpoints = '/cdn-cgi/access/';
let lab;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      const corp = () => [policy('allow', 'Corp people', { include: [domain('corp.example')] })];
      const own = { path_cookie_attribute: true };
      c.applications = [
        application('One', `${kHost}/one`, corp(), own),
        application('Two', `${kHost}/two/deep`, corp(), { ...own, enable_binding_cookie: true }),
        application('Rest', kHost, corp()),
        application('Alone', `${kAlone}/grüße`, corp(), own),
        application('Bound', kBound, corp(), {
          enable_binding_cookie: true,
          same_site_cookie_attribute: 'lax',
          http_only_cookie_attribute: false,
        }),
      ];
    },
  });
});
after(() => lab?.stop());

// Keeps and sends cookies by their Path (RFC 6265 5.1.4, 5.4), which the suites' browser does not.
class PathBrowser extends Browser {
  kept = new Map(); // host -> [{name, path, value, attributes}]

  async request(url, options = {}) {
    const { hostname, pathname } = new URL(url);
    const mine = this.kept.get(hostname) ?? [];
    const matches = ({ path }) =>
      pathname === path ||
      (pathname.startsWith(path) && (path.endsWith('/') || pathname[path.length] === '/'));
    const cookie = mine
      .filter(matches)
      .sort((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const answer = await super.request(url, {
      ...options,
      cookies: false,
      headers: { ...options.headers, ...(cookie ? { cookie } : {}) },
    });
    for (const { name, value, attributes } of answer.setCookies) {
      const at = mine.findIndex((old) => old.name === name && old.path === attributes.path);
      if (at >= 0) mine.splice(at, 1);
      if (Number(attributes['max-age']) > 0)
        mine.push({ name, path: attributes.path, value, attributes });
    }
    this.kept.set(hostname, mine);
    return answer;
  }
  at(host, name, path) {
    return this.kept.get(host)?.find((cookie) => cookie.name === name && cookie.path === path);
  }
}
const pathBrowser = () => {
  const browser = new PathBrowser();
  lab.browsers.push(browser);
  return browser;
};
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
const open = async (browser, target, host = kHost) =>
  (await browser.fetch(lab.gateway.url(host, target))).status;

describe('a cookie of its own path', () => {
  test('two applications and the rest of their host keep their own tokens', async () => {
    const browser = pathBrowser();
    await mustSignIn(lab, browser, kHost, { target: '/one/page', ...byProvider('alice') });
    await mustSignIn(lab, browser, kHost, { target: '/two/deep?x=1' });
    await mustSignIn(lab, browser, kHost, { target: '/' });
    const tokens = ['/one', '/two/deep', '/'].map(
      (path) => browser.at(kHost, 'CF_Authorization', path)?.value,
    );
    assert.equal(new Set(tokens.map((token) => claimsOf(token).aud[0])).size, 3);
    assert.ok(browser.at(kHost, 'CF_Binding', '/two/deep'));
    assert.equal(browser.at(kHost, 'CF_Binding', '/one'), undefined);
    for (let i = 0; i < 2; i++)
      for (const target of ['/one', '/one/2', '/two/deep', '/two/deep/1', '/', '/else'])
        assert.equal(await open(browser, target), 200, target);
    // None of them reaches an application.
    assert.ok(!lab.origin.last.values('cookie').join(';').includes('CF_'));
  });

  test('is spelt as the browser spells the path', async () => {
    const browser = pathBrowser();
    const path = encodeURI('/grüße');
    await mustSignIn(lab, browser, kAlone, { target: `${path}/1`, ...byProvider('alice') });
    assert.ok(browser.at(kAlone, 'CF_Authorization', path));
    assert.equal(await open(browser, `${path}/2`, kAlone), 200);
  });

  test('is known to get-identity, and log-out ends and clears it at every path', async () => {
    const browser = pathBrowser();
    await mustSignIn(lab, browser, kHost, { target: '/one', ...byProvider('alice') });
    await mustSignIn(lab, browser, kHost, { target: '/two/deep' });
    const identity = await browser.fetch(lab.gateway.url(kHost, `${kEndpoints}get-identity`));
    assert.equal(identity.json.email, 'alice@corp.example');
    const thief = pathBrowser();
    thief.kept.set(kHost, [...browser.kept.get(kHost)]);
    const out = await browser.navigate(lab.gateway.url(kHost, `${kEndpoints}logout`));
    assert.equal(out.status, 200);
    assert.deepEqual(
      browser.kept.get(kHost).filter(({ name }) => /CF_(Authorization|Binding)/.test(name)),
      [],
    );
    for (const target of ['/one', '/two/deep'])
      assert.equal(await open(thief, target), 401, target);
  });
});

describe('a binding cookie', () => {
  test('comes with the token, which counts beside it alone', async () => {
    const browser = pathBrowser();
    await mustSignIn(lab, browser, kBound, byProvider('alice'));
    const token = browser.at(kBound, 'CF_Authorization', '/');
    const binding = browser.at(kBound, 'CF_Binding', '/');
    assert.match(binding.value, /^[0-9a-f]{32}$/);
    assert.equal(
      claimsOf(token.value).binding,
      crypto.createHash('sha256').update(binding.value).digest('hex'),
    );
    assert.ok('httponly' in binding.attributes && 'secure' in binding.attributes);
    assert.ok(!('httponly' in token.attributes));
    assert.equal(binding.attributes.samesite, 'Lax');
    assert.equal(binding.attributes['max-age'], token.attributes['max-age']);
    assert.equal(await open(browser, '/', kBound), 200);

    const stolen = async (cookies, headers = {}) =>
      (
        await lab.browser().fetch(lab.gateway.url(kBound), {
          headers: { cookie: cookies, ...headers },
        })
      ).status;
    const pair = `CF_Authorization=${token.value}`;
    assert.equal(await stolen(pair), 401);
    assert.equal(await stolen(`${pair}; CF_Binding=${'0'.repeat(32)}`), 401);
    assert.equal(await stolen(`${pair}; CF_Binding=`), 401);
    assert.equal(await stolen('', { 'cf-access-token': token.value }), 401);
    assert.equal(await stolen(`${pair}; CF_Binding=${binding.value}`), 200);
    const identity = (cookie) =>
      lab.browser().fetch(lab.gateway.url(kBound, `${kEndpoints}get-identity`), {
        headers: { cookie },
      });
    assert.equal((await identity(pair)).status, 401);
    assert.equal((await identity(`${pair}; CF_Binding=${binding.value}`)).status, 200);
  });

  test('of another sign-in does not fit', async () => {
    const [one, two] = [pathBrowser(), pathBrowser()];
    for (const browser of [one, two])
      await mustSignIn(lab, browser, kBound, byProvider('alice'));
    one.at(kBound, 'CF_Binding', '/').value = two.at(kBound, 'CF_Binding', '/').value;
    assert.equal(await open(one, '/', kBound), 401);
    assert.equal(await open(two, '/', kBound), 200);
  });

  test('goes with the log-out', async () => {
    const browser = pathBrowser();
    await mustSignIn(lab, browser, kBound, byProvider('alice'));
    await browser.navigate(lab.gateway.url(kBound, `${kEndpoints}logout`));
    for (const name of ['CF_Authorization', 'CF_Binding'])
      assert.equal(browser.at(kBound, name, '/'), undefined);
  });
});
