import assert from 'node:assert/strict';
import test from 'node:test';
import { checkValues, kNothing, toFieldError, toQuestion, type Values } from './question.ts';

const values = (change: Partial<Values>): Values => ({ ...kNothing, app: 'Wiki', ...change });

test('only what was said is asked', () => {
  assert.deepEqual(toQuestion(values({})), { app: 'Wiki' });
  assert.deepEqual(
    toQuestion(
      values({
        app: ' wiki.example.com/admin ',
        user: 'alice@example.com',
        login: 'Okta',
        groups: 'Staff, , Research ',
        claims: 'department=Lab',
        ip: '192.0.2.1',
        country: 'de',
        token: 'Build',
        certificate: 'printer',
      }),
    ),
    {
      app: 'wiki.example.com/admin',
      user: 'alice@example.com',
      'login-method': 'Okta',
      group: ['Staff', 'Research'],
      claim: ['department=Lab'],
      ip: '192.0.2.1',
      country: 'DE',
      'service-token': 'Build',
      certificate: 'printer',
    },
  );
});

test('evidence of a device is said, or taken from a live session', () => {
  const said = { evidence: 'said', source: 'Tanium', managed: 'managed', checkin: '3h' };
  assert.deepEqual(toQuestion(values({ ...said, user: 'a@b.c' })).posture, [
    'Tanium=managed,checkin=3h',
  ]);
  assert.deepEqual(
    toQuestion(values({ ...said, age: '2h', patched: 'unpatched', user: 'a@b.c' })).posture,
    ['Tanium=managed,checkin=3h,age=2h,unpatched'],
  );
  assert.equal(toQuestion(values(said)).posture, undefined);
  // A session says who asks.
  assert.deepEqual(
    toQuestion(values({ evidence: 'session', user: 'a@b.c', groups: 'x' }), 'nonce'),
    { app: 'Wiki', session: 'nonce' },
  );
});

test('a moment is sent in UTC', () => {
  assert.equal(toQuestion(values({ at: '2026-01-31T08:00:00Z' })).at, '2026-01-31T08:00:00Z');
});

test('what is wrong is found before anything is sent', () => {
  assert.deepEqual(checkValues(values({})), {});
  for (const [change, field] of [
    [{ app: ' ' }, 'app'],
    [{ evidence: 'session' }, 'user'],
    [{ evidence: 'said', source: 'Tanium' }, 'user'],
    [{ evidence: 'said', user: 'a@b.c' }, 'source'],
    [{ evidence: 'said', user: 'a@b.c', source: 'x', checkin: 'soon' }, 'checkin'],
    [{ evidence: 'said', user: 'a@b.c', source: 'x', age: '2' }, 'age'],
    [{ country: 'Germany' }, 'country'],
    [{ at: 'tomorrow' }, 'at'],
  ] as [Partial<Values>, string][]) {
    assert.deepEqual(Object.keys(checkValues(values(change))), [field], JSON.stringify(change));
  }
});

test('what the API refuses stands beside its field', () => {
  assert.deepEqual(toFieldError('--ip: `x` is not an address'), ['ip', '`x` is not an address']);
  assert.deepEqual(toFieldError('--login-method: there is no `x`'), ['login', 'there is no `x`']);
  assert.deepEqual(toFieldError('the gateway is busy'), ['', 'the gateway is busy']);
  assert.deepEqual(toFieldError('--new-thing: no'), ['', '--new-thing: no']);
  assert.equal(toFieldError(`--app: ${'x'.repeat(1000)}`)[1].length, 242);
});
