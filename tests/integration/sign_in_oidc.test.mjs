// OpenID Connect: the happy paths and everything a callback can get wrong. What the provider can
// get wrong: oidc_misbehaviour.test.mjs.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kOther,
  kPin,
  kProvider,
  application,
  domain,
  everyone,
  loginMethod,
  policy,
} from '../harness/lab.mjs';
import { SignIn, byPin, byProvider, mustSignIn, pageKind, signIn } from '../harness/signin.mjs';
import { formsOf } from '../harness/html.mjs';

let lab;
before(async () => {
  lab = await startLab({
    idp: true,
    smtp: true,
    config(c, { idp }) {
      c.identity_providers.push(
        idp.entry('Post', 'gateway-post'),
        idp.entry('Minimal', 'gateway-minimal'),
        idp.entry('Needs PKCE', 'gateway-pkce'),
        idp.entry('Signs with EC', 'gateway-es256'),
      );
      c.applications.push(
        application(
          'Provider only',
          'admin.gateway.test',
          [policy('allow', 'Corp people', { include: [domain('corp.example')] })],
          { allowed_idps: [kProvider] },
        ),
        application('By method', 'machine.gateway.test', [
          policy('allow', 'Who used the provider', {
            include: [domain('corp.example')],
            require: [loginMethod(kProvider)],
          }),
        ]),
        application('Anyone', 'open.gateway.test', [
          policy('allow', 'Anyone', { include: [everyone()] }),
        ]),
      );
    },
  });
});
after(() => lab?.stop());

const started = async (browser, host = kApp, target = '/') => {
  const flow = new SignIn(lab, browser);
  const response = await flow.choose(await flow.begin(host, target), kProvider);
  return { flow, response };
};
const refused = (response, browser) => {
  assert.notEqual(response.headers['x-origin'], 'echo');
  assert.ok(response.status >= 400 && response.status !== 500, `${response.status}`);
  assert.equal(browser.cookie('auth.gateway.test', 'CF_Authorization'), undefined);
};

