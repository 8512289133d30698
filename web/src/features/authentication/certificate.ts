// Certificates and public keys as administrators paste them: read in the browser, so that a mistake
// is told beside the field before anything is sent. The gateway checks all of it again.
import { BadDer, expectTag, readAll, readDer, readOid, readTime, readWhole, type Der } from './der.ts';

export type Algorithm = 'RSA' | 'EC P-256' | 'EC P-384' | 'Ed25519';
export interface PublicKey {
  kind: 'certificate' | 'public key';
  algorithm: Algorithm;
  // Of an RSA key.
  bits?: number;
  // SubjectPublicKeyInfo, for WebCrypto.
  spki: Uint8Array;
  // Of a certificate.
  subject?: string;
  from?: Date;
  until?: Date;
  isAuthority?: boolean;
  maySign?: boolean;
}
export type ReadKeys = { keys: PublicKey[]; problem?: undefined } | { problem: string };

export const kMaxKeys = 16;
const kRsaBits = 2048;
const kNothing =
  'Paste everything from the line -----BEGIN CERTIFICATE----- to the line -----END CERTIFICATE-----';

function commonName(name: Der): string {
  let found = '';
  for (const set of readAll(name.content))
    for (const pair of readAll(set.content)) {
      const [oid, value] = readAll(pair.content);
      const text = value ? new TextDecoder().decode(value.content) : '';
      if (readOid(oid) === '2.5.4.3') return text;
      found ||= text;
    }
  return found;
}

function readSpki(spki: Der): Pick<PublicKey, 'algorithm' | 'bits' | 'spki'> {
  const [algorithm, key] = readAll(expectTag(spki, 0x30).content);
  const [oid, parameters] = readAll(expectTag(algorithm, 0x30).content);
  const bits = expectTag(key, 0x03).content.subarray(1);
  const bytes = spki.bytes;
  switch (readOid(oid)) {
    case '1.2.840.113549.1.1.1': {
      const [modulus] = readAll(expectTag(readDer(bits), 0x30).content);
      const number = expectTag(modulus, 0x02).content;
      const start = number.findIndex((byte) => byte !== 0);
      const size =
        start < 0 ? 0 : (number.length - start) * 8 - Math.clz32(number[start] ?? 0) + 24;
      return { algorithm: 'RSA', bits: size, spki: bytes };
    }
    case '1.2.840.10045.2.1': {
      const curve = readOid(parameters);
      if (curve === '1.2.840.10045.3.1.7') return { algorithm: 'EC P-256', spki: bytes };
      if (curve === '1.3.132.0.34') return { algorithm: 'EC P-384', spki: bytes };
      break;
    }
    case '1.3.101.112':
      return { algorithm: 'Ed25519', spki: bytes };
  }
  throw new BadDer('has a key that is not supported; RSA, EC P-256, EC P-384 and Ed25519 are');
}

function readCertificate(bytes: Uint8Array): PublicKey {
  const [tbs] = readAll(readWhole(bytes, 0x30).content);
  const fields = readAll(expectTag(tbs, 0x30).content);
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [, , , validity, subject, spki] = fields;
  const [from, until] = readAll(expectTag(validity, 0x30).content);
  const key: PublicKey = {
    kind: 'certificate',
    ...readSpki(expectTag(spki, 0x30)),
    subject: commonName(expectTag(subject, 0x30)),
    from: readTime(from),
    until: readTime(until),
    isAuthority: false,
    maySign: true,
  };
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  if (!extensions) return key;
  for (const extension of readAll(expectTag(readDer(extensions.content), 0x30).content)) {
    const parts = readAll(extension.content);
    const value = expectTag(parts[parts.length - 1], 0x04).content;
    const oid = readOid(parts[0]);
    // RFC 5280 4.2.1.3 and 4.2.1.9.
    if (oid === '2.5.29.15') key.maySign = ((readDer(value).content[1] ?? 0) & 0x80) !== 0;
    if (oid === '2.5.29.19') {
      const [isAuthority] = readAll(readDer(value).content);
      key.isAuthority = isAuthority?.tag === 0x01 && isAuthority.content[0] !== 0;
    }
  }
  return key;
}

function readPublicKey(bytes: Uint8Array): PublicKey {
  return { kind: 'public key', ...readSpki(readWhole(bytes, 0x30)) };
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const compact = text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact) || compact.length % 4 !== 0) return null;
  return Uint8Array.from(atob(compact), (character) => character.charCodeAt(0));
}

// The blocks of a PEM text (RFC 7468), each with its label; text between them does not count.
export function splitPem(text: string): { label: string; body: string }[] | string {
  const blocks: { label: string; body: string }[] = [];
  let rest = text;
  for (;;) {
    const begin = /-----BEGIN ([^\n-]*)-----/.exec(rest);
    if (!begin) break;
    const label = begin[1] ?? '';
    const start = begin.index + begin[0].length;
    const end = rest.indexOf(`-----END ${label}-----`, start);
    if (end < 0) return `The line -----END ${label}----- is missing: paste the text to its end`;
    blocks.push({ label, body: rest.slice(start, end) });
    rest = rest.slice(end + `-----END ${label}-----`.length);
  }
  return blocks;
}

