// DESIGN 8.4: redirects go only to configured applications; one-time codes work once, for their host,
// in the browser that began.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { startLab, kApp, kAuth, kOther } from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn } from '../harness/signin.mjs';
import { sendRaw } from '../harness/http.mjs';
import { kNoTestkit, testkitData } from '../harness/build.mjs';

let lab;
let browser;
let kid;
before(async () => {
  lab = await startLab({ idp: true });
  browser = lab.browser({ keepAlive: true });
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
  kid = await lab.gateway.audience(kApp);
});
after(() => lab?.stop());

const ours = () => [
  lab.gateway.issuer,
  ...[kApp, kOther].map((host) => `https://${host}:${lab.gateway.port}`),
];
const session = (value) => crypto.createHash('sha256').update(value).digest('base64url');

// Opens the login URL with this redirect_url (already encoded) in a browser with a live session and
// follows it to the end: no step may leave our hosts.
async function play(encoded, name = encoded, bound = true) {
  const app = bound ? `&app_session=${session(browser.cookie(kApp, 'CF_AppSession'))}` : '';
  let url = `${lab.gateway.issuer}/cdn-cgi/access/login/${kApp}?kid=${kid}&redirect_url=${encoded}${app}`;
  for (let step = 0; step < 6; step++) {
    const answer = await browser.navigate(url);
    assert.ok(answer.status !== 500 && answer.status !== 502, `${name}: ${answer.status}`);
    assert.ok(!answer.setCookies.some((cookie) => /^crlf/i.test(cookie.name)), name);
    for (const header of ['x-injected', 'refresh'])
      assert.equal(answer.headers[header], undefined, name);
    if (answer.location === null) {
      if (answer.status >= 400) return answer;
      assert.equal(new URL(url).hostname, kApp, name);
      return answer;
    }
    const raw = answer.headers.location;
    assert.ok(!/[\r\n\t\\]/.test(raw), `${name}: ${raw}`);
    const next = new URL(raw, url);
    assert.ok(ours().includes(next.origin), `${name}: leaves for ${next.href}`);
    assert.equal(next.username, '', name);
    url = next.href;
  }
  assert.fail(`${name}: goes round in circles`);
  return null;
}

const hostile = [
  'https://evil.example/',
  '//evil.example/',
  '///evil.example',
  '////evil.example/%2f..',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '\t//evil.example',
  ' //evil.example',
  '/%09/evil.example',
  '/%5cevil.example',
  '/%2f%2fevil.example',
  '//evil.example@app.gateway.test',
  'https://app.gateway.test@evil.example/',
  'https:evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  '.evil.example',
  '@evil.example',
  ':80@evil.example',
  '/../../evil.example',
  '/./\\evil.example',
  '/;@evil.example',
  'evil.example',
  '',
  '?x',
  '#x',
  '/\r\nSet-Cookie: crlf=1',
  '/%0d%0aSet-Cookie:%20crlf=1',
  '/\0',
  '/x\u2028y',
  '\u3035evil.example',
  '/\u00a0/evil.example',
  'http://[::1]/',
  '/cdn-cgi/access/logout',
  `/${'a'.repeat(9000)}`,
];

describe('redirect_url', () => {
  test('control: a path with a query arrives as it was', async () => {
    const answer = await play(encodeURIComponent('/a/b?c=d&e=f%2Fg'));
    assert.equal(answer.json.url, '/a/b?c=d&e=f%2Fg');
  });
  for (const target of hostile) {
    test(`${JSON.stringify(target).slice(0, 50)}: stays with us`, async () => {
      await play(encodeURIComponent(target), target);
      await play(encodeURIComponent(target), target, false);
    });
  }
  test('another site or scheme: 400', async () => {
    for (const target of [
      'https://evil.example/',
      '//evil.example/',
      'javascript:alert(1)',
      '/\\evil.example',
      'evil.example',
    ]) {
      assert.equal((await play(encodeURIComponent(target), target)).status, 400, target);
    }
  });
  test('twice: one of them, or refused', async () => {
    await play('%2Fa&redirect_url=https%3A%2F%2Fevil.example%2F');
  });
  const list = testkitData('hostile/open-redirect.txt');
  test('the shared list', { skip: list ? false : kNoTestkit, timeout: 280_000 }, async () => {
    for (const line of list) await play(encodeURIComponent(line), line);
  });
  test('a login URL without app_session comes back through the application', async () => {
    const answer = await lab
      .browser()
      .navigate(`${lab.gateway.issuer}/cdn-cgi/access/login/${kApp}?kid=${kid}&redirect_url=%2Fx`);
    assert.equal(answer.status, 302);
    assert.equal(answer.location, lab.gateway.url(kApp, '/x'));
  });
});

