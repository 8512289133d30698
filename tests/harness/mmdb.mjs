// Writes files in MaxMind's DB format 2.0 (IPv6 tree, records of 32 bits), small ones: what country
// databases look like, for networks of our own. As a program: node mmdb.mjs OUT NETWORK=CODE...
import fs from 'node:fs';
import net from 'node:net';

const kMap = 7;
const kString = 2;
const kUint16 = 5;
const kUint32 = 6;
const kUint64 = 9;
const kArray = 11;

const uint = (value) => {
  const bytes = [];
  for (let rest = BigInt(value); rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Buffer.from(bytes);
};
function control(type, size) {
  const extended = type > 7 ? [type - 7] : [];
  const kind = type > 7 ? 0 : type << 5;
  if (size < 29) return Buffer.from([kind | size, ...extended]);
  if (size > 284) throw new Error('too long for this writer');
  return Buffer.from([kind | 29, ...extended, size - 29]);
}
const number = (type, value) => {
  const bytes = uint(value);
  return Buffer.concat([control(type, bytes.length), bytes]);
};
// Strings, arrays, maps; numbers come as Buffers made above.
function encode(value) {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(kString, bytes.length), bytes]);
  }
  if (Array.isArray(value)) {
    return Buffer.concat([control(kArray, value.length), ...value.map(encode)]);
  }
  const entries = Object.entries(value);
  return Buffer.concat([control(kMap, entries.length), ...entries.flat().map(encode)]);
}

// The bits of a network, most significant first, in the IPv6 tree (IPv4 below ::/96).
function bitsOf(network) {
  const [address, length] = network.split('/');
  const isV4 = net.isIPv4(address);
  let bytes;
  if (isV4) {
    bytes = [...Array(12).fill(0), ...address.split('.').map(Number)];
  } else {
    const [head, tail = ''] = address.split('::');
    const groups = (text) => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
    const left = groups(head);
    const right = groups(tail);
    const all = [...left, ...Array(8 - left.length - right.length).fill(0), ...right];
    bytes = all.flatMap((group) => [group >> 8, group & 255]);
  }
  const bits = bytes.flatMap((byte) => [...byte.toString(2).padStart(8, '0')].map(Number));
  return bits.slice(0, Number(length) + (isV4 ? 96 : 0));
}

// `networks`: {'127.0.0.0/8': 'DE', '2001:db8::/32': {registered_country: {...}}}: a code, or the
// whole record. A narrower network comes after the wider one that it lies in.
export function countryDatabase(networks, { type = 'Test-Country' } = {}) {
  const root = [null, null];
  const data = [];
  let dataSize = 0;
  for (const [network, value] of Object.entries(networks)) {
    const bytes = encode(typeof value === 'string' ? { country: { iso_code: value } } : value);
    const leaf = { offset: dataSize };
    data.push(bytes);
    dataSize += bytes.length;
    const bits = bitsOf(network);
    let node = root;
    for (const bit of bits.slice(0, -1)) {
      if (!Array.isArray(node[bit])) node[bit] = [node[bit], node[bit]];
      node = node[bit];
    }
    node[bits.at(-1)] = leaf;
  }
  const nodes = [root];
  for (const node of nodes) nodes.push(...node.filter(Array.isArray));
  const numbers = new Map(nodes.map((node, index) => [node, index]));
  const tree = Buffer.alloc(nodes.length * 8);
  nodes.forEach((node, index) =>
    node.forEach((record, side) => {
      const written =
        record === null
          ? nodes.length
          : Array.isArray(record)
            ? numbers.get(record)
            : nodes.length + 16 + record.offset;
      tree.writeUInt32BE(written, index * 8 + side * 4);
    }),
  );
  const metadata = encode({
    binary_format_major_version: number(kUint16, 2),
    binary_format_minor_version: number(kUint16, 0),
    build_epoch: number(kUint64, 1_700_000_000),
    database_type: type,
    description: { en: 'networks of a test' },
    ip_version: number(kUint16, 6),
    languages: ['en'],
    node_count: number(kUint32, nodes.length),
    record_size: number(kUint16, 32),
  });
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('abcdef', 'hex'),
    Buffer.from('MaxMind.com'),
    metadata,
  ]);
}

if (process.argv[1] === import.meta.filename) {
  const [out, ...pairs] = process.argv.slice(2);
  const networks = pairs.map((pair) => {
    const [network, value] = pair.split('=');
    return [network, value.startsWith('{') ? JSON.parse(value) : value];
  });
  fs.writeFileSync(out, countryDatabase(Object.fromEntries(networks)));
}
