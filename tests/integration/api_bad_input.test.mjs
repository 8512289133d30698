// What is wrong with a request to the administration API is said in the envelope, by the name of the
// field, and changes nothing: for every operation that writes, from its description.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, kBase, operations, responseProblems } from '../harness/api.mjs';
import { fill, makeEverything, newAuthority } from '../harness/api_resources.mjs';
import { Random, randomValue, shapeOf, wrongType } from '../harness/api_values.mjs';
import { kNoTestkit, program, testkitData } from '../harness/build.mjs';
import { rawGet, sendRaw } from '../harness/http.mjs';
import { startLab, kAuth } from '../harness/lab.mjs';
import { runProgram } from '../harness/process.mjs';

const kStranger = '7d5b0d6a-8f0a-4b0e-9c4e-2f5a4f0d9f11';
let lab;
let api;
let ids;
let exported;
const writes = operations.filter(({ method, isAlias }) => method !== 'GET' && !isAlias);
const withBody = writes.filter(({ body }) => body);
const lists = operations.filter(({ method, isAlias }) => method === 'GET' && !isAlias);

before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.api = { requests_per_5_minutes: 0 };
    },
  });
  api = await connect(lab.gateway);
  ids = await makeEverything(api);
  exported = await exportAll();
});
after(async () => {
  api?.close();
  await lab?.stop();
});

async function exportAll() {
  const { code, stdout, output } = await runProgram(program('gatehouse'), [
    ...['export', '--state', lab.gateway.state],
  ]);
  assert.equal(code, 0, output);
  return stdout;
}
const unchanged = async () => assert.equal(await exportAll(), exported);

// A body that would do, but for names that are taken.
function goodBody({ body }) {
  const example = structuredClone(body.example ?? {});
  if (example.certificate) example.certificate = certificate;
  return example;
}
const certificate = newAuthority('Example');

// Sends it; answers what is wrong with the answer, or null.
async function refusal(one, options, { statuses, names, path = fill(one.path, ids) } = {}) {
  const answer = await api.request(one.method, path, { ...options, described: false });
  const where = `${one.method} ${one.path}`;
  if (answer.status < 400 || answer.status > 499)
    return `${where}: ${answer.status} ${answer.text.slice(0, 200)}`;
  if (statuses && !statuses.includes(answer.status))
    return `${where}: ${answer.status} instead of ${statuses} ${answer.text.slice(0, 200)}`;
  const problems = responseProblems(one.method, kBase + path, answer.status, answer.json);
  if (problems.length > 0) return `${where}: ${problems.join('; ')}`;
  if (names === undefined) return null;
  const said = answer.json.errors.map(
    ({ message, source }) => `${source?.pointer ?? ''} ${message}`,
  );
  return said.some((text) => text.includes(names))
    ? null
    : `${where}: \`${names}\` is not named in ${said.join('; ')}`;
}
// Runs the cases and shows every one that went wrong.
async function all(cases) {
  const wrong = [];
  for (const one of cases) {
    const problem = await one();
    if (problem) wrong.push(problem);
  }
  assert.deepEqual(wrong, []);
}

// What is asked for and not stored: a member that means nothing there is let be.
const kQuestions = new Set([
  ...['rotateServiceToken', 'replaceCertificateSettings', 'revokeUser', 'validateCustomPage'],
  ...['startPolicyTest', 'changeKeys', 'createUser', 'replaceUser', 'revoke'],
]);
describe('every write, with one thing wrong', () => {
  // A second organization is refused whatever it says.
  const judged = withBody.filter(({ operation }) => operation.operationId !== 'createOrganization');
  for (const one of judged) {
    const shape = shapeOf(one.body.schema);
    const { operationId } = one.operation;
    test(`${one.method} ${one.path}`, async () => {
      const cases = [];
      // Under an id that is free, where the client chooses it.
      const path =
        operationId === 'createBookmark'
          ? fill(one.path, { ...ids, bookmark_id: kStranger })
          : undefined;
      for (const [field, schema] of Object.entries(shape.properties ?? {})) {
        if (shapeOf(schema).readOnly) continue;
        const json = { ...goodBody(one), [field]: wrongType(schema) };
        cases.push(async () => {
          const problem = await refusal(one, { json }, { names: field, path });
          return problem && `wrong type of ${field}: ${problem}`;
        });
      }
      for (const field of shape.required ?? []) {
        const json = goodBody(one);
        delete json[field];
        cases.push(async () => {
          const problem = await refusal(one, { json }, { names: field, path });
          return problem && `without ${field}: ${problem}`;
        });
      }
      if (shape.properties?.name)
        cases.push(() =>
          refusal(
            one,
            { json: { ...goodBody(one), name: 'x'.repeat(5000) } },
            { names: 'name', path },
          ),
        );
      if (shape.type === 'object' && !kQuestions.has(operationId))
        cases.push(() =>
          refusal(
            one,
            { json: { ...goodBody(one), no_such_field: 1 } },
            { names: 'no_such_field', path },
          ),
        );
      await all(cases);
    });
  }
  test('nothing of that changed anything', unchanged);
});

