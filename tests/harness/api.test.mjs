// The parts that judge the administration API, without it.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { findOperation, operations, requestProblems, responseProblems } from './api.mjs';
import { Random, randomValue, shapeOf, wrongType } from './api_values.mjs';
import { watchedClient } from './sdk.mjs';

const account = '699d98642c564d2e855e9661899b7252';
const id = 'f174e90a-fafe-4643-bbbc-4a0ed4fc8415';
const group = {
  ...{ id, name: 'Staff', include: [{ everyone: {} }], exclude: [], require: [] },
  ...{ is_default: false, created_at: '2030-01-31T08:00:00Z', updated_at: '2030-01-31T08:00:00Z' },
};
const envelope = (result, more = {}) => ({
  ...{ success: true, errors: [], messages: [], result },
  ...more,
});
const groups = `/client/v4/accounts/${account}/access/groups`;

describe('findOperation', () => {
  for (const [method, target, expected] of [
    ['GET', groups, 'listGroups'],
    ['GET', `${groups}?page=2`, 'listGroups'],
    ['PUT', `${groups}/${id}`, 'replaceGroup'],
    ['GET', `/zones/${account}/access/groups`, 'listGroups'],
    ['GET', `/accounts/${account}/devices/posture/integration`, 'listPostureIntegrations'],
    ['GET', `/accounts/${account}/devices/posture/${id}`, 'getPostureRule'],
    ['PATCH', groups, undefined],
    ['GET', `${groups}/${id}/nothing`, undefined],
  ])
    test(`${method} ${target}`, () =>
      assert.equal(findOperation(method, target)?.operation.operationId, expected));
});

describe('responseProblems', () => {
  const info = { result_info: { count: 1, page: 1, per_page: 20, total_count: 1 } };
  const refused = {
    success: false,
    errors: [{ code: 12135, message: 'no' }],
    messages: [],
    result: null,
  };
  for (const [name, target, status, value, expected] of [
    ['one', `${groups}/${id}`, 200, envelope(group), null],
    ['a page', groups, 200, envelope([group], info), null],
    ['an empty page', groups, 200, envelope([], info), null],
    ['a failure', groups, 404, refused, null],
    ['a status that is not described', groups, 201, envelope([group]), /no answer 201/],
    ['a member that is not described', `${groups}/${id}`, 200, envelope({ ...group, x: 1 }), /"x"/],
    ['one deeper', `${groups}/${id}`, 200, envelope({ ...group, include: [{ x: {} }] }), /"x"/],
    [
      'a wrong type',
      `${groups}/${id}`,
      200,
      envelope({ ...group, name: 1 }),
      /name must be string/,
    ],
    [
      'an id that is none',
      `${groups}/${id}`,
      200,
      envelope({ ...group, id: 'x' }),
      /id must match/,
    ],
    [
      'a member that is missing',
      `${groups}/${id}`,
      200,
      envelope({ id }),
      /required property 'name'/,
    ],
    [
      'a code that is none',
      groups,
      404,
      { ...refused, errors: [{ code: 1, message: '' }] },
      /code/,
    ],
    ['success in a failure', groups, 404, { ...refused, success: true }, /success/],
    ['a result in a failure', groups, 404, { ...refused, result: {} }, /result/],
    ['what is not described', '/client/v4/nothing', 200, {}, /is not described/],
  ])
    test(name, () => {
      const problems = responseProblems('GET', target, status, value);
      if (expected) assert.match(problems.join('\n'), expected);
      else assert.deepEqual(problems, []);
    });
});

describe('values', () => {
  const withBody = operations.filter(({ body }) => body);
  test('of the wrong type do not fit', () => {
    for (const one of withBody.filter(({ body }) => !body.schema.anyOf))
      for (const [name, schema] of Object.entries(shapeOf(one.body.schema).properties ?? {}))
        assert.ok(
          requestProblems(one, { ...one.body.example, [name]: wrongType(schema) }).length > 0,
          `${one.operation.operationId} ${name}`,
        );
  });
  test('at random are the same for the same seed, and sometimes fit', () => {
    const make = (seed) => {
      const random = new Random(seed);
      return withBody.map((one) => randomValue(random, one.body.schema, [id]));
    };
    assert.deepEqual(make(7), make(7));
    assert.notDeepEqual(make(7), make(8));
    const fitting = make(7).filter((value, i) => requestProblems(withBody[i], value).length === 0);
    assert.ok(fitting.length > 0 && fitting.length < withBody.length);
  });
});

test('the watched SDK has methods, and knows which were called', async () => {
  const { client, outcomes } = watchedClient('http://127.0.0.1:1/client/v4', 'token');
  assert.ok(outcomes.size > 100);
  assert.ok([...outcomes.values()].every((outcome) => outcome === undefined));
  await assert.rejects(client.zeroTrust.access.groups.get(id, { account_id: account }));
  assert.equal(outcomes.get('access.groups.get'), 'failed');
  assert.equal(outcomes.get('access.groups.list'), undefined);
});
