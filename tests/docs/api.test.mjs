// api/openapi.yaml is in order, docs/reference/api.md shows it, and it describes exactly the
// operations that the server has.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, description, operations, requestProblems, resolve } from '../harness/api.mjs';
import { kNoTestkit, repository, testkitData } from '../harness/build.mjs';
import { startLab } from '../harness/lab.mjs';
import { runProgram } from '../harness/process.mjs';

const own = operations.filter(({ isAlias }) => !isAlias);

describe('api/openapi.yaml', () => {
  test('every reference leads somewhere, and every component is used', () => {
    const references = new Set();
    const walk = (node) => {
      if (node === null || typeof node !== 'object') return;
      if (typeof node.$ref === 'string') references.add(node.$ref);
      Object.values(node).forEach(walk);
    };
    walk(description);
    for (const reference of references) assert.ok(resolve({ $ref: reference }), reference);
    for (const [kind, members] of Object.entries(description.components))
      if (kind !== 'securitySchemes')
        for (const name of Object.keys(members))
          assert.ok(references.has(`#/components/${kind}/${name}`), `${kind}/${name} is not used`);
  });
  test('no text is cut into keys by a comma', () => {
    const walk = (node, place) => {
      if (node === null || typeof node !== 'object') return;
      for (const [key, value] of Object.entries(node)) {
        assert.notEqual(value, null, `${place}/${key}`);
        walk(value, `${place}/${key}`);
      }
    };
    const { enum: _, ...failure } = description.components.schemas.Failure.properties.result;
    assert.deepEqual(failure, { type: 'object', nullable: true });
    walk(
      {
        ...description,
        components: {
          ...description.components,
          schemas: { ...description.components.schemas, Failure: {} },
        },
      },
      '#',
    );
  });
  test('names of operations are unique, every operation says what it does and how it fails', () => {
    const names = own.map(({ operation }) => operation.operationId);
    assert.deepEqual(
      names.filter((name, i) => names.indexOf(name) !== i),
      [],
    );
    for (const { operation, path: template } of own) {
      const { operationId, summary, tags, responses } = operation;
      assert.ok(summary?.endsWith('.'), operationId);
      assert.ok(
        description.tags.some(({ name }) => name === tags[0]),
        operationId,
      );
      assert.ok(responses['4XX'] && responses['5XX'], operationId);
      assert.equal(
        Boolean(operation['x-scope']),
        template.startsWith('/accounts/{account_id}/'),
        operationId,
      );
    }
  });
  test('what stands in a path is described', () => {
    for (const { path: template, parameters, operation } of own)
      assert.deepEqual(
        parameters.filter((one) => one.in === 'path').map(({ name }) => name),
        [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        operation.operationId,
      );
  });
  test('every body has an example that fits', () => {
    for (const one of own.filter(({ body }) => body)) {
      assert.ok(one.body.example, one.operation.operationId);
      assert.deepEqual(requestProblems(one, one.body.example), []);
    }
  });
  test('the tables of docs/reference/api.md are made of it', async () => {
    const { code, output } = await runProgram(process.execPath, [
      path.join(repository, 'tools/api-reference'),
      '--check',
    ]);
    assert.equal(code, 0, output);
  });
});

describe('the server', () => {
  let lab;
  let api;
  before(async () => {
    lab = await startLab();
    api = await connect(lab.gateway);
  });
  after(async () => {
    api?.close();
    await lab?.stop();
  });
  const shape = (text) => text.replaceAll(/\{\w+\}/g, '{}');
  // The methods of a path, as `Allow` says them; [] where there is no such path.
  const methodsOf = async (template) => {
    const target = template
      .replaceAll('{account_id}', api.account)
      .replaceAll(/\{\w+\}/g, '7d5b0d6a-8f0a-4b0e-9c4e-2f5a4f0d9f11');
    const { headers, status } = await api.request('OPTIONS', target, { described: false });
    if (status !== 204) return [];
    return headers.allow.split(', ').filter((method) => !/^(HEAD|OPTIONS)$/.test(method));
  };
  const described = new Map();
  for (const { method, path: template } of operations)
    described.set(template, [...(described.get(template) ?? []), method].sort());
  test('has exactly the operations that are described, on their paths', async () => {
    for (const [template, methods] of described)
      assert.deepEqual((await methodsOf(template)).sort(), methods, template);
  });
  test('and no other path', async () => {
    const shapes = new Set([...described.keys()].map(shape));
    const folder = path.join(repository, 'src/adapters/admin_api');
    const text = fs
      .readdirSync(folder)
      .filter((name) => name.endsWith('.cc') && !/_(test|fuzz)\.cc$/.test(name))
      .map((name) => fs.readFileSync(path.join(folder, name), 'utf8'))
      .join('\n');
    // Whatever looks like a path in the sources, in both forms.
    const candidates = [...text.matchAll(/"((?:access|devices|gateway|gatehouse)\/[^"\s*]+)"/g)];
    assert.ok(candidates.length > 60, `${candidates.length}`);
    for (const [, pattern] of candidates)
      for (const template of [
        `/accounts/{account_id}/${pattern}`,
        `/zones/{account_id}/${pattern}`,
      ])
        if (!shapes.has(shape(template))) assert.deepEqual(await methodsOf(template), [], template);
  });
  test('what it leaves out of the published description is answered 404, with the reason', async (t) => {
    const published = testkitData('cf-api/openapi-access.json');
    if (!published) return t.skip(kNoTestkit);
    for (const [template, item] of Object.entries(published.paths)) {
      if (!/\}\/(access|devices)(\/|$)/.test(template)) continue;
      const ours = template
        .replace('{accounts_or_zones}/{account_or_zone_id}', 'accounts/{account_id}')
        .replace(/^\/zones\/\{\w+\}/, '/zones/{account_id}');
      const methods = await methodsOf(ours);
      for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
        if (!item[method] || methods.includes(method.toUpperCase())) continue;
        assert.deepEqual(methods, [], `${method} ${template}: only this method is missing`);
        const { status, json } = await api.request(method.toUpperCase(), ours, {
          described: false,
        });
        assert.equal(status, 404, `${method} ${template}`);
        assert.equal(json.errors[0].code, 7003);
        assert.match(json.errors[0].message, /Gatehouse/, `${method} ${template}`);
      }
    }
  });
});
