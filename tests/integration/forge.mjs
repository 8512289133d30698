// Hostile variants of a valid RS256 token, given the public keys: [{id, token, expect}].
//   accept          the token itself: the control
//   reject          must be refused
//   reject-strict   a good signature in non-canonical base64url: common libraries take it, RFC 7515
//                   does not, and a revocation keyed on the token's text would miss it
import crypto from 'node:crypto';

const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));
const encode = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function forge(token, { keys }, evilUrl = 'http://127.0.0.1:9/jwks') {
  const [header64, payload64, signature64] = token.split('.');
  const header = decode(header64);
  const payload = decode(payload64);
  const signature = Buffer.from(signature64, 'base64url');
  const jwk = keys.find((key) => key.kid === header.kid) ?? keys[0];
  const publicKey = crypto.createPublicKey({ key: jwk, format: 'jwk' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const evil = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const small = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 });
  const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const evilJwk = {
    ...evil.publicKey.export({ format: 'jwk' }),
    kid: 'evil',
    use: 'sig',
    alg: 'RS256',
  };

  const variants = [];
  const add = (id, forged, expect = 'reject') => variants.push({ id, token: forged, expect });
  const sign = (head, body, key = evil.privateKey) => {
    const input = `${encode(head)}.${encode(body)}`;
    return `${input}.${crypto.sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  };
  const mac = (head, body, key) => {
    const input = `${encode(head)}.${encode(body)}`;
    return `${input}.${crypto.createHmac('sha256', key).update(input).digest('base64url')}`;
  };

  add('control', token, 'accept');

  // No signature, or an algorithm that is none.
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'none\u0000', ' none']) {
    add(`alg ${JSON.stringify(alg)}, no signature`, `${encode({ ...header, alg })}.${payload64}.`);
    add(
      `alg ${JSON.stringify(alg)}, old signature`,
      `${encode({ ...header, alg })}.${payload64}.${signature64}`,
    );
  }
  for (const alg of [null, 0, ['RS256'], { a: 1 }, undefined]) {
    add(
      `alg is ${JSON.stringify(alg) ?? 'missing'}`,
      `${encode({ ...header, alg })}.${payload64}.${signature64}`,
    );
  }
  for (const alg of [
    'RS384',
    'RS512',
    'PS256',
    'ES256',
    'EdDSA',
    'RS1',
    'RS256 ',
    'rs256',
    'HS512',
    'dir',
    'RSA-OAEP',
  ]) {
    add(`alg swapped for ${alg}`, `${encode({ ...header, alg })}.${payload64}.${signature64}`);
  }

  // The public key as an HMAC secret.
  const secrets = {
    'SPKI PEM': pem,
    'SPKI PEM trimmed': pem.trim(),
    'PKCS#1 PEM': publicKey.export({ type: 'pkcs1', format: 'pem' }),
    'SPKI DER': publicKey.export({ type: 'spki', format: 'der' }),
    modulus: jwk.n,
    JWK: JSON.stringify(jwk),
    nothing: '',
    NUL: '\0',
    kid: String(header.kid),
  };
  for (const [name, secret] of Object.entries(secrets))
    add(`HS256 keyed with ${name}`, mac({ ...header, alg: 'HS256' }, payload, secret));

  // Another key, and ways to bring it along.
  add('another key, same kid', sign(header, payload));
  add('another key, no kid', sign({ alg: 'RS256' }, payload));
  add('another key, unknown kid', sign({ ...header, kid: 'evil' }, payload));
  add('jwk in the header', sign({ ...header, kid: undefined, jwk: evilJwk }, payload));
  add(
    'jwk in the header, same kid',
    sign({ ...header, jwk: { ...evilJwk, kid: header.kid } }, payload),
  );
  add('jku', sign({ ...header, kid: 'evil', jku: evilUrl }, payload));
  add('x5u', sign({ ...header, kid: 'evil', x5u: evilUrl }, payload));
  add(
    'x5c',
    sign(
      {
        ...header,
        x5c: [evil.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
      },
      payload,
    ),
  );
  add('a key of 1024 bits', sign(header, payload, small.privateKey));
  add(
    'ES256 of zeros',
    `${encode({ ...header, alg: 'ES256' })}.${payload64}.${Buffer.alloc(64).toString('base64url')}`,
  );
  {
    const input = `${encode({ ...header, alg: 'ES256' })}.${payload64}`;
    add(
      'ES256 by another key',
      `${input}.${crypto
        .sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
        .toString('base64url')}`,
    );
  }
  for (const kid of [
    '../../../../dev/null',
    '/dev/null',
    "' UNION SELECT 'a' -- ",
    '| sleep 5',
    '\u0000',
    'x'.repeat(100_000),
    '${jndi:ldap://127.0.0.1/a}',
    '%00',
    '__proto__',
    '',
    0,
    null,
    ['a'],
    true,
  ]) {
    const name = JSON.stringify(kid).slice(0, 30);
    add(`kid ${name}`, sign({ ...header, kid }, payload));
    add(`kid ${name}, HMAC with nothing`, mac({ alg: 'HS256', kid }, payload, ''));
  }

  // Another payload under the old signature.
  for (const [name, change] of Object.entries({
    email: { email: 'root@corp.example' },
    aud: { aud: ['0'.repeat(64)] },
    exp: { exp: payload.exp + 1e6 },
    sub: { sub: 'x' },
  })) {
    add(`changed ${name}`, `${header64}.${encode({ ...payload, ...change })}.${signature64}`);
  }

  // The signature itself.
  for (const at of [0, 1, signature.length >> 1, signature.length - 1]) {
    const flipped = Buffer.from(signature);
    flipped[at] ^= 1;
    add(
      `signature with a bit of byte ${at} changed`,
      `${header64}.${payload64}.${flipped.toString('base64url')}`,
    );
  }
  const withSignature = (bytes) => `${header64}.${payload64}.${bytes.toString('base64url')}`;
  add('signature empty', `${header64}.${payload64}.`);
  add('signature missing', `${header64}.${payload64}`);
  add('signature short', withSignature(signature.subarray(0, -1)));
  add('signature long', withSignature(Buffer.concat([signature, Buffer.alloc(1)])));
  add('signature zero', withSignature(Buffer.alloc(signature.length)));
  add(
    'signature one',
    withSignature(Buffer.concat([Buffer.alloc(signature.length - 1), Buffer.from([1])])),
  );
  {
    const sum =
      BigInt(`0x${signature.toString('hex')}`) +
      BigInt(`0x${Buffer.from(jwk.n, 'base64url').toString('hex')}`);
    const hex = sum.toString(16);
    add(
      'signature plus modulus',
      withSignature(Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')),
    );
  }
  add('padded base64', `${token}==`, 'reject-strict');
  add(
    'standard base64',
    `${header64}.${payload64}.${signature.toString('base64')}`,
    'reject-strict',
  );
  add(
    'newline in the signature',
    `${header64}.${payload64}.${signature64.slice(0, 20)}\n${signature64.slice(20)}`,
    'reject-strict',
  );
  add('space before the signature', `${header64}.${payload64}. ${signature64}`, 'reject-strict');
  if (signature64.length % 4 !== 0) {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet[alphabet.indexOf(signature64.at(-1)) ^ 1];
    add(
      'unused bits set',
      `${header64}.${payload64}.${signature64.slice(0, -1)}${last}`,
      'reject-strict',
    );
  }

  // The shape.
  add('four parts', `${token}.${signature64}`);
  add('five parts', `${token}.${signature64}.${signature64}`);
  add('no payload', `${header64}..${signature64}`);
  add('only dots', '..');
  add('empty', '');
  add(
    'JSON serialization',
    JSON.stringify({
      payload: payload64,
      signatures: [{ protected: header64, signature: signature64 }],
    }),
  );
  add(
    'flattened JSON',
    JSON.stringify({ payload: payload64, protected: header64, signature: signature64 }),
  );
  add('b64 false', sign({ ...header, b64: false, crit: ['b64'] }, payload));
  add('crit', sign({ ...header, crit: ['x'], x: 1 }, payload));
  add('zip', sign({ ...header, zip: 'DEF' }, payload));
  add(
    'alg twice',
    `${encode(`{"alg":"RS256","alg":"none","kid":${JSON.stringify(header.kid)}}`)}.${payload64}.`,
  );
  add('header is an array', `${encode([header])}.${payload64}.${signature64}`);
  add('header is empty', `e30.${payload64}.${signature64}`);
  add('payload is an array', sign(header, [payload]));
  add('payload is a text', sign(header, '"x"'));
  add('payload is empty', sign(header, ''));
  add('payload is deep', sign(header, '['.repeat(20_000) + ']'.repeat(20_000)));
  add('huge', sign(header, { ...payload, x: 'A'.repeat(4 << 20) }));
  add('byte order mark', sign(header, `\ufeff${JSON.stringify(payload)}`));
  add(
    'invalid UTF-8',
    `${header64}.${Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.${signature64}`,
  );
  return variants;
}
