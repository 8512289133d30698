// What an administrator shows people who are refused: words, addresses and pages of their own; and
// a 401 where a service token was expected.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kOther,
  application,
  domain,
  ip,
  newServiceToken,
  policy,
  serviceToken,
} from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { textOf } from '../harness/html.mjs';
import { kNavigation, once } from '../harness/http.mjs';

const kPages = 'brief.gateway.test';
const kInside = 'open.gateway.test';
const kNetwork = 'admin.gateway.test';
const kStrict = 'machine.gateway.test';
const kIdentityHtml = '<!doctype html><style>p{color:red}</style><p>{{name}}: not you</p>';
const kForbiddenHtml = '<!doctype html><p>not from here</p>';
const robot = newServiceToken('Robot');
const stranger = newServiceToken('Stranger');
let lab;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      const corp = () => policy('allow', 'Corp people', { include: [domain('corp.example')] });
      const office = () =>
        policy('allow', 'Office', {
          include: [domain('corp.example')],
          require: [ip('192.0.2.0/24')],
        });
      c.service_tokens.push(robot.entry, stranger.entry);
      c.custom_pages = [
        { name: 'Who', type: 'identity_denied', custom_html: kIdentityHtml },
        { name: 'Where', type: 'forbidden', custom_html: kForbiddenHtml },
      ];
      c.applications = [
        application('App', kApp, [corp()], {
          custom_deny_message: 'Ask <b>Bea</b> & co for access.',
        }),
        application('Other', kOther, [corp()], {
          custom_deny_url: 'https://help.example/who',
          custom_non_identity_deny_url: 'https://help.example/where',
        }),
        application('Network', kNetwork, [office()], {
          custom_non_identity_deny_url: 'https://help.example/where',
        }),
        application('Pages', kPages, [corp()], { custom_pages: ['Who', 'Where'] }),
        application('Inside', kInside, [office()], { custom_pages: ['Who', 'Where'] }),
        application(
          'Strict',
          kStrict,
          [policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }), corp()],
          { service_auth_401_redirect: true },
        ),
      ];
    },
  });
});
after(() => lab?.stop());

// The person has a token for the application, and the policies have changed since.
const refusedLater = async (host, run) => {
  const browser = lab.browser();
  await mustSignIn(lab, browser, host, byProvider('alice'));
  const found = lab.gateway.configuration.applications.find(({ domain: at }) => at === host);
  const kept = found.policies;
  found.policies = [policy('allow', 'Others', { include: [domain('nobody.example')] })];
  lab.gateway.write();
  assert.equal((await lab.gateway.apply()).code, 0);
  try {
    await run(browser);
  } finally {
    found.policies = kept;
    lab.gateway.write();
    await lab.gateway.apply();
  }
};

describe('words of the administrator', () => {
  test('stand on the page of the auth domain, as text', async () => {
    const page = await signIn(lab, lab.browser(), kApp, byProvider('bob'));
    assert.equal(page.status, 403);
    assert.ok(page.text.includes('Ask &lt;b&gt;Bea&lt;/b&gt; &amp; co for access.'));
  });
  test('and on that of the application, and in what programs get', async () => {
    await refusedLater(kApp, async (browser) => {
      const page = await browser.navigate(lab.gateway.url(kApp));
      assert.equal(page.status, 403);
      assert.match(textOf(page.text), /Ask <b>Bea<\/b> & co/);
      assert.match((await browser.fetch(lab.gateway.url(kApp))).json.message, /Ask <b>Bea/);
    });
  });
});

describe('an address of the administrator', () => {
  test('for who may not: from the sign-in and from the application', async () => {
    const page = await signIn(lab, lab.browser(), kOther, byProvider('bob'));
    assert.equal(page.location, 'https://help.example/who');
    await refusedLater(kOther, async (browser) => {
      const navigation = await browser.navigate(lab.gateway.url(kOther));
      assert.equal(navigation.status, 302);
      assert.equal(navigation.location, 'https://help.example/who');
      // A program is not sent to read a page.
      const program = await browser.fetch(lab.gateway.url(kOther));
      assert.equal(program.status, 403);
      assert.equal(program.location, null);
    });
  });
  test('for what may not', async () => {
    const page = await signIn(lab, lab.browser(), kNetwork, byProvider('alice'));
    assert.equal(page.location, 'https://help.example/where');
  });
  test('is not for a service token that is not valid', async () => {
    const answer = await once(lab.gateway.url(kOther), {
      headers: { ...kNavigation, 'cf-access-client-id': 'x', 'cf-access-client-secret': 'y' },
    });
    assert.equal(answer.status, 401);
    assert.equal(answer.location, null);
  });
  test('for a service token that may not', async () => {
    const answer = await once(lab.gateway.url(kOther), {
      headers: { ...kNavigation, ...stranger.headers },
    });
    assert.equal(answer.location, 'https://help.example/where');
  });
});

describe('a page of the administrator', () => {
  const ownPage = (answer, html) => {
    assert.equal(answer.status, 403);
    assert.equal(answer.text, html);
    assert.match(answer.headers['content-type'], /^text\/html/);
    const security = answer.headers['content-security-policy'];
    for (const part of [
      "default-src 'none'",
      "style-src 'unsafe-inline'",
      "frame-ancestors 'none'",
      "form-action 'self'",
    ])
      assert.ok(security.includes(part), security);
    assert.ok(!security.includes('script-src'), security);
  };
  test('stands in for ours, as it was written', async () => {
    ownPage(await signIn(lab, lab.browser(), kPages, byProvider('bob')), kIdentityHtml);
    ownPage(await signIn(lab, lab.browser(), kInside, byProvider('alice')), kForbiddenHtml);
    const answer = await once(lab.gateway.url(kPages), {
      headers: { ...kNavigation, ...stranger.headers },
    });
    ownPage(answer, kForbiddenHtml);
  });
  test('not in what programs get', async () => {
    const answer = await once(lab.gateway.url(kPages), { headers: stranger.headers });
    assert.equal(answer.status, 403);
    assert.equal(answer.json.reason, 'service_token_not_permitted');
  });
});

describe('a strict application of service tokens', () => {
  test('answers 401 instead of sending to the sign-in', async () => {
    const answer = await once(lab.gateway.url(kStrict), { headers: kNavigation });
    assert.equal(answer.status, 401);
    assert.equal(answer.location, null);
    assert.match(answer.headers['www-authenticate'], /^Cloudflare-Access/);
    assert.equal((await once(lab.gateway.url(kStrict), { headers: robot.headers })).status, 200);
  });
  test('and a person can still sign in, by the link on it', async () => {
    const browser = lab.browser();
    const flow = new SignIn(lab, browser);
    const page = await flow.navigate(lab.gateway.url(kStrict));
    const url = /href="([^"]*\/cdn-cgi\/access\/login\/[^"]*)"/.exec(page.text)[1];
    const opened = await flow.finish(
      await flow.follow(await flow.navigate(url.replaceAll('&amp;', '&'))),
      byProvider('alice'),
    );
    assert.equal(opened.headers['x-origin'], 'echo', flow.trail.join('\n'));
  });
  test('an application without that setting sends to the sign-in', async () => {
    assert.equal((await once(lab.gateway.url(kApp), { headers: kNavigation })).status, 302);
  });
});