describe('every write, with a body that is not what it should be', () => {
  const deep = (depth) => `{"name": ${'['.repeat(depth)}${']'.repeat(depth)}}`;
  for (const [name, body] of [
    ['not JSON', '{'],
    ['cut short', '{"name": "a"'],
    ['a list', '[]'],
    ['text', '"text"'],
    ['null', 'null'],
    ['two documents', '{} {}'],
    ['a comment', '{/* */}'],
    ['a key twice', '{"name": "a", "name": "b"}'],
    ['a key twice, spelled differently', '{"name": "a", "n\\u0061me": "b"}'],
    [
      'invalid UTF-8',
      Buffer.from([...Buffer.from('{"name": "'), 0xff, 0xfe, ...Buffer.from('"}')]),
    ],
    ['half a surrogate pair', '{"name": "\\ud800"}'],
    ['deeply nested', deep(100)],
    ['very deeply nested', deep(100_000)],
    ['NaN', '{"name": NaN}'],
    ['a byte order mark', '\ufeff{"name": "a"}'],
  ])
    test(name, async () => {
      await all(withBody.map((one) => () => refusal(one, { body }, { statuses: [400] })));
    });
  test('none where there must be one', () =>
    all(
      withBody
        .filter(({ operation }) => operation.requestBody.required)
        .map((one) => () => refusal(one, { body: '' }, { statuses: [400] })),
    ));
  test('of another type', () =>
    all(
      withBody.map(
        (one) => () =>
          refusal(
            one,
            { body: JSON.stringify(goodBody(one)), headers: { 'content-type': 'text/plain' } },
            { statuses: [400, 415] },
          ),
      ),
    ));
  test('larger than four megabytes', async () => {
    const json = { name: 'x'.repeat(5 << 20) };
    await all(withBody.slice(0, 3).map((one) => () => refusal(one, { json }, { statuses: [413] })));
  });
  test('the list of hostile JSON', async (t) => {
    const list = testkitData('hostile/json-parsing.json');
    if (!list) return t.skip(kNoTestkit);
    const groups = withBody.find(({ operation }) => operation.operationId === 'createGroup');
    const wrong = [];
    for (const { name, base64, repeat } of list) {
      const bytes = repeat
        ? Buffer.from(repeat.unit.repeat(repeat.count) + repeat.then)
        : Buffer.from(base64, 'base64');
      // None of them is a group, whether it is JSON or not.
      const problem = await refusal(groups, { body: bytes }, { statuses: [400] });
      if (problem) wrong.push(`${name}: ${problem}`);
      // And as a member of what would be one.
      const inside = Buffer.concat([
        Buffer.from('{"name": "Hostile", "include": [{"everyone": {}}], "exclude": '),
        bytes,
        Buffer.from('}'),
      ]);
      const answer = await api.request('POST', fill(groups.path, ids), {
        body: inside,
        described: false,
      });
      if (answer.status >= 500) wrong.push(`${name}: ${answer.status}`);
      // An empty list is JSON, and a list of rules.
      if (answer.json?.success)
        await api.delete(`/accounts/{account_id}/access/groups/${answer.json.result.id}`);
    }
    assert.deepEqual(wrong, []);
  });
  test('nothing of that changed anything', unchanged);
});

describe('every operation that names something', () => {
  const named = [...writes, ...lists].filter(({ path }) => /\{(?!account_id)\w+\}/.test(path));
  // Of a tag and a device anything is a name; a bookmark's id is chosen by the client.
  const withId = named.filter(
    ({ path }) => !/\{(tag_name|device_id|nonce|policy_test_id)\}/.test(path),
  );
  const changes = ({ operation }) => operation.operationId !== 'createBookmark';
  const strangers = (value) =>
    Object.fromEntries(
      Object.entries(ids).map(([key]) => [key, key === 'account_id' ? ids.account_id : value]),
    );
  const send = (one) => (one.body ? { json: goodBody(one) } : {});
  test('an id that does not exist: 404', () =>
    all(
      named.filter(changes).map(
        (one) => () =>
          refusal(one, send(one), {
            statuses: [404],
            path: fill(one.path, strangers(kStranger)),
          }),
      ),
    ));
  for (const value of ['x', '0', '%00', 'a'.repeat(2000), `${kStranger}'`])
    test(`the id ${value.slice(0, 20)}: 4xx`, () =>
      all(
        withId.map(
          (one) => () =>
            refusal(one, send(one), {
              statuses: [400, 404, 414],
              path: fill(one.path, strangers(value)),
            }),
        ),
      ));
  test("another account's id: 403", () =>
    all(
      [...writes, ...lists]
        .filter(({ path }) => path.includes('{account_id}'))
        .map(
          (one) => () =>
            refusal(one, send(one), {
              statuses: [403],
              path: fill(one.path, { ...ids, account_id: '0'.repeat(32) }),
            }),
        ),
    ));
  test('nothing of that changed anything', unchanged);
});