describe('OpenID Connect', () => {
  test('alice signs in and the application is told who she is', async () => {
    const browser = lab.browser();
    const answer = await mustSignIn(lab, browser, kApp, {
      target: '/x?y=1',
      ...byProvider('alice'),
    });
    assert.equal(answer.json.email, 'alice@corp.example');
    assert.equal(answer.json.url, '/x?y=1');
    assert.equal(answer.json.policy, encodeURIComponent('Corp people'));
  });

  test('the request carries PKCE S256, state, nonce; the secret goes to the token endpoint only', async () => {
    await lab.idp.forget();
    await mustSignIn(lab, lab.browser(), kApp, byProvider('alice'));
    const journal = await lab.idp.journal();
    const { query } = journal.find(({ path }) => path === '/auth');
    assert.equal(query.response_type, 'code');
    assert.equal(query.code_challenge_method, 'S256');
    assert.match(query.code_challenge, /^[\w-]{43}$/);
    assert.ok(query.state.length > 40 && query.nonce.length >= 40);
    assert.equal(query.redirect_uri, `${lab.gateway.issuer}/cdn-cgi/access/callback`);
    assert.equal(journal.find(({ path }) => path === '/token').authorization, 'Basic');
    assert.ok(!JSON.stringify(journal).includes('gateway-secret'));
  });

  for (const [name, how] of [
    ['Post', 'secret in the body'],
    ['Minimal', 'e-mail from userinfo'],
    ['Needs PKCE', 'a provider that insists on PKCE'],
    ['Signs with EC', 'an ES256 ID token'],
  ]) {
    test(`${how}`, async () => {
      const answer = await mustSignIn(lab, lab.browser(), kApp, {
        ...byProvider('alice'),
        method: name,
      });
      assert.equal(answer.json.email, 'alice@corp.example');
    });
  }

  test('several login methods are a choice; allowed_idps narrows it to one, taken at once', async () => {
    const page = await new SignIn(lab, lab.browser()).begin(kApp);
    assert.equal(pageKind(page), 'chooser');
    const names = formsOf(page.text).flatMap((form) => form.buttons.map((button) => button.text));
    for (const name of [kPin, kProvider, 'Post'])
      assert.ok(
        names.some((text) => text.includes(name)),
        name,
      );
    const direct = await new SignIn(lab, lab.browser()).begin('admin.gateway.test');
    assert.ok(direct.location?.startsWith(lab.idp.issuer), `${direct.status} ${direct.url}`);
  });

  test('a session of another login method does not satisfy allowed_idps', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byPin('pat@corp.example'));
    const flow = new SignIn(lab, browser);
    const page = await flow.begin('admin.gateway.test');
    assert.equal(pageKind(page), 'chooser');
    assert.match(page.text, /another way to sign in/);
    const answer = await flow.choose(page, kProvider);
    assert.ok(answer.location?.startsWith(lab.idp.issuer), `${answer.status} ${answer.url}`);
  });

  test('login_method in a policy: the provider satisfies it, a PIN does not', async () => {
    assert.equal(
      (await mustSignIn(lab, lab.browser(), 'machine.gateway.test', byProvider('alice'))).status,
      200,
    );
    const answer = await signIn(
      lab,
      lab.browser(),
      'machine.gateway.test',
      byPin('alice@corp.example'),
    ).catch((error) => error);
    assert.notEqual(answer.headers?.['x-origin'], 'echo');
  });

  for (const [user, why] of [
    ['dave', 'an unverified address'],
    ['squatter', "alice's address, unverified"],
    ['erin', 'no address'],
    ['frank', 'a disabled user'],
  ]) {
    test(`${why} does not sign in (${user})`, async () => {
      const browser = lab.browser();
      const answer = await signIn(lab, browser, 'open.gateway.test', byProvider(user));
      refused(answer, browser);
    });
  }
  for (const user of ['bob', 'lookalike']) {
    test(`another domain is refused and told so (${user})`, async () => {
      const browser = lab.browser();
      const answer = await signIn(lab, browser, kApp, byProvider(user));
      assert.notEqual(answer.headers['x-origin'], 'echo');
      assert.equal(answer.status, 403);
    });
  }
  test('mixed letter case matches the domain rule', async () => {
    const answer = await mustSignIn(lab, lab.browser(), kApp, byProvider('mixed'));
    assert.equal(answer.json.email.toLowerCase(), 'mixed.case@corp.example');
  });
  test('a plus address arrives whole', async () => {
    assert.equal(
      (await mustSignIn(lab, lab.browser(), kApp, byProvider('zoe'))).json.email,
      'zoe+vpn@corp.example',
    );
  });

  test('who cancels at the provider gets a page, no session', async () => {
    const browser = lab.browser();
    const { flow, response } = await started(browser);
    const back = await flow.atProvider(response, { user: 'alice', cancel: true });
    refused(await flow.navigate(back), browser);
  });
});

