// The keys of the gateway's own tests: what it takes and refuses is taken and refused here.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import { test } from 'node:test';
import {
  authorityProblem,
  describeKey,
  fromBase64,
  isUsable,
  readKeys,
  signerProblem,
  splitPem,
  toPem,
} from './certificate.ts';

const source = new URL('../../../../src/', import.meta.url);
const fixture = (name: string) =>
  fs.readFileSync(new URL(`jose/testdata/keys/${name}.pem`, source), 'utf8');
const now = new Date('2027-01-01T00:00:00Z');
const problemOf = (text: string) => signerProblem(text, now) ?? '';
const derOf = (pem: string) => {
  const blocks = splitPem(pem);
  assert.ok(Array.isArray(blocks) && blocks[0]);
  const bytes = fromBase64(blocks[0].body);
  assert.ok(bytes);
  return bytes;
};

test('keys that the gateway takes', async () => {
  for (const [name, described] of [
    ['certificate_digital_signature', /^Certificate certificate_digital_signature, RSA 2048 bits, valid until 2126-/],
    ['certificate_no_key_usage', /^Certificate certificate_no_key_usage, RSA 2048 bits/],
    ['ed25519', /^Public key, Ed25519$/],
    ['p256', /^Public key, EC P-256$/],
    ['p384', /^Public key, EC P-384$/],
  ] as const) {
    const text = `Some words before it\n${fixture(name)}`;
    assert.equal(problemOf(text), '', name);
    const read = readKeys(text);
    assert.ok(read.problem === undefined && read.keys[0], name);
    assert.match(describeKey(read.keys[0], now), described, name);
    assert.ok(await isUsable(read.keys[0]), name);
  }
  assert.equal(problemOf(fixture('p256') + fixture('ed25519')), '');
});

test('what is refused, and why', () => {
  const good = fixture('p256');
  const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  for (const [name, text, reason] of [
    ['empty', ' ', /^Paste the public certificate/],
    ['words', 'hello', /is not a certificate/],
    ['nothing inside', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n', /damaged/],
    ['no end', good.slice(0, good.length / 2), /-----END PUBLIC KEY----- is missing/],
    ['another block', '-----BEGIN X-----\nAAAA\n-----END X-----\n', /is a x, not a certificate/],
    ['a private key', privateKey, /private key/],
    ['a private key after a public one', good + privateKey, /private key/],
    ['a damaged second block', `${good}-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----`, /^Block 2/],
    ['cut off', toPem(derOf(good).subarray(0, 40)), /cannot be read/],
    ['key encipherment only', fixture('certificate_key_encipherment'), /may not be used for signatures/],
    ['non-repudiation only', fixture('certificate_non_repudiation'), /may not be used for signatures/],
    ['RSA 1024', fixture('rsa_1024'), /1024 bits/],
    ['P-521', fixture('p521'), /not supported/],
    ['secp256k1', fixture('secp256k1'), /not supported/],
    ['Ed448', fixture('ed448'), /not supported/],
    ['X25519', fixture('x25519'), /not supported/],
    ['DSA', fixture('dsa'), /not supported/],
    ['too many', good.repeat(17), /At most 16/],
  ] as const)
    assert.match(problemOf(text), reason, name);
});

test('validity', () => {
  const text = fixture('certificate_digital_signature');
  assert.match(signerProblem(text, new Date('2127-01-01T00:00:00Z')) ?? '', /has expired on 2126-/);
});

test('a point that is not on its curve', async () => {
  const der = Uint8Array.from(derOf(fixture('p256')));
  der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
  const read = readKeys(toPem(der));
  assert.ok(read.problem === undefined && read.keys[0]);
  assert.equal(await isUsable(read.keys[0]), false);
});

test('files in DER become PEM', () => {
  for (const name of ['certificate_digital_signature', 'p256'])
    assert.deepEqual(derOf(toPem(derOf(fixture(name)))), derOf(fixture(name)), name);
  assert.equal(toPem(new TextEncoder().encode('hello')), 'hello');
});

test('authorities', () => {
  const authority = fs.readFileSync(new URL('policy/testdata/authority.pem', source), 'utf8');
  assert.equal(authorityProblem(authority, now), undefined);
  assert.match(authorityProblem(fixture('p256'), now) ?? '', /alone is no authority/);
  assert.match(authorityProblem('', now) ?? '', /Paste/);
});