describe('lists', () => {
  const paged = lists.filter(({ parameters }) =>
    parameters.some(({ name }) => name === 'per_page'),
  );
  // With what an operation insists on.
  const target = (one, query) =>
    `${fill(one.path, ids)}?${[
      ...one.parameters.filter(({ required, in: where }) => required && where === 'query'),
    ]
      .map(({ name }) => `${name}=${kStranger}&`)
      .join('')}${query}`;
  for (const [query, names] of [
    ['page=x', 'page'],
    ['page=-1', 'page'],
    ['page=1e3', 'page'],
    ['per_page=x', 'per_page'],
    ['per_page=-1', 'per_page'],
    ['per_page=100000', 'per_page'],
    ['per_page=99999999999999999999', 'per_page'],
  ])
    test(`${query}: 400`, () =>
      all(
        paged.map(
          (one) => () => refusal(one, {}, { statuses: [400], names, path: target(one, query) }),
        ),
      ));
  test('a page past the end is empty', async () => {
    for (const one of paged)
      assert.deepEqual(await api.get(target(one, 'page=1000000')), [], one.path);
  });
});

describe('credentials', () => {
  const target = () => `${kBase}/accounts/${ids.account_id}/access/groups`;
  for (const [name, lines, status] of [
    ['none', () => [], 403],
    ['an unknown one', () => ['Authorization: Bearer gh_nobody'], 403],
    ['an empty one', () => ['Authorization: Bearer '], 400],
    ['another scheme', () => [`Authorization: Basic ${api.token}`], 400],
    ['two', () => [`Authorization: Bearer ${api.token}`, 'Authorization: Bearer x'], 400],
    ['X-Auth-Key', () => ['X-Auth-Email: a@b.example', `X-Auth-Key: ${api.token}`], 200],
    ['a service key', () => [`X-Auth-User-Service-Key: ${api.token}`], 200],
  ])
    test(`${name}: ${status}`, async () => {
      const host = `${kAuth}:${lab.gateway.port}`;
      const { responses } = await sendRaw(lab.gateway.port, kAuth, rawGet(host, target(), lines()));
      assert.equal(responses[0].status, status, responses[0].text);
      // nginx itself refuses one of its own headers that is there twice.
      if (name !== 'two')
        assert.deepEqual(
          responseProblems('GET', target(), status, JSON.parse(responses[0].text)),
          [],
        );
    });
});

// GATEHOUSE_FUZZ_SEED, GATEHOUSE_FUZZ_SECONDS: another run, a longer one.
test('random requests from the schema: never a 5xx, and what is in force can be checked', async () => {
  const seed = Number(process.env.GATEHOUSE_FUZZ_SEED ?? 1);
  const seconds = Number(process.env.GATEHOUSE_FUZZ_SECONDS ?? 45);
  const random = new Random(seed);
  const pool = () => Object.values(ids);
  // The host of the API, and its master key and dumps, stay what they are.
  const chosen = operations.filter(({ path }) => !/store\/backup$/.test(path));
  const counts = {};
  const wrong = [];
  let created = 0;
  const end = Date.now() + seconds * 1000;
  for (let number = 1; Date.now() < end && wrong.length < 20; number++) {
    // What there is to name has been deleted by then, most of it.
    if (number % 150 === 0) ids = await makeEverything(api).catch(() => ids);
    const one = random.of(chosen);
    const values = random.chance(0.9)
      ? ids
      : Object.fromEntries(
          Object.keys(ids).map((key) => [
            key,
            key === 'account_id' ? ids.account_id : random.of(pool()),
          ]),
        );
    let path = fill(one.path, values);
    const query = one.parameters.filter(
      (parameter) => parameter.in === 'query' && random.chance(0.3),
    );
    if (query.length > 0)
      path += `?${query.map(({ name, schema }) => `${name}=${encodeURIComponent(String(randomValue(random, schema, pool())).slice(0, 300))}`).join('&')}`;
    let json;
    if (one.body && random.chance(0.95)) {
      json = random.chance(0.5) ? goodBody(one) : randomValue(random, one.body.schema, pool());
      if (json?.name && random.chance(0.5)) json.name = `Random ${created++}`;
      if (json?.auth_domain !== undefined && typeof json.auth_domain === 'string')
        json.auth_domain = kAuth;
    }
    if (one.operation.operationId === 'deleteApiToken') continue;
    const answer = await api.request(one.method, path, {
      ...(json === undefined ? {} : { json }),
      described: false,
    });
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    if (answer.status >= 500)
      wrong.push(
        `${one.method} ${path} ${JSON.stringify(json)?.slice(0, 500)}: ${answer.status} ${answer.text.slice(0, 300)}`,
      );
    else {
      const problems = responseProblems(one.method, kBase + path, answer.status, answer.json);
      if (problems.length > 0) wrong.push(`${one.method} ${path}: ${problems.join('; ')}`);
    }
  }
  console.log(`seed ${seed}: ${JSON.stringify(counts)}`);
  assert.deepEqual(wrong, []);
  assert.ok(counts[200] > 0 && counts[400] > 0);
  // Everything that was accepted is a configuration.
  const before = await exportAll();
  await lab.gateway.restart();
  assert.equal(await exportAll(), before);
});
