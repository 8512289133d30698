import assert from 'node:assert/strict';
import { test } from 'node:test';
import { found, inWords, readPasted } from './items.ts';

test('what is pasted', () => {
  const cases: [string, string, string[]][] = [
    ['one a line', 'a@team.com\nb@team.com\r\n\n', ['a@team.com', 'b@team.com']],
    ['on one line', 'a@team.com, b@team.com;c@team.com d@team.com', ['a@team.com', 'b@team.com', 'c@team.com', 'd@team.com']],
    ['with a description', 'a@team.com, Chair, since 2020', ['a@team.com|Chair, since 2020']],
    ['a column of a table', 'a@team.com\tAlice', ['a@team.com|Alice']],
    ['with names', 'Alice Ant <a@team.com>\n"Bob, Jr." <b@team.com>', ['a@team.com|Alice Ant', 'b@team.com|Bob, Jr.']],
    ['with remarks', '# the board\na@team.com', ['a@team.com']],
  ];
  for (const [name, text, expected] of cases) {
    const read = readPasted('EMAIL', text);
    assert.deepEqual(read.problems, [], name);
    assert.deepEqual(
      read.items.map(({ value, description }) => (description ? `${value}|${description}` : value)),
      expected,
      name,
    );
  }
});

test('what is wrong is told by line, and what is there already is not added again', () => {
  const read = readPasted('EMAIL', 'a@team.com\nnobody\nA@team.com\nb@team.com', ['B@TEAM.com']);
  assert.deepEqual(read.items, [{ value: 'a@team.com' }]);
  assert.equal(read.repeated, 2);
  assert.equal(read.problems.length, 1);
  assert.match(read.problems[0] ?? '', /^Line 2: nobody is not an email address/);
});

test('networks', () => {
  const read = readPasted('IP', '192.0.2.0/24, office\n2001:db8::/32\n10.0.0.0/33\nhost');
  assert.deepEqual(read.items, [{ value: '192.0.2.0/24', description: 'office' }, { value: '2001:db8::/32' }]);
  assert.equal(read.problems.length, 2);
});

test('thousands are read at once', () => {
  const text = Array.from({ length: 20_000 }, (_, number) => `person${number}@team.com`).join('\n');
  const start = performance.now();
  assert.equal(readPasted('EMAIL', text).items.length, 20_000);
  assert.ok(performance.now() - start < 1000);
});

test('search and words', () => {
  const items = [{ value: 'alice@team.com', description: 'Chair' }, { value: 'bob@team.com' }];
  assert.equal(found(items, 'CHAIR').length, 1);
  assert.equal(found(items, 'team').length, 2);
  assert.equal(found(items, '').length, 2);
  assert.equal(inWords('EMAIL', 1), '1 address');
  assert.equal(inWords('IP', 1200), '1,200 networks');
});
