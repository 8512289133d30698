import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newEntry } from '../rules/selectors.ts';
import { moved, newPolicy, toDraft, toPolicyRequest, warningOf, type Policy } from './policy.ts';

const kPolicy: Policy = {
  id: 'p',
  name: 'Team',
  decision: 'allow',
  include: [{ email_domain: { domain: 'team.com' } }],
  require: [{ device_posture: { integration_uid: 'd' } }],
  exclude: [],
  precedence: 3,
  reusable: false,
  session_duration: '8h',
  purpose_justification_required: true,
  purpose_justification_prompt: 'Which ticket?',
  approval_required: false,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
};

test('what is read is written back, without what the server adds', () => {
  const { id, created_at, updated_at, precedence, reusable, ...rest } = kPolicy;
  assert.ok(id && created_at && updated_at && precedence && reusable === false);
  assert.deepEqual(toPolicyRequest(toDraft(kPolicy), kPolicy), rest);
});

test('the role is said for a dashboard, and by Allow policies only', () => {
  const draft = { ...newPolicy('Team'), dashboard_role: 'help_desk' as const };
  assert.equal(toPolicyRequest(draft).dashboard_role, undefined);
  assert.equal(toPolicyRequest(draft, undefined, true).dashboard_role, 'help_desk');
  const block = { ...draft, decision: 'deny' as const };
  assert.equal(toPolicyRequest(block, undefined, true).dashboard_role, undefined);
  const administrators = { ...kPolicy, dashboard_role: 'administrator' as const };
  assert.equal(
    toPolicyRequest(toDraft(administrators), administrators).dashboard_role,
    'administrator',
  );
  assert.equal(
    toPolicyRequest({ ...toDraft(administrators), decision: 'deny' }, administrators).dashboard_role,
    undefined,
  );
});

test('what was emptied is left out', () => {
  const draft = { ...toDraft(kPolicy), session_duration: '', purpose_justification_prompt: ' ' };
  const written = toPolicyRequest(draft, kPolicy);
  assert.ok(!('session_duration' in written));
  assert.ok(!('purpose_justification_prompt' in written));
});

test('a policy that lets everybody in is said to', () => {
  const everyone = { ...newPolicy(), include: [newEntry('everyone')] };
  assert.match(warningOf(everyone) ?? '', /everybody who can sign in/);
  assert.match(warningOf({ ...everyone, decision: 'bypass' }) ?? '', /every request/);
  assert.equal(warningOf({ ...everyone, require: [newEntry('ip')] }), undefined);
  assert.equal(warningOf(newPolicy()), undefined);
});

test('moving within a list', () => {
  assert.deepEqual(moved(['a', 'b', 'c'], 0, 1), ['b', 'a', 'c']);
  assert.deepEqual(moved(['a', 'b', 'c'], 2, 0), ['c', 'a', 'b']);
  assert.deepEqual(moved(['a', 'b', 'c'], 2, 9), ['a', 'b', 'c']);
  assert.deepEqual(moved(['a', 'b', 'c'], 5, 0), ['a', 'b', 'c']);
});
