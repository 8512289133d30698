// The question why somebody needs an application, answered with the keyboard alone.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, domain, policy } from '../harness/lab.mjs';
import { auditOf } from '../harness/audit.mjs';
import { enterProvider, picture, shown, startBrowser, visit } from './visit.mjs';

let lab;
let browser;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications[0].policies = [
        {
          ...policy('allow', 'Corp people', { include: [domain('corp.example')] }),
          purpose_justification_required: true,
          purpose_justification_prompt: 'Which ticket is this for?',
        },
      ];
    },
  });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

describe('an application that asks for a reason', () => {
  test('is opened from the keyboard; what is wrong is said at the field', async () => {
    const page = await visit(browser);
    const url = lab.gateway.url(kApp, '/wanted?x=1');
    await page.goto(url);
    await enterProvider(page, 'alice');
    const field = page.getByLabel('Reason');
    await field.waitFor();
    const focused = () => page.evaluate(() => document.activeElement.id);
    assert.equal(await focused(), 'purpose');
    await page.getByText('Which ticket is this for?').waitFor();
    await page.getByText(/administrators of Corp can read it/).waitFor();
    await picture(page, 'purpose');
    // The note is a part of the field's description.
    assert.match(
      await field.evaluate((node) =>
        node
          .getAttribute('aria-describedby')
          .split(' ')
          .map((id) => document.getElementById(id).textContent)
          .join(' '),
      ),
      /recorded with your e.mail address/,
    );
    await page.keyboard.type('   ');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const error = page.getByRole('alert');
    await error.waitFor();
    assert.equal(await error.innerText(), 'Write why you need the application.');
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.equal(await focused(), 'purpose');
    await picture(page, 'purpose-wrong');
    await page.keyboard.type('Ticket 4711\nand <b>more</b>');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal((await shown(page, url)).email, 'alice@corp.example');
    assert.deepEqual(page.violations, []);
    const [record] = auditOf(lab.gateway, 'purpose_stated');
    assert.match(record.details.text, /^Ticket 4711 +and <b>more<\/b>$/);
    await page.goto(lab.gateway.url(kApp, '/again'));
    assert.equal((await shown(page, lab.gateway.url(kApp, '/again'))).url, '/again');
    await page.context().close();
  });
});
