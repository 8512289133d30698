import assert from 'node:assert/strict';
import test from 'node:test';
import { endingConcerns, firstSteps, healthConcerns, openConcerns } from './attention.ts';

const now = Date.parse('2026-01-31T08:00:00Z');
const healthy = {
  status: 'ok' as const,
  version: '1',
  issuer: 'https://auth.example.com',
  sequence: 5,
  node_state: { readable: true, sequence: 5, heartbeat_at: '2026-01-31T07:59:50Z' },
  nginx: { serving: true, pid: 1, restarts: 0 },
  store: { reachable: true, engine: 'sqlite' as const },
};

test('every part that does not work is named', () => {
  for (const [change, expected] of [
    [{}, []],
    [{ status: 'degraded' as const }, ['degraded']],
    [{ store: { ...healthy.store, reachable: false } }, ['store']],
    [{ nginx: { ...healthy.nginx, serving: false } }, ['nginx']],
    [{ node_state: { readable: false } }, ['state']],
    [
      { node_state: { ...healthy.node_state, heartbeat_at: '2026-01-31T07:58:59Z' } },
      ['heartbeat'],
    ],
    [{ node_state: { ...healthy.node_state, heartbeat_at: '2026-01-31T07:59:00Z' } }, []],
    [{ sequence: 6 }, ['sequence']],
  ] as const) {
    assert.deepEqual(
      healthConcerns({ ...healthy, ...change }, now).map(({ key }) => key),
      expected,
      JSON.stringify(change),
    );
  }
});

test('what ends soon is named, the first to end first', () => {
  const thing = (name: string, ends: string | null) => ({ kind: 'token', name, ends, href: '/' });
  assert.deepEqual(
    endingConcerns(
      [
        thing('later', '2026-02-14T08:00:01Z'),
        thing('soon', '2026-02-10T08:00:00Z'),
        thing('over', '2026-01-31T08:00:00Z'),
        thing('today', '2026-01-31T20:00:00Z'),
        thing('never', null),
        thing('unset', '0001-01-01T00:00:00Z'),
      ],
      now,
    ).map(({ title, tone }) => [title, tone]),
    [
      ['The token over has expired', 'error'],
      ['The token today expires within a day', 'alert'],
      ['The token soon expires in 10 days', 'alert'],
    ],
  );
});

test('applications that are open to everybody are named once', () => {
  const everyone = { everyone: {} };
  const policy = (decision: string, rest: object) => ({ name: decision, decision, ...rest });
  for (const [policies, expected] of [
    [[policy('allow', { include: [everyone] })], 1],
    [[policy('bypass', { include: [everyone] })], 1],
    [[policy('bypass', { include: [everyone] }), policy('allow', { include: [everyone] })], 1],
    [[policy('allow', { include: [everyone], require: [{ ip: { ip: '::/0' } }] })], 0],
    [[policy('allow', { include: [everyone], exclude: [{ ip: { ip: '::1' } }] })], 0],
    [[policy('deny', { include: [everyone] })], 0],
    [[policy('allow', { include: [{ email: { email: 'a@b.c' } }] })], 0],
    [[], 0],
  ] as const) {
    const found = openConcerns([{ id: 'a', name: 'Wiki', policies } as never]);
    assert.equal(found.length, expected, JSON.stringify(policies));
  }
});

test('a fresh installation has three steps', () => {
  const steps = firstSteps({ loginMethods: 1, postureProviders: 0, applications: 0 });
  assert.deepEqual(
    steps.map(({ key, isDone }) => [key, isDone]),
    [
      ['login', true],
      ['posture', false],
      ['application', false],
    ],
  );
});