describe('line breaks in what a client sends', () => {
  const own = [
    '/%0d%0aSet-Cookie:crlf=1',
    '/%0aSet-Cookie:crlf=1',
    '/%0dSet-Cookie:crlf=1',
    '/x?a=%0d%0aSet-Cookie:crlf=1',
    '/%E5%98%8A%E5%98%8DSet-Cookie:crlf=1',
    '/%u000aSet-Cookie:crlf=1',
    '/%250aSet-Cookie:crlf=1',
  ];
  const shared = testkitData('hostile/crlf.txt') ?? [];
  const check = async (target) => {
    for (const host of [kApp, kAuth]) {
      const { responses, text } = await sendRaw(
        lab.gateway.port,
        host,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
        { quiet: 150 },
      );
      const names = responses.flatMap(({ headers }) => headers);
      assert.ok(
        !names.some(([name, value]) => /^set-cookie$/i.test(name) && /crlf/i.test(value)),
        `${host}${target}: ${text.slice(0, 400)}`,
      );
      assert.ok(responses.length <= 1, target);
    }
  };
  test('no header appears', async () => {
    for (const target of own) await check(target);
  });
  test(
    'no header appears (shared list)',
    { skip: shared.length ? false : kNoTestkit },
    async () => {
      for (const target of shared) await check(target.replaceAll(' ', '%20'));
    },
  );
});

describe('the one-time code', () => {
  // A code for kOther, not yet redeemed, and the browser that began.
  const issue = async (target = '/') => {
    const mine = browser.clone();
    lab.browsers.push(mine);
    const away = await mine.navigate(lab.gateway.url(kOther, target));
    const back = await mine.navigate(away.location);
    assert.match(back.location, /\/cdn-cgi\/access\/authorized\?/);
    return { mine, url: back.location };
  };
  const bad = (answer, who) => {
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Invalid login session/);
    assert.equal(who.cookie(kOther, 'CF_Authorization'), undefined);
  };
  test('control: opens the application once; cookie as the contract says', async () => {
    const { mine, url } = await issue('/y?z=1');
    const answer = await mine.navigate(url);
    assert.equal(answer.status, 302);
    assert.equal(answer.location, lab.gateway.url(kOther, '/y?z=1'));
    const { attributes } = answer.cookie('CF_Authorization');
    for (const name of ['secure', 'httponly']) assert.ok(name in attributes, name);
    assert.equal(attributes.samesite.toLowerCase(), 'none');
    assert.equal(attributes.path, '/');
    assert.equal(attributes.domain, undefined);
    assert.match(answer.headers['cache-control'], /no-store/);
    assert.equal(answer.headers['referrer-policy'] ?? 'no-referrer', 'no-referrer');
  });
  test('a second time: refused', async () => {
    const { mine, url } = await issue();
    await mine.navigate(url);
    mine.jar(kOther).delete('CF_Authorization');
    bad(await mine.navigate(url), mine);
  });
  test('twice at the same moment: one wins at most', async () => {
    const { mine, url } = await issue();
    const answers = await Promise.all([1, 2, 3, 4].map(() => mine.clone().navigate(url)));
    assert.equal(answers.filter(({ status }) => status === 302).length, 1);
  });
  test('in a browser that did not begin: refused', async () => {
    const { url } = await issue();
    const thief = lab.browser();
    bad(await thief.navigate(url), thief);
    const busy = lab.browser();
    await busy.navigate(lab.gateway.url(kOther));
    bad(await busy.navigate(url), busy);
  });
  test('on another host: refused', async () => {
    const { mine, url } = await issue();
    mine.jar(kApp).delete('CF_Authorization');
    const answer = await mine.navigate(url.replace(kOther, kApp));
    assert.equal(answer.status, 400);
    assert.equal(mine.cookie(kApp, 'CF_Authorization'), undefined);
  });
  test('missing, empty, changed, of another purpose, huge: refused', async () => {
    const { mine, url } = await issue();
    const flow = new SignIn(lab, lab.browser());
    const state = new URL((await flow.follow(await flow.begin(kOther))).location).searchParams.get(
      'state',
    );
    const at = new URL(url);
    const nonce = at.searchParams.get('nonce');
    for (const value of [
      null,
      '',
      'x',
      `${nonce}A`,
      nonce.slice(1),
      nonce.split('').reverse().join(''),
      state,
      'A'.repeat(6000),
    ]) {
      if (value === null) at.searchParams.delete('nonce');
      else at.searchParams.set('nonce', value);
      bad(await mine.navigate(at.href), mine);
    }
  });
  test("is not in the application's log of what it received", () => {
    assert.ok(
      lab.origin.requests.every(
        (seen) =>
          !/nonce=/.test(seen.url) && !seen.values('referer').some((value) => /nonce=/.test(value)),
      ),
    );
  });
});
