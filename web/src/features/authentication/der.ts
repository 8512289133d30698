// DER (X.690) as far as certificates and public keys need it. Throws BadDer; reads nothing outside
// of what it was given.
export class BadDer extends Error {}

export interface Der {
  tag: number;
  // The whole element, and what is in it.
  bytes: Uint8Array;
  content: Uint8Array;
}

// One element at the beginning of `bytes`.
export function readDer(bytes: Uint8Array): Der {
  const tag = bytes[0];
  const first = bytes[1];
  if (tag === undefined || first === undefined) throw new BadDer('ends too early');
  let start = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new BadDer('has a length that cannot be read');
    length = 0;
    for (let i = 0; i < count; ++i) {
      const next = bytes[start++];
      if (next === undefined) throw new BadDer('ends too early');
      length = length * 256 + next;
    }
    if (length < 0x80 || (count > 1 && bytes[2] === 0))
      throw new BadDer('has a length that cannot be read');
  }
  if (start + length > bytes.length) throw new BadDer('ends too early');
  return {
    tag,
    bytes: bytes.subarray(0, start + length),
    content: bytes.subarray(start, start + length),
  };
}

// All of it is one element.
export function readWhole(bytes: Uint8Array, tag: number): Der {
  const found = readDer(bytes);
  if (found.bytes.length !== bytes.length) throw new BadDer('has something after its end');
  return expectTag(found, tag);
}

export function readAll(content: Uint8Array): Der[] {
  const found: Der[] = [];
  for (let rest = content; rest.length > 0; ) {
    const one = readDer(rest);
    found.push(one);
    rest = rest.subarray(one.bytes.length);
  }
  return found;
}

export function expectTag(der: Der | undefined, tag: number): Der {
  if (!der || der.tag !== tag) throw new BadDer('is built otherwise than a certificate or key');
  return der;
}

// `2.5.29.15`.
export function readOid(der: Der | undefined): string {
  const { content } = expectTag(der, 0x06);
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (numbers.length === 0) {
      const head = Math.min(Math.floor(value / 40), 2);
      numbers.push(head, value - head * 40);
    } else {
      numbers.push(value);
    }
    value = 0;
  }
  return numbers.join('.');
}

// UTCTime and GeneralizedTime as RFC 5280 4.1.2.5 has them.
export function readTime(der: Der | undefined): Date {
  const text = der ? new TextDecoder().decode(der.content) : '';
  const match =
    der?.tag === 0x17
      ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
      : der?.tag === 0x18
        ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
        : null;
  if (!match) throw new BadDer('has a date that cannot be read');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  const full = der?.tag === 0x17 ? year + (year < 50 ? 2000 : 1900) : year;
  return new Date(Date.UTC(full, month - 1, day, hour, minute, second));
}
