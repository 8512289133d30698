// The reason that an application's policy asks people for: the page, the record, and that nothing
// opens without it.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, kAuth, kOther, domain, policy } from '../harness/lab.mjs';
import { SignIn, byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { formsOf, textOf } from '../harness/html.mjs';
import { auditOf } from '../harness/audit.mjs';

const kPrompt = 'Which ticket is this for?';
let lab;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications[0].policies = [
        {
          ...policy('allow', 'Corp people', { include: [domain('corp.example')] }),
          purpose_justification_required: true,
          purpose_justification_prompt: kPrompt,
        },
      ];
    },
  });
});
after(() => lab?.stop());

const state = async (browser, page, text, headers = {}) => {
  const form = formsOf(page.text)[0];
  const flow = new SignIn(lab, browser);
  return flow.follow(
    await browser.navigate(new URL(form.action, page.url).href, {
      method: 'POST',
      form: { ...form.fields, purpose: text },
      headers: { origin: lab.gateway.issuer, 'sec-fetch-site': 'same-origin', ...headers },
    }),
  );
};

describe('an application that asks for a reason', () => {
  test('asks after the sign-in, records the answer, and opens', async () => {
    const browser = lab.browser();
    const page = await signIn(lab, browser, kApp, { target: '/x?y=1', ...byProvider('alice') });
    assert.equal(new URL(page.url).hostname, kAuth);
    assert.match(textOf(page.text), new RegExp(kPrompt.replace('?', '\\?')));
    assert.match(textOf(page.text), /administrators of Corp can read it/);
    assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 401);
    const opened = await state(browser, page, '  ticket 4711\r\nand more ');
    assert.equal(opened.headers['x-origin'], 'echo');
    assert.equal(opened.json.url, '/x?y=1');
    const [record] = auditOf(lab.gateway, 'purpose_stated');
    assert.equal(record.actor, 'alice@corp.example');
    assert.equal(record.details.text, 'ticket 4711  and more');
    assert.match(record.details.reference, /^[0-9a-f]{32}$/);
    // It counts for this session and this application.
    assert.equal((await browser.fetch(lab.gateway.url(kApp))).status, 200);
    await mustSignIn(lab, browser, kOther);
    await mustSignIn(lab, browser, kApp);
  });

  test('asks everybody, and again after the next sign-in', async () => {
    const browser = lab.browser();
    const first = await signIn(lab, browser, kApp, byProvider('carol'));
    await state(browser, first, 'once');
    await browser.navigate(lab.gateway.url(kAuth, '/cdn-cgi/access/logout'));
    const second = await signIn(lab, browser, kApp, byProvider('carol'));
    assert.match(textOf(second.text), /Which ticket/);
  });

  test('takes no empty, long or odd text, and none from elsewhere', async () => {
    const browser = lab.browser();
    const page = await signIn(lab, browser, kApp, byProvider('alice'));
    const before = auditOf(lab.gateway, 'purpose_stated').length;
    for (const text of ['', ' \n ', 'x'.repeat(501), 'a\u0007b', 'a\u009bb']) {
      const again = await state(browser, page, text);
      assert.equal(again.status, 400, JSON.stringify(text));
      assert.match(again.text, /id="purpose-error" role="alert"/);
    }
    const elsewhere = { origin: lab.gateway.url(kApp, '') };
    assert.equal((await state(browser, page, 'x', elsewhere)).status, 403);
    const other = lab.browser();
    assert.equal((await state(other, page, 'x')).status, 400);
    assert.equal(auditOf(lab.gateway, 'purpose_stated').length, before);
  });

  test('that is added to a policy is asked of who is signed in already', async () => {
    const browser = lab.browser();
    await mustSignIn(lab, browser, kOther, byProvider('alice'));
    const { configuration } = lab.gateway;
    configuration.applications[1].policies[0].purpose_justification_required = true;
    lab.gateway.write();
    assert.equal((await lab.gateway.apply()).code, 0);
    try {
      const program = await browser.fetch(lab.gateway.url(kOther));
      assert.equal(program.status, 401);
      assert.equal(program.json.reason, 'purpose_required');
      assert.equal(program.json.remedy, 'state_purpose');
      const navigation = await browser.navigate(lab.gateway.url(kOther, '/deep'));
      assert.equal(navigation.status, 302);
      assert.match(navigation.location, /\/cdn-cgi\/access\/purpose\/other\.gateway\.test\?kid=/);
      const page = await new SignIn(lab, browser).follow(navigation);
      const opened = await state(browser, page, 'because');
      assert.equal(opened.json.url, '/deep');
    } finally {
      delete configuration.applications[1].policies[0].purpose_justification_required;
      lab.gateway.write();
      await lab.gateway.apply();
    }
  });
});
