// Entra ID (Azure AD): two integrations of one tenant, chosen by application; every outcome that
// reaches the gateway; groups; authentication contexts.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kAuth,
  kOther,
  kPin,
  kProvider,
  application,
  domain,
  everyone,
  loginMethod,
  policy,
} from '../harness/lab.mjs';
import { auditOf } from '../harness/audit.mjs';
import { SignIn, byPin, byProvider, mustSignIn, pageKind, signIn } from '../harness/signin.mjs';
import { textOf } from '../harness/html.mjs';

const kManaged = 'Managed devices';
const kJoined = 'Joined devices';
const kGroups = 'With groups';
const kSecret = 'admin.gateway.test'; // Managed devices only
const kJoinedOnly = 'machine.gateway.test';
const kStrong = 'brief.gateway.test'; // context c1
const kTeam = 'old.gateway.test'; // Engineering
const kBoth = 'open.gateway.test';
const kEngineering = '0a0a0a0a-0000-4000-8000-000000000001';
const kCompliant = { user: 'alice', device: 'ALICE-LT' };

let lab;
before(async () => {
  lab = await startLab({
    idp: 'azure',
    smtp: true,
    config(c, { idp }) {
      c.identity_providers.push(
        idp.azure(kManaged, 'gateway-azure-managed'),
        idp.azure(kJoined, 'gateway-azure-joined'),
        idp.azure(kGroups, 'gateway-azure', { support_groups: true }),
      );
      const corp = { include: [domain('corp.example')] };
      c.applications.push(
        application('Secret', kSecret, [policy('allow', 'Corp', corp)], {
          allowed_idps: [kManaged],
        }),
        application('Joined', kJoinedOnly, [policy('allow', 'Corp', corp)], {
          allowed_idps: [kJoined],
        }),
        application(
          'Strong',
          kStrong,
          [
            policy('allow', 'Corp', {
              ...corp,
              require: [
                { auth_context: { id: 'x', ac_id: 'c1', identity_provider_id: kProvider } },
              ],
            }),
          ],
          { allowed_idps: [kProvider] },
        ),
        application(
          'Team',
          kTeam,
          [
            policy('allow', 'Engineering', {
              include: [{ azureAD: { id: kEngineering, identity_provider_id: kGroups } }],
            }),
          ],
          { allowed_idps: [kGroups] },
        ),
        application('Both', kBoth, [
          policy('allow', 'By the managed one', {
            include: [everyone()],
            require: [loginMethod(kManaged)],
          }),
        ]),
      );
    },
  });
});
after(() => lab?.stop());

const at = (method, credentials) => ({ method, credentials });
const signedIn = (browser) => browser.cookie(kAuth, 'CF_Authorization') !== undefined;

// A page of ours that refuses: what it must say.
function mustRefuse(answer, reason, code) {
  const text = textOf(answer.text);
  assert.equal(answer.status, 403, `${answer.status} ${text}`);
  assert.notEqual(answer.headers['x-origin'], 'echo');
  assert.match(answer.text, new RegExp(`\\b${reason}\\b`), text);
  if (code) assert.match(text, new RegExp(`\\b${code}\\b`), text);
  assert.match(text, /Reference/, text);
}