const kPrivate =
  'This is a private key. Give the public certificate that belongs to it. Nothing was sent; if this file has been shared, replace the key';

// Every certificate and public key of a text, or why it cannot be used.
export function readKeys(text: string): ReadKeys {
  if (text.trim() === '') return { problem: 'Paste the public certificate, or drop its file here' };
  if (/PRIVATE KEY-----/.test(text)) return { problem: kPrivate };
  const blocks = splitPem(text);
  if (typeof blocks === 'string') return { problem: blocks };
  if (blocks.length === 0) return { problem: `This is not a certificate. ${kNothing}` };
  const keys: PublicKey[] = [];
  for (const [index, { label, body }] of blocks.entries()) {
    const which = blocks.length > 1 ? `Block ${index + 1}` : 'This';
    if (label !== 'CERTIFICATE' && label !== 'PUBLIC KEY')
      return { problem: `${which} is a ${label.toLowerCase()}, not a certificate or public key` };
    const bytes = fromBase64(body);
    if (!bytes) return { problem: `${which} is damaged: it is not Base64. ${kNothing}` };
    try {
      const key = label === 'CERTIFICATE' ? readCertificate(bytes) : readPublicKey(bytes);
      if (key.bits !== undefined && key.bits < kRsaBits)
        return { problem: `${which} has an RSA key of ${key.bits} bits; at least ${kRsaBits} are needed` };
      keys.push(key);
    } catch (error) {
      if (!(error instanceof BadDer)) throw error;
      return { problem: `${which} cannot be read: it ${error.message}` };
    }
  }
  if (keys.length > kMaxKeys) return { problem: `At most ${kMaxKeys} keys; these are ${keys.length}` };
  return { keys };
}

const isExpired = (key: PublicKey, now: Date) => key.until !== undefined && key.until < now;
const day = (date: Date | undefined) => date?.toISOString().slice(0, 10) ?? '';

// For answers that a client on the device signs.
export function signerProblem(text: string, now: Date): string | undefined {
  const read = readKeys(text);
  if (read.problem !== undefined) return read.problem;
  const silent = read.keys.find((key) => key.maySign === false);
  if (silent) return `The certificate ${silent.subject} may not be used for signatures (its key usage)`;
  if (read.keys.every((key) => isExpired(key, now)))
    return `It has expired on ${day(read.keys[0]?.until)}: nobody would be let in by it`;
  return undefined;
}

// For authorities of client certificates.
export function authorityProblem(text: string, now: Date): string | undefined {
  const read = readKeys(text);
  if (read.problem !== undefined) return read.problem;
  if (read.keys.some(({ kind }) => kind !== 'certificate'))
    return 'A public key alone is no authority: paste the certificate of the authority';
  const leaf = read.keys.find(({ isAuthority }) => !isAuthority);
  if (leaf) return `The certificate ${leaf.subject} is not that of an authority`;
  if (read.keys.every((key) => isExpired(key, now)))
    return `It has expired on ${day(read.keys[0]?.until)}`;
  return undefined;
}

// "Certificate Tanium, RSA 2048 bits, valid until 2030-01-31".
export function describeKey(key: PublicKey, now: Date): string {
  const algorithm = key.bits === undefined ? key.algorithm : `${key.algorithm} ${key.bits} bits`;
  if (key.kind === 'public key') return `Public key, ${algorithm}`;
  const validity = isExpired(key, now)
    ? `expired on ${day(key.until)}`
    : key.from && key.from > now
      ? `valid from ${day(key.from)}`
      : `valid until ${day(key.until)}`;
  return `Certificate ${key.subject ?? ''}, ${algorithm}, ${validity}`;
}

// Whether WebCrypto takes the key itself: a point on its curve, say. Browsers that do not know the
// algorithm leave it to the gateway.
export async function isUsable(key: PublicKey): Promise<boolean> {
  const algorithm =
    key.algorithm === 'RSA'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : key.algorithm === 'Ed25519'
        ? { name: 'Ed25519' }
        : { name: 'ECDSA', namedCurve: key.algorithm.slice(3) };
  try {
    await crypto.subtle.importKey('spki', Uint8Array.from(key.spki), algorithm, false, ['verify']);
    return true;
  } catch (error) {
    return error instanceof DOMException && error.name === 'NotSupportedError';
  }
}

// What a dropped file has: PEM as it is, DER as PEM.
export function toPem(file: Uint8Array): string {
  if (file[0] !== 0x30) return new TextDecoder().decode(file);
  let label = 'CERTIFICATE';
  try {
    readCertificate(file);
  } catch {
    try {
      readPublicKey(file);
      label = 'PUBLIC KEY';
    } catch {
      // Read as a certificate, so that its problem is told.
    }
  }
  const base64 = btoa(Array.from(file, (byte) => String.fromCharCode(byte)).join(''));
  return `-----BEGIN ${label}-----\n${base64.replace(/(.{64})/g, '$1\n').trim()}\n-----END ${label}-----\n`;
}
