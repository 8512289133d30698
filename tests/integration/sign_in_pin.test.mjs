// One-time PIN by mail: docs/reference/wire.md, DESIGN 8.4 and 8.5.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kOther, domain, email, policy, application } from '../harness/lab.mjs';
import { SignIn, byPin, mustSignIn, pageKind } from '../harness/signin.mjs';
import { textOf } from '../harness/html.mjs';
import { eventually, sleep } from '../harness/process.mjs';

let lab;
before(async () => {
  lab = await startLab({
    smtp: true,
    config(c) {
      c.applications.push(
        application('Blocked', 'admin.gateway.test', [
          policy('deny', 'Not Mallory', { include: [email('mallory@corp.example')] }),
          policy('allow', 'Corp people', { include: [domain('corp.example')] }),
        ]),
      );
    },
  });
});
after(() => lab?.stop());

const atEntry = async (browser, address, host = kApp) => {
  const flow = new SignIn(lab, browser);
  const page = await flow.requestPin(await flow.begin(host), address);
  return { flow, page };
};
// The page without what differs from one sign-in to the next.
const shape = (page, address) =>
  page.text
    .replaceAll(address, 'ADDRESS')
    .replaceAll(encodeURIComponent(address), 'ADDRESS')
    .replace(/(name="transaction"[^>]*value=")[^"]*/g, '$1')
    .replace(/(value=")[^"]*("[^>]*name="transaction")/g, '$1$2')
    .replace(/transaction=[^"&]*/g, 'transaction=')
    .replace(/\b[0-9a-f]{32}\b/g, 'REFERENCE');
const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const isIn = async (browser, host = kApp) =>
  (await browser.fetch(lab.gateway.url(host))).status === 200;

describe('one-time PIN', () => {
  test('a single login method is taken at once; the code opens the application', async () => {
    const browser = lab.browser();
    const flow = new SignIn(lab, browser);
    const page = await flow.begin(kApp, '/a/b?c=d');
    assert.equal(pageKind(page), 'pin-request');
    const answer = await flow.finish(page, byPin('pia@corp.example'));
    assert.equal(answer.status, 200);
    assert.equal(answer.json.email, 'pia@corp.example');
    assert.equal(answer.json.url, '/a/b?c=d');
    const mail = await lab.smtp.mailTo('pia@corp.example');
    assert.equal(mail.secure, true);
    assert.equal(mail.from, 'access@corp.example');
  });

  test('the second application opens without a question', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kApp, byPin('sam@corp.example'));
    const mails = lab.smtp.mails.length;
    assert.equal((await mustSignIn(lab, browser, kOther)).json.email, 'sam@corp.example');
    assert.equal(lab.smtp.mails.length, mails);
  });

  test('letter case of the address does not matter', async () => {
    const answer = await mustSignIn(lab, lab.browser(), kApp, byPin('Cass@CORP.example'));
    assert.equal(answer.json.email, 'cass@corp.example');
  });

  test('a wrong code is refused, the right one still works', async () => {
    const browser = lab.browser();
    const { flow, page } = await atEntry(browser, 'wrong@corp.example');
    const code = await lab.smtp.codeFor('wrong@corp.example');
    for (const bad of [wrong(code), `${code}0`, code.slice(1)]) {
      assert.notEqual((await flow.enterPin(page, bad)).headers['x-origin'], 'echo', bad);
    }
    assert.equal(await isIn(browser), false);
    assert.equal((await flow.enterPin(page, code)).headers['x-origin'], 'echo');
  });

  test('after five failures the right code is refused too', async () => {
    const browser = lab.browser();
    const { flow, page } = await atEntry(browser, 'six@corp.example');
    const code = await lab.smtp.codeFor('six@corp.example');
    for (let i = 0; i < 5; i++) await flow.enterPin(page, wrong(code));
    const answer = await flow.enterPin(page, code);
    assert.notEqual(answer.headers['x-origin'], 'echo');
    assert.equal(await isIn(browser), false);
  });

  test('four failures leave the fifth attempt', async () => {
    const browser = lab.browser();
    const { flow, page } = await atEntry(browser, 'five@corp.example');
    const code = await lab.smtp.codeFor('five@corp.example');
    for (let i = 0; i < 4; i++) await flow.enterPin(page, wrong(code));
    assert.equal((await flow.enterPin(page, code)).headers['x-origin'], 'echo');
  });

  test('a code works once', async () => {
    const browser = lab.browser();
    const { flow, page } = await atEntry(browser, 'once@corp.example');
    const code = await lab.smtp.codeFor('once@corp.example');
    assert.equal((await flow.enterPin(page, code)).headers['x-origin'], 'echo');
    browser.jars.delete(kApp);
    browser.jar('auth.gateway.test').delete('CF_Authorization');
    const again = await flow.enterPin(page, code);
    assert.notEqual(again.headers['x-origin'], 'echo');
    assert.equal(browser.cookie('auth.gateway.test', 'CF_Authorization'), undefined);
  });

  test('a code is bound to the browser that asked for it', async () => {
    const mine = lab.browser();
    const { page } = await atEntry(mine, 'bound@corp.example');
    const code = await lab.smtp.codeFor('bound@corp.example');
    const thief = lab.browser();
    const stolen = await new SignIn(lab, thief).enterPin(page, code);
    assert.notEqual(stolen.headers['x-origin'], 'echo');
    assert.equal(thief.cookie('auth.gateway.test', 'CF_Authorization'), undefined);
    // A browser in the middle of its own sign-in is another browser as well.
    const other = await atEntry(thief, 'thief@corp.example');
    assert.notEqual((await other.flow.enterPin(page, code)).headers['x-origin'], 'echo');
    assert.equal(await isIn(thief), false);
  });

  test('a code for one address does not sign in another', async () => {
    const browser = lab.browser();
    const first = await atEntry(browser, 'one@corp.example');
    const second = await atEntry(browser, 'two@corp.example');
    const code = await lab.smtp.codeFor('one@corp.example');
    await lab.smtp.codeFor('two@corp.example');
    assert.notEqual((await second.flow.enterPin(second.page, code)).headers['x-origin'], 'echo');
    assert.equal((await first.flow.enterPin(first.page, code)).json.email, 'one@corp.example');
  });

  test('the answer is the same for every address, and only who could be let in gets mail', async () => {
    const admitted = 'known@corp.example';
    const strangers = [
      'nobody@elsewhere.example',
      'alice@corp.example.evil.example',
      'alice@notcorp.example',
      'corp.example@evil.example',
    ];
    const good = await atEntry(lab.browser(), admitted);
    for (const address of strangers) {
      const { page } = await atEntry(lab.browser(), address);
      assert.equal(page.status, good.page.status, address);
      assert.equal(shape(page, address), shape(good.page, admitted), address);
    }
    const { page } = await atEntry(lab.browser(), 'mallory@corp.example', 'admin.gateway.test');
    assert.equal(pageKind(page), 'pin-entry');
    await lab.smtp.mailTo(admitted);
    await sleep(300);
    for (const address of [...strangers, 'mallory@corp.example']) {
      assert.deepEqual(lab.smtp.to(address), [], address);
    }
  });

  test('no code opens anything for an address that got no mail', async () => {
    const browser = lab.browser();
    const { flow, page } = await atEntry(browser, 'nobody@elsewhere.example');
    for (const code of ['000000', '123456', '999999']) {
      assert.notEqual((await flow.enterPin(page, code)).headers['x-origin'], 'echo');
    }
  });

  test('an address is not mailed without limit, and the answer does not tell', async () => {
    const address = 'flood@corp.example';
    const shapes = new Set();
    for (let i = 0; i < 8; i++) {
      const { page } = await atEntry(lab.browser(), address);
      shapes.add(shape(page, address));
    }
    await eventually(() => lab.smtp.to(address).length >= 3, { ms: 5000, what: 'three mails' });
    await sleep(300);
    assert.equal(lab.smtp.to(address).length, 3);
    assert.equal(shapes.size, 1);
  });

  test('a browser cannot ask for codes without limit', async () => {
    const browser = lab.browser();
    const kinds = [];
    for (let i = 0; i < 15; i++) {
      const { page } = await atEntry(browser, `many${i}@corp.example`);
      kinds.push(pageKind(page));
    }
    assert.equal(kinds[0], 'pin-entry');
    assert.equal(kinds.at(-1), 'other');
    await sleep(200);
    assert.ok(lab.smtp.mails.filter((mail) => /^many\d/.test(mail.to[0])).length <= 10);
  });

  for (const address of [
    '',
    'x',
    'a@b@corp.example',
    'a b@corp.example',
    '"a"@corp.example',
    'a@corp.example\r\nBcc: x@evil.example',
    'a@corp.example,b@corp.example',
    'a@corp.example\0',
    `${'a'.repeat(300)}@corp.example`,
    'а@corp.example\u202e',
    '<script>@corp.example',
  ]) {
    test(`no mail and no accident for the address ${JSON.stringify(address).slice(0, 40)}`, async () => {
      const before = lab.smtp.mails.length;
      const { page } = await atEntry(lab.browser(), address);
      assert.ok(page.status < 500, String(page.status));
      assert.ok(!page.text.includes('<script>@'));
      await sleep(150);
      const sent = lab.smtp.mails.slice(before);
      assert.ok(
        sent.every((mail) => mail.to.length === 1 && mail.to[0].endsWith('@corp.example')),
        JSON.stringify(sent),
      );
      assert.ok(!sent.some((mail) => mail.to.some((to) => /evil/.test(to))));
    });
  }

  test('a mail server that refuses does not stop the gateway or change the answer', async () => {
    lab.smtp.refuse = true;
    try {
      const { page } = await atEntry(lab.browser(), 'refused@corp.example');
      assert.equal(pageKind(page), 'pin-entry');
      const said = await eventually(
        () => /mail|smtp/i.test(lab.gateway.logs()) && lab.gateway.logs(),
        { what: 'a word in the log' },
      );
      assert.ok(!said.includes('refused@corp.example'), 'the address is in the log');
    } finally {
      lab.smtp.refuse = false;
    }
    assert.equal(
      (await mustSignIn(lab, lab.browser(), kApp, byPin('later@corp.example'))).status,
      200,
    );
  });

  test('pages on the auth domain cannot be framed, cached or scripted inline', async () => {
    const page = await new SignIn(lab, lab.browser()).begin(kApp);
    const csp = page.headers['content-security-policy'];
    assert.match(csp, /frame-ancestors 'none'/);
    assert.match(csp, /default-src 'none'|script-src 'self'/);
    assert.ok(!/unsafe-inline|unsafe-eval/.test(csp), csp);
    assert.match(page.headers['cache-control'], /no-store/);
    assert.equal(page.headers['x-content-type-options'], 'nosniff');
    assert.match(textOf(page.text), /App/);
    const cookie = lab.browsers.at(-1).jar('auth.gateway.test').get('CF_Session');
    for (const attribute of ['secure', 'httponly'])
      assert.ok(attribute in cookie.attributes, attribute);
  });
});
