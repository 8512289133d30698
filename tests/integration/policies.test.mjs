// Policies as DESIGN 3 has them, on real requests: actions, lists, selectors, service tokens.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kProvider,
  application,
  domain,
  email,
  everyone,
  group,
  ip,
  loginMethod,
  newServiceToken,
  policy,
  serviceToken,
} from '../harness/lab.mjs';
import { byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { Browser, once, sendRaw } from '../harness/http.mjs';

let lab;
const robot = newServiceToken('Robot');
const stranger = newServiceToken('Stranger');
const old = newServiceToken('Old', { expires_at: '2020-01-01T00:00:00Z' });
const off = newServiceToken('Off', { enabled: false });
// Each on a path of its own of the same host: the most specific path wins, nothing is inherited.
const kHost = 'paths.gateway.test';
const corp = () => policy('allow', 'Corp people', { include: [domain('corp.example')] });
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.groups.push(
        {
          name: 'Admins',
          include: [email('alice@corp.example'), email('zoe+vpn@corp.example')],
          exclude: [email('zoe+vpn@corp.example')],
        },
        { name: 'Nested', include: [group('Admins')] },
      );
      c.service_tokens.push(robot.entry, stranger.entry, old.entry, off.entry);
      const at = (path, policies) =>
        c.applications.push(application(`At ${path}`, `${kHost}${path}`, policies));
      at('', [corp()]);
      at('/open', [policy('bypass', 'Anyone', { include: [everyone()] })]);
      at('/open/inner', [corp()]);
      at('/bypass-last', [corp(), policy('bypass', 'Anyone', { include: [everyone()] })]);
      at('/block-first', [
        policy('deny', 'Not Alice', { include: [email('alice@corp.example')] }),
        corp(),
      ]);
      at('/block-later', [
        corp(),
        policy('deny', 'Not Alice', { include: [email('alice@corp.example')] }),
      ]);
      at('/exclude', [
        policy('allow', 'All but Alice', {
          include: [domain('corp.example')],
          exclude: [email('alice@corp.example')],
        }),
      ]);
      at('/group', [policy('allow', 'Nested', { include: [group('Nested')] })]);
      at('/not-group', [
        policy('allow', 'Others', {
          include: [domain('corp.example')],
          exclude: [group('Nested')],
        }),
      ]);
      at('/here', [
        policy('allow', 'Here', {
          include: [domain('corp.example')],
          require: [ip('127.0.0.0/8')],
        }),
      ]);
      at('/there', [
        policy('allow', 'There', {
          include: [domain('corp.example')],
          require: [ip('192.0.2.0/24')],
        }),
      ]);
      at('/bypass-here', [
        policy('bypass', 'One address', { include: [ip('127.44.0.7/32')] }),
        corp(),
      ]);
      at('/method', [policy('allow', 'Provider', { include: [loginMethod(kProvider)] })]);
      at('/robots', [policy('non_identity', 'Robots', { include: [serviceToken('Robot')] })]);
      at('/any-robot', [
        policy('non_identity', 'Any', { include: [serviceToken('Robot'), serviceToken('Stranger')] }),
      ]);
      at('/allow-robot', [policy('allow', 'Wrong action', { include: [serviceToken('Robot')] })]);
      at('/both', [policy('non_identity', 'Robots', { include: [serviceToken('Robot')] }), corp()]);
      at('/nothing', []);
    },
  });
});
after(() => lab?.stop());
const url = (path) => lab.gateway.url(kHost, path);

describe('who may open what', () => {
  const people = {};
  const cases = {
    '': ['alice', 'carol'],
    '/open/inner': ['alice', 'carol'],
    '/bypass-last': ['alice', 'carol', 'bob'],
    '/block-first': ['carol'],
    '/block-later': ['alice', 'carol'],
    '/exclude': ['carol'],
    '/group': ['alice'],
    '/not-group': ['carol'],
    '/here': ['alice', 'carol'],
    '/there': [],
    '/method': ['alice', 'carol', 'bob'],
    '/allow-robot': [],
    '/both': ['alice', 'carol'],
    '/nothing': [],
  };
  for (const [path, admitted] of Object.entries(cases)) {
    for (const who of ['alice', 'carol', 'bob']) {
      const allowed = admitted.includes(who);
      test(`${path || '/'}: ${who} is ${allowed ? 'let in' : 'refused'}`, async () => {
        people[who] ??= lab.browser();
        lab.origin.clear();
        const answer = await signIn(lab, people[who], kHost, {
          target: path || '/',
          ...byProvider(who),
        });
        assert.equal(
          answer.headers['x-origin'] === 'echo',
          allowed,
          `${answer.status} ${answer.text.slice(0, 300)}`,
        );
        if (!allowed) {
          assert.equal(answer.status, 403);
          assert.equal(lab.origin.requests.length, 0);
          assert.ok(
            !/Not Alice|All but Alice|192\.0\.2/.test(answer.text),
            'the page tells the policy',
          );
        }
      });
    }
  }
  test('what is not inherited: the open path does not open what is below it', async () => {
    assert.equal((await once(url('/open/x'))).status, 200);
    assert.equal((await once(url('/open/inner'))).status, 401);
    assert.equal((await once(url('/open/inner/x'))).status, 401);
  });
  test('a bypass tells the application nobody, even with a session', async () => {
    people.alice ??= lab.browser();
    await mustSignIn(lab, people.alice, kHost, byProvider('alice'));
    lab.origin.clear();
    assert.equal((await people.alice.fetch(url('/open'))).status, 200);
    assert.deepEqual(lab.origin.last.values('cf-access-jwt-assertion'), []);
    assert.deepEqual(lab.origin.last.values('cf-access-authenticated-user-email'), []);
  });
  test('an ip rule looks at the connection, every time, and at no header', async () => {
    const there = new Browser({ address: '127.44.0.7' });
    const elsewhere = new Browser({ address: '127.44.0.8' });
    lab.browsers.push(there, elsewhere);
    assert.equal((await there.fetch(url('/bypass-here'))).status, 200);
    assert.equal((await elsewhere.fetch(url('/bypass-here'))).status, 401);
    for (const header of [
      'x-forwarded-for',
      'x-real-ip',
      'cf-connecting-ip',
      'true-client-ip',
      'forwarded',
      'gatehouse-client-ip',
    ]) {
      const value = header === 'forwarded' ? 'for=127.44.0.7' : '127.44.0.7';
      assert.equal(
        (await elsewhere.fetch(url('/bypass-here'), { headers: { [header]: value } })).status,
        401,
        header,
      );
    }
  });
  test("the session of one path's application is none of another's on the same host", async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kHost, { target: '/here', ...byProvider('alice') });
    assert.equal((await browser.fetch(url('/group'))).status, 401);
  });
});

