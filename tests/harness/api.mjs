// The administration API as its clients see it: the description in api/openapi.yaml, requests whose
// answers are held against it, and the ways in: directly, through a front that checks every answer,
// through the validating proxy of the shared test kit.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import assert from 'node:assert/strict';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import YAML from 'yaml';
import { program, repository, testkitFile } from './build.mjs';
import { kAuth } from './lab.mjs';
import { Browser } from './http.mjs';
import { Child, freePort, runProgram } from './process.mjs';
import { pki } from './pki.mjs';

export const kBase = '/client/v4';
export const description = YAML.parse(
  fs.readFileSync(path.join(repository, 'api/openapi.yaml'), 'utf8'),
);

// What a `#/...` leads to; anything else is what it is.
export function resolve(node) {
  if (!node?.$ref) return node;
  const parts = node.$ref.slice(2).split('/');
  return parts.reduce(
    (at, key) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')],
    description,
  );
}

const kMethods = ['get', 'post', 'put', 'patch', 'delete'];
// Every operation in every form: [{method, path, operation, parameters, body, expression}].
export const operations = Object.entries(description.paths)
  .flatMap(([template, item]) => {
    const shared = resolve(item);
    return kMethods
      .filter((method) => shared[method])
      .map((method) => ({
        method: method.toUpperCase(),
        path: template,
        operation: shared[method],
        isAlias: Boolean(item.$ref),
        parameters: [...(shared.parameters ?? []), ...(shared[method].parameters ?? [])].map(
          resolve,
        ),
        body: shared[method].requestBody?.content['application/json'] ?? null,
        expression: new RegExp(
          `^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '([^/]+)')}$`,
        ),
        literals: template.split('/').filter((part) => !part.startsWith('{')).length,
      }));
  })
  .sort((a, b) => b.literals - a.literals);
// `target`: with or without the base path and a query; undefined: not described.
export function findOperation(method, target) {
  const bare = target.split('?')[0].replace(kBase, '');
  return operations.find((one) => one.method === method && one.expression.test(bare));
}