describe('two integrations of one tenant', () => {
  test('either signs in, the person is the same', async () => {
    const browser = lab.browser();
    const one = await mustSignIn(lab, browser, kOther, byProvider('alice'));
    assert.equal(one.json.email, 'alice@corp.example');
    const other = lab.browser();
    const two = await mustSignIn(lab, other, kSecret, at(kManaged, kCompliant));
    assert.equal(two.json.email, 'alice@corp.example');
    const identity = async (from, host) =>
      (await from.get(lab.gateway.url(host, '/cdn-cgi/access/get-identity'))).json;
    const [a, b] = [await identity(browser, kOther), await identity(other, kSecret)];
    assert.equal(a.id, 'aaaaaaaa-0000-4000-8000-000000000001');
    assert.equal(a.id, b.id);
    assert.equal(a.user_uuid, b.user_uuid);
    assert.equal(a.idp.type, 'azureAD');
  });

  test('a session of the other one is told why, and asked to use the right one', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    const flow = new SignIn(lab, browser);
    const page = await flow.begin(kSecret, '/x?y=1');
    assert.equal(pageKind(page), 'chooser');
    assert.match(textOf(page.text), /another way to sign in/);
    assert.ok(!textOf(page.text).includes(kPin));
    const answer = await flow.finish(page, at(kManaged, kCompliant));
    assert.equal(answer.json?.url, '/x?y=1');
    // Both stay, in both directions, without a question.
    for (const host of [kOther, kSecret, kOther, kSecret])
      assert.equal((await new SignIn(lab, browser).begin(host)).headers['x-origin'], 'echo', host);
  });

  test('two tabs with two methods: no circles', async () => {
    const browser = lab.browser();
    const [first, second] = [new SignIn(lab, browser), new SignIn(lab, browser)];
    const [a, b] = [await first.begin(kOther), await second.begin(kSecret)];
    const [left, right] = [
      await first.finish(a, byProvider('alice')),
      await second.finish(b, at(kManaged, kCompliant)),
    ];
    assert.equal(left.headers['x-origin'], 'echo');
    assert.equal(right.headers['x-origin'], 'echo');
    for (let i = 0; i < 3; ++i)
      for (const host of [kOther, kSecret]) {
        const flow = new SignIn(lab, browser);
        assert.equal((await flow.begin(host)).headers['x-origin'], 'echo');
        assert.ok(flow.trail.length <= 4, flow.trail.join('\n'));
      }
  });

  test('a policy that names the method asks for it, and the wrong one again ends on a page', async () => {
    const browser = lab.browser();
    const flow = new SignIn(lab, browser);
    let page = await flow.choose(await flow.begin(kBoth), kProvider);
    page = await flow.follow(await flow.navigate(await flow.atProvider(page, { user: 'alice' })));
    assert.equal(pageKind(page), 'chooser');
    assert.match(textOf(page.text), /another way to sign in/);
    const answer = await flow.finish(page, at(kManaged, kCompliant));
    assert.equal(answer.headers['x-origin'], 'echo');
  });

  test('a program gets 401, not a page', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    const answer = await browser.fetch(lab.gateway.url(kSecret, '/'), {});
    assert.equal(answer.status, 401);
  });
});

describe('Conditional Access', () => {
  for (const [what, host, method, credentials, reason, code] of [
    [
      'a device that is not compliant',
      kSecret,
      kManaged,
      { user: 'alice', device: 'BOB-LT' },
      'device_not_compliant',
      'AADSTS53000',
    ],
    [
      'a device that nobody knows',
      kSecret,
      kManaged,
      { user: 'alice' },
      'device_not_compliant',
      'AADSTS53000',
    ],
    [
      'a device that is not joined',
      kJoinedOnly,
      kJoined,
      { user: 'alice', device: 'BOB-LT' },
      'device_not_joined',
      'AADSTS53001',
    ],
    [
      'a disabled account',
      kSecret,
      kManaged,
      { user: 'frank', device: 'ALICE-LT' },
      'account_disabled',
      'AADSTS50057',
    ],
    [
      'cancelled',
      kSecret,
      kManaged,
      { user: 'alice', cancel: true },
      'sign_in_cancelled',
      'AADSTS65004',
    ],
  ]) {
    test(`${what}: a page that says so, and no session`, async () => {
      const browser = lab.browser();
      const answer = await signIn(lab, browser, host, at(method, credentials));
      mustRefuse(answer, reason, code);
      assert.ok(!signedIn(browser));
      // Trying again from that page leads to the provider once more, and in when it is repaired.
      const again = await signIn(lab, browser, host, at(method, kCompliant));
      assert.equal(again.headers['x-origin'], 'echo');
    });
  }

  test('silently, with the session of the other integration at the provider, it judges all the same', async () => {
    const jar = new Map();
    const browser = lab.browser();
    await mustSignIn(
      lab,
      browser,
      kOther,
      at(kProvider, { user: 'alice', device: 'BOB-LT', jar }),
    );
    mustRefuse(
      await signIn(lab, browser, kSecret, at(kManaged, { user: 'alice', jar })),
      'device_not_compliant',
      'AADSTS53000',
    );
    assert.equal((await new SignIn(lab, browser).begin(kOther)).headers['x-origin'], 'echo');
  });
});