describe('service tokens', () => {
  const get = (path, headers) => once(url(path), { headers: { accept: '*/*', ...headers } });
  test('the right one: let in, and named to the application', async () => {
    const answer = await get('/robots', robot.headers);
    assert.equal(answer.status, 200);
    assert.deepEqual(lab.origin.last.values('cf-access-client-secret'), []);
    assert.deepEqual(lab.origin.last.values('cf-access-client-id'), []);
    assert.equal(lab.origin.last.values('cf-access-jwt-assertion').length, 1);
    assert.deepEqual(lab.origin.last.values('cf-access-authenticated-user-email'), []);
    assert.equal(answer.cookie('CF_Authorization'), undefined);
  });
  test('any valid one where any will do', async () => {
    for (const token of [robot, stranger])
      assert.equal((await get('/any-robot', token.headers)).status, 200);
  });
  const wrong = {
    'another token': [stranger.headers, 403],
    expired: [old.headers, 401],
    'switched off': [off.headers, 401],
    'no secret': [{ 'cf-access-client-id': robot.headers['cf-access-client-id'] }, 401],
    'no id': [{ 'cf-access-client-secret': robot.secret }, 401],
    'an empty secret': [{ ...robot.headers, 'cf-access-client-secret': '' }, 401],
    'the secret of another': [
      { ...robot.headers, 'cf-access-client-secret': stranger.secret },
      401,
    ],
    'the hash instead of the secret': [
      { ...robot.headers, 'cf-access-client-secret': robot.entry.client_secret_hash },
      401,
    ],
    'a letter less': [{ ...robot.headers, 'cf-access-client-secret': robot.secret.slice(1) }, 401],
    'upper case': [
      { ...robot.headers, 'cf-access-client-secret': robot.secret.toUpperCase() },
      401,
    ],
    'an unknown id': [{ ...robot.headers, 'cf-access-client-id': `${'0'.repeat(32)}.access` }, 401],
  };
  for (const [name, [headers, status]] of Object.entries(wrong)) {
    test(`${name}: ${status}`, async () => {
      lab.origin.clear();
      const answer = await get('/robots', headers);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.json.reason, /^service_token_/);
      assert.equal(lab.origin.requests.length, 0);
      assert.equal(answer.location, null);
    });
  }
  test('duplicated headers: refused, even when both are right', async () => {
    for (const name of ['cf-access-client-id', 'cf-access-client-secret']) {
      lab.origin.clear();
      const lines = [...Object.entries(robot.headers), [name, robot.headers[name]]].map(
        ([key, value]) => `${key}: ${value}`,
      );
      const { responses } = await sendRaw(
        lab.gateway.port,
        kHost,
        [`GET /robots HTTP/1.1`, `Host: ${kHost}`, ...lines, 'Connection: close', '', ''].join(
          '\r\n',
        ),
        { quiet: 150 },
      );
      assert.equal(responses[0].status, 401, name);
      assert.equal(lab.origin.requests.length, 0);
    }
  });
  test('other spellings of the headers carry nothing', async () => {
    for (const change of [
      (name) => name.replaceAll('-', '_'),
      (name) => name.replaceAll('-', '.'),
    ]) {
      const headers = Object.fromEntries(
        Object.entries(robot.headers).map(([name, value]) => [change(name), value]),
      );
      assert.notEqual((await get('/robots', headers)).status, 200);
    }
  });
  test('an Allow policy does not admit a service token', async () => {
    assert.notEqual((await get('/allow-robot', robot.headers)).status, 200);
  });
  test('where both may come, each comes its own way', async () => {
    assert.equal((await get('/both', robot.headers)).status, 200);
    assert.equal((await get('/both', stranger.headers)).status, 403);
    assert.equal((await get('/both', {})).status, 401);
  });
  test('no redirect for a program with a bad token, whatever it accepts', async () => {
    const answer = await get('/both', {
      ...robot.headers,
      'cf-access-client-secret': 'x',
      accept: 'text/html',
    });
    assert.equal(answer.status, 401);
  });
});

test('a refusal names no secret and is the same for an address that does not exist', async () => {
  const known = await signIn(lab, lab.browser(), kApp, byProvider('bob'));
  assert.equal(known.status, 403);
  assert.ok(!known.text.includes(robot.entry.client_secret_hash));
});
