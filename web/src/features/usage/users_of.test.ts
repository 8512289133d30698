import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usersOf } from './users_of.ts';

const base = { created_at: '', updated_at: '', include: [] };
const all = {
  applications: [
    {
      ...{ id: 'a1', aud: '', type: 'self_hosted' as const, created_at: '', updated_at: '' },
      name: 'Wiki',
      allowed_idps: ['i1'],
      policies: [
        { ...base, id: 'p1', name: 'Own', decision: 'allow' as const, include: [{ group: { id: 'g1' } }] },
        {
          ...{ ...base, id: 'r1', name: 'Shared', decision: 'allow' as const, reusable: true },
          require: [{ device_posture: { integration_uid: 'd1' } }],
        },
      ],
    },
  ],
  policies: [
    {
      ...{ ...base, id: 'r1', name: 'Shared', decision: 'allow' as const },
      require: [{ device_posture: { integration_uid: 'd1' } }],
    },
  ],
  groups: [{ ...base, id: 'g2', name: 'Outer', exclude: [{ ip_list: { id: 'l1' } }] }],
};
const said = (...question: Parameters<typeof usersOf> extends [infer U, infer I, ...unknown[]] ? [U, I] : never) =>
  usersOf(...question, all).map(({ kind, name }) => `${kind} ${name}`);

test('who names what', () => {
  assert.deepEqual(said('group', 'g1'), ['application Wiki']);
  assert.deepEqual(said('policy', 'r1'), ['application Wiki']);
  assert.deepEqual(said('posture', 'd1'), ['policy Shared']);
  assert.deepEqual(said('login_method', 'i1'), ['application Wiki']);
  assert.deepEqual(said('list', 'l1'), ['group Outer']);
  assert.deepEqual(said('service_token', 't1'), []);
});