// OpenAPI 3.0's dialect as JSON Schema. `closed`: an object has no members but those described, so
// that an answer cannot say more than the description does.
const kNotSchema = new Set([
  ...['example', 'description', 'title', 'default', 'nullable', 'readOnly', 'deprecated', 'format'],
]);
function schemaOf(node, closed, inPart = false) {
  if (node.$ref)
    return { $ref: `${closed ? 'closed' : 'open'}${node.$ref}${inPart ? ':part' : ''}` };
  const made = {};
  for (const [key, value] of Object.entries(node)) {
    if (kNotSchema.has(key) || key.startsWith('x-')) continue;
    if (key === 'properties')
      made[key] = Object.fromEntries(
        Object.entries(value).map(([name, one]) => [name, schemaOf(one, closed)]),
      );
    else if (key === 'items' || (key === 'additionalProperties' && typeof value === 'object'))
      made[key] = schemaOf(value, closed);
    else if (key === 'allOf') made[key] = value.map((one) => schemaOf(one, closed, true));
    else if (key === 'anyOf') made[key] = value.map((one) => schemaOf(one, closed));
    else made[key] = value;
  }
  if (node.format && node.format !== 'uuid') made.format = node.format;
  if (node.format === 'uuid') made.pattern = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
  if (closed && !inPart && node.properties && node.additionalProperties === undefined)
    made.additionalProperties = false;
  if (!node.nullable) return made;
  return node.type
    ? {
        ...made,
        type: [node.type, 'null'],
        ...(made.enum ? { enum: [...new Set([...made.enum, null])] } : {}),
      }
    : { anyOf: [made, { type: 'null' }] };
}
const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
addFormats(ajv);
for (const [form, closed] of [
  ['open', false],
  ['closed', true],
]) {
  const schemas = {};
  for (const [name, one] of Object.entries(description.components.schemas)) {
    schemas[name] = schemaOf(one, closed);
    schemas[`${name}:part`] = schemaOf(one, closed, true);
  }
  ajv.addSchema({ $id: form, components: { schemas } });
}
const compiled = new Map();
// Problems of `value`, as text.
function problemsOf(key, schema, closed, value) {
  if (!compiled.has(key)) compiled.set(key, ajv.compile(schemaOf(schema, closed)));
  const validate = compiled.get(key);
  if (validate(value)) return [];
  return [
    ...new Set(
      validate.errors.map(
        ({ instancePath, message, params }) =>
          `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
      ),
    ),
  ];
}
export const requestProblems = (one, value) =>
  problemsOf(`${one.operation.operationId} request`, one.body.schema, false, value);
// What an answer breaks of the description: [text].
export function responseProblems(method, target, status, value) {
  const one = findOperation(method, target);
  if (!one) return [`${method} ${target} is not described`];
  const { responses, operationId } = one.operation;
  const found = responses[status] ?? responses[`${Math.floor(status / 100)}XX`];
  if (!found) return [`${operationId}: no answer ${status} is described`];
  const content = resolve(found).content?.['application/json'];
  if (!content) return [];
  return problemsOf(`${operationId} ${status}`, content.schema, true, value).map(
    (problem) => `${operationId} ${status}: ${problem}`,
  );
}

// One request and its answer, held against the description.
export class ApiError extends Error {
  constructor(method, target, answer) {
    const text = answer.json?.errors?.map(({ code, message }) => `${code} ${message}`).join('; ');
    super(`${method} ${target}: ${answer.status} ${text ?? answer.text.slice(0, 300)}`);
    this.answer = answer;
    this.status = answer.status;
    this.errors = answer.json?.errors ?? [];
  }
}
export class Api {
  // Connections are kept only when asked for: one that nginx closes when it loads its configuration
  // anew fails the request that was just being sent on it.
  constructor(gateway, token, { account, keepAlive = false } = {}) {
    Object.assign(this, { gateway, token, account });
    this.browser = new Browser({ keepAlive, address: '127.0.0.1' });
  }
  close() {
    this.browser.close();
  }

  // `target` is below the base path; `{account_id}` in it is ours. Undescribed requests are checked
  // for nothing with `described: false`.
  async request(method, target, { json, body, headers = {}, described = true, ...options } = {}) {
    const full = `${kBase}${target.replaceAll('{account_id}', this.account)}`;
    const answer = await this.browser.request(`${this.gateway.issuer}${full}`, {
      method,
      cookies: false,
      ...(json !== undefined ? { json } : {}),
      ...(body !== undefined ? { body } : {}),
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body !== undefined ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...options,
    });
    let value;
    try {
      value = answer.json;
    } catch {
      /* not JSON */
    }
    if (described) {
      assert.match(answer.headers['content-type'] ?? '', /^application\/json/, answer.text);
      assert.deepEqual(responseProblems(method, full, answer.status, value), [], answer.text);
    }
    return { status: answer.status, headers: answer.headers, text: answer.text, json: value };
  }
  // The result; throws ApiError for anything that did not work.
  async call(method, target, json, options = {}) {
    const answer = await this.request(method, target, { json, ...options });
    if (!answer.json?.success) throw new ApiError(method, target, answer);
    return answer.json.result;
  }
  get(target, options) {
    return this.call('GET', target, undefined, options);
  }
  post(target, json, options) {
    return this.call('POST', target, json, options);
  }
  put(target, json, options) {
    return this.call('PUT', target, json, options);
  }
  patch(target, json, options) {
    return this.call('PATCH', target, json, options);
  }
  delete(target, options) {
    return this.call('DELETE', target, undefined, options);
  }
  // Every page of a list.
  async all(target, perPage = 1000) {
    const found = [];
    for (let page = 1; ; page++) {
      const mark = target.includes('?') ? '&' : '?';
      const items = await this.get(`${target}${mark}page=${page}&per_page=${perPage}`);
      if (items.length === 0) return found;
      found.push(...items);
    }
  }
}

// A credential of the running gateway, as `gatehouse tokens create` prints it.
export async function newToken(
  gateway,
  { name = `token-${process.hrtime.bigint()}`, role = 'administrator', scopes = [] } = {},
) {
  const { code, stdout, output } = await runProgram(
    program('gatehouse'),
    [
      ...['tokens', 'create', '--name', name, '--role', role, '--state', gateway.state],
      ...scopes.flatMap((scope) => ['--scope', scope]),
      ...['--output', 'json'],
    ],
    { name: 'tokens' },
  );
  assert.equal(code, 0, output);
  return JSON.parse(stdout).secret;
}
// The API of a running gateway, with a token of its own.
export async function connect(gateway, options) {
  const api = new Api(gateway, await newToken(gateway, options), options);
  const [account] = await api.get('/accounts');
  api.account = account.id;
  return api;
}

// Plain HTTP in front of the API, for clients that only get another base URL: passes everything on
// and holds every answer against the description; `violations` are what was wrong.
export class ApiFront {
  static async start(gateway) {
    const front = new ApiFront();
    front.violations = [];
    front.seen = new Map(); // operationId -> answers
    const agent = new https.Agent({ ca: fs.readFileSync(pki().ca) });
    front.agent = agent;
    front.server = http.createServer((incoming, outgoing) => {
      const chunks = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('end', () => {
        const request = https.request(
          {
            ...{ host: kAuth, port: gateway.port, agent, method: incoming.method },
            path: incoming.url,
            headers: { ...incoming.headers, host: `${kAuth}:${gateway.port}` },
          },
          (answer) => {
            const parts = [];
            answer.on('data', (part) => parts.push(part));
            answer.on('end', () => {
              const body = Buffer.concat(parts);
              front.note(incoming.method, incoming.url, answer.statusCode, body.toString());
              outgoing.writeHead(answer.statusCode, answer.headers);
              outgoing.end(body);
            });
          },
        );
        request.on('error', (error) => {
          outgoing.writeHead(502);
          outgoing.end(error.message);
        });
        request.end(Buffer.concat(chunks));
      });
    });
    await new Promise((done) => front.server.listen(0, '127.0.0.1', done));
    front.port = front.server.address().port;
    front.url = `http://127.0.0.1:${front.port}`;
    return front;
  }
  note(method, url, status, text) {
    const one = findOperation(method, url);
    if (!one) {
      if (status < 400) this.violations.push(`${method} ${url}: ${status}, and is not described`);
      return;
    }
    const id = one.operation.operationId;
    this.seen.set(id, (this.seen.get(id) ?? 0) + 1);
    try {
      const problems = responseProblems(method, url, status, JSON.parse(text));
      if (problems.length > 0)
        this.violations.push(`${method} ${url}: ${problems.join('; ')} in ${text.slice(0, 1500)}`);
    } catch (error) {
      this.violations.push(`${method} ${url}: ${status}: ${error.message}: ${text.slice(0, 200)}`);
    }
  }
  async stop() {
    this.agent.destroy();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

// The validating proxy of the shared test kit in front of `target`; null where the kit is absent.
export class PublishedProxy {
  static async start(target) {
    if (!testkitFile('cf-api/proxy.mjs')) return null;
    const proxy = new PublishedProxy();
    // It looks for its packages beside itself.
    proxy.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-published-'));
    for (const name of ['proxy.mjs', 'validate.mjs', 'openapi-access.json'])
      fs.copyFileSync(testkitFile(`cf-api/${name}`), path.join(proxy.directory, name));
    fs.symlinkSync(
      path.join(repository, 'tests/node_modules'),
      path.join(proxy.directory, 'node_modules'),
    );
    const port = await freePort();
    proxy.child = new Child(
      process.execPath,
      [path.join(proxy.directory, 'proxy.mjs'), '--listen', String(port), '--to', target],
      { name: 'published proxy' },
    );
    await proxy.child.waitFor(/^ready /m);
    proxy.url = `http://127.0.0.1:${port}`;
    return proxy;
  }
  // {checked, undescribed, violations: [{method, url, status, errors, body}], operations}
  async report() {
    const totals = await (await fetch(`${this.url}/_report`)).json();
    const violations = this.child.output
      .split('\n')
      .filter((line) => line.startsWith('{"method"'))
      .map((line) => JSON.parse(line));
    return { ...totals, violations };
  }
  async stop() {
    await this.child.end();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}
