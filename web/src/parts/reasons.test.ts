import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { kReasons, reasonTitle } from './reasons.ts';

const page = fs.readFileSync(
  new URL('../../../docs/reference/reasons.md', import.meta.url),
  'utf8',
);
const documented = [...page.matchAll(/^\| `([a-z_]+)` \| (.*?) \| /gm)].map(
  ([, code, title]) => [code as string, title as string] as const,
);

test('every reason has the title of the reference', () => {
  assert.ok(documented.length > 40);
  assert.deepEqual(['none', ...kReasons].toSorted(), documented.map(([code]) => code).toSorted());
  for (const [code, title] of documented) assert.equal(reasonTitle(code), title);
});

test('an unknown reason is readable', () => {
  assert.equal(reasonTitle('moon_not_full'), 'moon not full');
});