describe('every other answer of Entra ID', () => {
  for (const [error, code, reason] of [
    ['access_denied', 53002, 'app_not_approved'],
    ['access_denied', 53003, 'conditional_access_blocked'],
    ['access_denied', 50105, 'user_not_assigned'],
    ['consent_required', 65001, 'consent_required'],
    ['access_denied', 90094, 'consent_required'],
    ['access_denied', 50076, 'second_factor_required'],
    ['unauthorized_client', 700016, 'login_method_misconfigured'],
    ['invalid_client', 7000215, 'login_method_misconfigured'],
    ['access_denied', 50005, 'device_platform_not_supported'],
    ['access_denied', 50020, 'account_unknown'],
    ['access_denied', 50053, 'account_locked'],
    ['access_denied', 50097, 'device_not_identified'],
    ['access_denied', 50196, 'sign_in_loop'],
    ['temporarily_unavailable', 90033, 'provider_unavailable'],
    ['invalid_grant', 54005, 'provider_session_ended'],
  ]) {
    for (const where of ['callback', 'token']) {
      test(`AADSTS${code} at the ${where}`, async () => {
        const browser = lab.browser();
        await lab.idp.entraError(error, code, { at: where });
        const answer = await signIn(lab, browser, kOther, byProvider('alice'));
        mustRefuse(answer, reason, `AADSTS${code}`);
        assert.doesNotMatch(answer.text, /made up|Trace ID/);
        assert.ok(!signedIn(browser));
        const row = auditOf(lab.gateway, 'sign_in_failed').at(-1);
        assert.equal(row.details.reason, reason);
        assert.ok(row.details.message.includes(`AADSTS${code}`), row.details.message);
      });
    }
  }

  test('a claims challenge is taken there once', async () => {
    const browser = lab.browser();
    const claims = { access_token: { capolids: { essential: true, values: ['p'] } } };
    await lab.idp.forget();
    await lab.idp.entraError('invalid_grant', 50076, { at: 'token', claims });
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    const asked = (await lab.idp.journal()).filter(({ path }) => path.endsWith('/authorize'));
    assert.equal(asked.length, 2);
    assert.deepEqual(JSON.parse(asked[1].query.claims), claims);

    const other = lab.browser();
    await lab.idp.forget();
    await lab.idp.entraError('invalid_grant', 50076, { at: 'token', claims, times: 9 });
    const answer = await signIn(lab, other, kOther, byProvider('alice'));
    await fetch(`http://127.0.0.1:${lab.idp.port}/_test/entra`, { method: 'DELETE' });
    mustRefuse(answer, 'second_factor_required', 'AADSTS50076');
    const again = (await lab.idp.journal()).filter(({ path }) => path.endsWith('/authorize'));
    assert.equal(again.length, 2);
  });

  test('a token of another tenant with the same keys does not count', async () => {
    const browser = lab.browser();
    await lab.idp.tamper('foreign-tenant');
    const answer = await signIn(lab, browser, kOther, byProvider('alice'));
    assert.equal(answer.status, 502);
    assert.ok(!signedIn(browser));
  });
});

