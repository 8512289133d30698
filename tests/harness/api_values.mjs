// Values for the schemas of the description: examples that fit, values of the wrong type, and
// random ones, good and bad, from a seed.
import { resolve } from './api.mjs';

// The first arm of a choice; what it is otherwise.
export function shapeOf(schema) {
  const found = resolve(schema) ?? {};
  const choice = found.anyOf ?? found.oneOf;
  return choice ? shapeOf(choice[0]) : found;
}

// A value that `schema` does not allow for its type.
export function wrongType(schema) {
  switch (shapeOf(schema).type) {
    case 'object':
      return 'not an object';
    case 'array':
      return { not: 'a list' };
    default:
      return { not: 'a plain value' };
  }
}

// xorshift: the same run for the same seed.
export class Random {
  constructor(seed) {
    this.state = seed >>> 0 || 1;
  }
  next() {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) / 2 ** 32;
  }
  below(limit) {
    return Math.floor(this.next() * limit);
  }
  chance(part) {
    return this.next() < part;
  }
  of(list) {
    return list[this.below(list.length)];
  }
}

const kNasty = [
  ...['', ' ', 'a', '0', 'null', '*', '%', '../..', '\u0000', '\u202e', '\ufffd', 'x'.repeat(300)],
  ...['x'.repeat(70_000), '<script>alert(1)</script>', "'; DROP TABLE resources; --", '${7*7}'],
  ...[
    'corp.example',
    'admin.gateway.test',
    'admin.gateway.test/a',
    'a@corp.example',
    '192.0.2.0/24',
  ],
  ...['24h', '90m', '-1s', '0s', '99999999h', '2030-01-31T00:00:00Z', 'https://example.com/x'],
  ...['http_status:404', 'forbidden', 'allow', 'EMAIL', 'f174e90a-fafe-4643-bbbc-4a0ed4fc8415'],
];
const kNumbers = [0, 1, -1, 21, 1000, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 0.5];
const kAny = [null, true, false, 0, -1, 1e308, '', 'text', [], {}, [[]], { a: { b: [1] } }];

// A value for `schema`: mostly of its shape, now and then anything. `pool`: ids that exist.
export function randomValue(random, schema, pool, depth = 0) {
  if (random.chance(0.04)) return random.of(kAny);
  const found = resolve(schema) ?? {};
  const choice = found.anyOf ?? found.oneOf;
  if (choice) return randomValue(random, random.of(choice), pool, depth);
  if (found.nullable && random.chance(0.1)) return null;
  if (found.enum && random.chance(0.9)) return random.of(found.enum);
  switch (found.type) {
    case 'boolean':
      return random.chance(0.5);
    case 'integer':
    case 'number':
      return random.chance(0.5) ? random.below(100) : random.of(kNumbers);
    case 'array': {
      if (depth > 6) return [];
      const length = random.of([0, 1, 1, 2, 5]);
      return Array.from({ length }, () => randomValue(random, found.items, pool, depth + 1));
    }
    case 'object': {
      if (depth > 6) return {};
      const value = {};
      const names = Object.keys(found.properties ?? {});
      const chosen =
        found.maxProperties === 1
          ? [random.of(names)]
          : names.filter((name) => random.chance(found.required?.includes(name) ? 0.95 : 0.3));
      for (const name of chosen)
        value[name] = randomValue(random, found.properties[name], pool, depth + 1);
      if (random.chance(0.03)) value[random.of(kNasty)] = random.of(kAny);
      return value;
    }
    default:
      return random.chance(0.5) ? random.of(pool) : random.of(kNasty);
  }
}