describe('the callback', () => {
  const callback = async (change, { foreign = false } = {}) => {
    const browser = lab.browser();
    const { flow, response } = await started(browser);
    const back = new URL(await flow.atProvider(response, { user: 'alice' }));
    change(back);
    if (foreign) {
      const thief = lab.browser();
      if (foreign === 'busy') await started(thief);
      const answer = await new SignIn(lab, thief).navigate(back.href);
      return [await new SignIn(lab, thief).follow(answer), thief];
    }
    return [await flow.follow(await flow.navigate(back.href)), browser];
  };
  const cases = {
    'without state': (url) => url.searchParams.delete('state'),
    'with an empty state': (url) => url.searchParams.set('state', ''),
    'with another state': (url) => url.searchParams.set('state', 'A'.repeat(200)),
    'with a changed state': (url) => {
      const state = url.searchParams.get('state');
      const at = state.length >> 1;
      url.searchParams.set(
        'state',
        state.slice(0, at) + (state[at] === 'A' ? 'B' : 'A') + state.slice(at + 1),
      );
    },
    'with a shortened state': (url) =>
      url.searchParams.set('state', url.searchParams.get('state').slice(0, -4)),
    'with state twice': (url) => url.searchParams.append('state', 'x'),
    'with a huge state': (url) => url.searchParams.set('state', 'A'.repeat(6000)),
    'without code': (url) => url.searchParams.delete('code'),
    'with another code': (url) => url.searchParams.set('code', 'x'),
    'with code twice': (url) => url.searchParams.append('code', url.searchParams.get('code')),
    'with an error beside the code': (url) => url.searchParams.set('error', 'access_denied'),
    'with another iss': (url) => url.searchParams.set('iss', 'https://other.example'),
    'without iss, which this provider announces': (url) => url.searchParams.delete('iss'),
  };
  for (const [name, change] of Object.entries(cases)) {
    test(`${name}: refused`, async () => refused(...(await callback(change))));
  }
  test('unchanged: the control of the cases above', async () => {
    const [answer] = await callback(() => {});
    assert.equal(answer.headers['x-origin'], 'echo');
  });
  test('in a browser that began nothing: refused', async () =>
    refused(...(await callback(() => {}, { foreign: true }))));
  test('in a browser that began a sign-in of its own: refused', async () =>
    refused(...(await callback(() => {}, { foreign: 'busy' }))));

  test('a second time, with the same state: refused', async () => {
    const browser = lab.browser();
    const { flow, response } = await started(browser);
    const back = await flow.atProvider(response, { user: 'alice' });
    assert.equal((await flow.follow(await flow.navigate(back))).headers['x-origin'], 'echo');
    browser.jar('auth.gateway.test').delete('CF_Authorization');
    browser.jars.delete(kApp);
    refused(await flow.navigate(back), browser);
  });

  test('state of one sign-in with the code of another: refused', async () => {
    const browser = lab.browser();
    const one = await started(browser);
    const two = await started(browser);
    const first = new URL(await one.flow.atProvider(one.response, { user: 'alice' }));
    const second = new URL(await two.flow.atProvider(two.response, { user: 'carol' }));
    first.searchParams.set('code', second.searchParams.get('code'));
    refused(await one.flow.navigate(first.href), browser);
  });

  test('an error text from the provider does not reach the page as markup', async () => {
    const browser = lab.browser();
    const { flow, response } = await started(browser);
    const back = new URL(await flow.atProvider(response, { user: 'alice' }));
    back.searchParams.delete('code');
    back.searchParams.set('error', '<script>alert(1)</script>');
    back.searchParams.set('error_description', '"><img src=x onerror=alert(1)>');
    const answer = await flow.navigate(back.href);
    refused(answer, browser);
    assert.ok(!/<script>alert|<img src=x/.test(answer.text));
  });

  test('two tabs of one browser both arrive', async () => {
    const browser = lab.browser();
    const one = await started(browser, kApp, '/one');
    const two = await started(browser, kOther, '/two');
    const first = await one.flow.atProvider(one.response, { user: 'alice' });
    const second = await two.flow.atProvider(two.response, { user: 'alice' });
    assert.equal((await two.flow.follow(await two.flow.navigate(second))).json.url, '/two');
    assert.equal((await one.flow.follow(await one.flow.navigate(first))).json.url, '/one');
  });

  test('two tabs with the same application both arrive', async () => {
    const browser = lab.browser();
    const one = await started(browser, kApp, '/one');
    const two = await started(browser, kApp, '/two');
    const first = await one.flow.atProvider(one.response, { user: 'alice' });
    const second = await two.flow.atProvider(two.response, { user: 'alice' });
    assert.equal((await one.flow.follow(await one.flow.navigate(first))).json.url, '/one');
    assert.equal((await two.flow.follow(await two.flow.navigate(second))).json.url, '/two');
  });
});

describe('the login endpoint', () => {
  test("a kid that is not the application's: refused", async () => {
    for (const kid of ['0'.repeat(64), '', 'x', await lab.gateway.audience(kOther)]) {
      const answer = await lab
        .browser()
        .navigate(
          `${lab.gateway.issuer}/cdn-cgi/access/login/${kApp}?` +
            new URLSearchParams({ kid, redirect_url: '/', app_session: 'A'.repeat(43) }),
        );
      assert.ok(answer.status >= 400 && answer.status < 500, `${kid}: ${answer.status}`);
    }
  });
  test('an unknown host: refused', async () => {
    const kid = await lab.gateway.audience(kApp);
    for (const host of [
      'evil.example',
      'auth.gateway.test',
      'app.gateway.test.evil.example',
      '..%2f..',
    ]) {
      const answer = await lab
        .browser()
        .navigate(
          `${lab.gateway.issuer}/cdn-cgi/access/login/${host}?` +
            new URLSearchParams({ kid, redirect_url: '/', app_session: 'A'.repeat(43) }),
        );
      assert.ok(answer.status >= 400 && answer.status < 500, `${host}: ${answer.status}`);
    }
  });
  test("the start of a method without the transaction's browser: refused", async () => {
    const page = await new SignIn(lab, lab.browser()).begin(kApp);
    const thief = lab.browser();
    const answer = await new SignIn(lab, thief).choose(page, kProvider);
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.location}`);
  });
});