describe('authentication contexts', () => {
  test('are asked for by the application that needs one, and by no other', async () => {
    const browser = lab.browser();
    await lab.idp.authContexts('grant');
    await lab.idp.forget();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    await mustSignIn(lab, browser, kStrong, byProvider('alice'));
    const asked = (await lab.idp.journal()).filter(({ path }) => path.endsWith('/authorize'));
    assert.equal(asked.length, 2);
    assert.equal(asked[0].query.claims, undefined);
    assert.deepEqual(JSON.parse(asked[1].query.claims), {
      id_token: { acrs: { essential: true, value: 'c1' } },
    });
    assert.equal(asked[1].query.login_hint, 'alice@corp.example');
    // Held from now on.
    for (const host of [kStrong, kOther])
      assert.equal((await new SignIn(lab, browser).begin(host)).headers['x-origin'], 'echo', host);
    assert.equal(
      (await lab.idp.journal()).filter(({ path }) => path.endsWith('/authorize')).length,
      2,
    );
  });

  test('from nothing: signs in, then steps up; as a text too', async () => {
    await lab.idp.authContexts('text');
    const answer = await mustSignIn(lab, lab.browser(), kStrong, byProvider('alice'));
    assert.equal(answer.json.email, 'alice@corp.example');
    await lab.idp.authContexts('grant');
  });

  test('that are not confirmed end on a page, never in circles', async () => {
    const browser = lab.browser();
    await lab.idp.authContexts('withhold');
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    for (let i = 0; i < 2; ++i) {
      await lab.idp.forget();
      const answer = await signIn(lab, browser, kStrong, byProvider('alice'));
      mustRefuse(answer, 'auth_context_refused');
      const asked = (await lab.idp.journal()).filter(({ path }) => path.endsWith('/authorize'));
      assert.equal(asked.length, 1);
    }
    // What needs none goes on.
    assert.equal((await new SignIn(lab, browser).begin(kOther)).headers['x-origin'], 'echo');
    await lab.idp.authContexts('grant');
    assert.equal(
      (await mustSignIn(lab, browser, kStrong, byProvider('alice'))).headers['x-origin'],
      'echo',
    );
  });

  test('a program without one gets 401 with the reason', async () => {
    const browser = lab.browser();
    await lab.idp.authContexts('grant');
    await mustSignIn(lab, browser, kStrong, byProvider('alice'));
    const answer = await lab.browser().fetch(lab.gateway.url(kStrong, '/'), {});
    assert.equal(answer.status, 401);
  });
});

describe('groups', () => {
  const carol = at(kGroups, { user: 'carol' });
  test('in the token', async () => {
    await mustSignIn(lab, lab.browser(), kTeam, at(kGroups, { user: 'alice' }));
    mustRefuse(
      await signIn(lab, lab.browser(), kTeam, at(kGroups, { user: 'bob' })),
      'identity_not_permitted',
    );
  });

  test('that cannot be fetched are not known; a repaired Graph lets in', async () => {
    await lab.idp.graph({ fail: 9 });
    const answer = await signIn(lab, lab.browser(), kTeam, carol);
    mustRefuse(answer, 'identity_attribute_missing');
    await lab.idp.graph({ fail: 0, throttle: 9 });
    mustRefuse(await signIn(lab, lab.browser(), kTeam, carol), 'identity_attribute_missing');
    await lab.idp.graph({ throttle: 0 });
  });

  test('more than a token holds: Graph, over several pages, waiting when it says so', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the test above was told to wait
    await lab.idp.forget();
    await lab.idp.graph({ throttle: 1 });
    await mustSignIn(lab, lab.browser(), kTeam, carol);
    const asked = (await lab.idp.journal()).filter(({ path }) => path.startsWith('/v1.0/'));
    assert.equal(asked.length, 2);
    assert.equal(asked[0].authorization, 'Bearer');
    // hasgroups without a list
    await mustSignIn(lab, lab.browser(), kTeam, at(kGroups, { user: 'cora' }));
  });
});

describe('beside other methods', () => {
  test('a code by mail is no way into what needs a managed device', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byPin('alice@corp.example'));
    const page = await new SignIn(lab, browser).begin(kSecret);
    assert.equal(pageKind(page), 'chooser');
    assert.match(textOf(page.text), /another way to sign in/);
  });
});
