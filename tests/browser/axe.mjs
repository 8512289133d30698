// axe-core on a page as it stands there: WCAG 2.2 AA and axe's own good practice.
//   import { checkAxe, checkAxeEverywhere } from './axe.mjs'
// Evaluated through the browser's debugger, so the page's Content-Security-Policy stays as it is.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const kTags = [
  ...['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'],
  'best-practice',
];

const kMostTransitionMs = 2000;

// Nothing may be found. `exclude`: selectors of parts that are not ours; `disable`: ids of rules.
export async function checkAxe(page, { what = page.url(), exclude = [], disable = [] } = {}) {
  const axe = createRequire(import.meta.url)('axe-core');
  // Colours on their way to others are nobody's. A page that draws nothing would never say that they
  // have arrived.
  await page.evaluate(async (most) => {
    const arrived = async () => {
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      const running = document.getAnimations().filter((one) => one instanceof CSSTransition);
      await Promise.allSettled(running.map((one) => one.finished));
    };
    await Promise.race([arrived(), new Promise((resolve) => setTimeout(resolve, most))]);
  }, kMostTransitionMs);
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    ([tags, left, rules]) =>
      globalThis.axe.run(
        { include: [['html']], exclude: left.map((selector) => [selector]) },
        {
          runOnly: { type: 'tag', values: tags },
          rules: Object.fromEntries(rules.map((rule) => [rule, { enabled: false }])),
          resultTypes: ['violations'],
        },
      ),
    [kTags, exclude, disable],
  );
  const said = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map((n) => `  ${n.target.join(' ')}\n    ${n.failureSummary.replaceAll('\n', '\n    ')}`).join('\n')}`,
  );
  assert.equal(violations.length, 0, `axe on ${what}:\n${said.join('\n')}`);
}

// Light, dark, and as wide as a phone; the page is left as it was found. At 390 px nothing may be
// wider than the window.
export async function checkAxeEverywhere(page, options = {}) {
  const size = page.viewportSize();
  const what = options.what ?? page.url();
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await checkAxe(page, { ...options, what: `${what} (${colorScheme})` });
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await checkAxe(page, { ...options, what: `${what} (phone)` });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${what}: ${wide} px wider than a phone`);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await page.setViewportSize(size);
}
