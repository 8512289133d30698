// Values within values, by a path such as `config.port`.
export function valueAt(values: object, path: string): unknown {
  let found: unknown = values;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

export function withValueAt<V extends object>(values: V, path: string, value: unknown): V {
  const [key = '', ...rest] = path.split('.');
  const before = (values as Record<string, unknown>)[key];
  const inner =
    rest.length === 0
      ? value
      : withValueAt(
          typeof before === 'object' && before !== null ? before : {},
          rest.join('.'),
          value,
        );
  return { ...values, [key]: inner };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// `next`, with what `typed` has otherwise than `start`: what the person changed stays, field by field.
export function rebased<T>(start: T, typed: T, next: T): T {
  if (!isObject(start) || !isObject(typed) || !isObject(next))
    return JSON.stringify(start) === JSON.stringify(typed) ? next : typed;
  const keys = new Set([...Object.keys(next), ...Object.keys(typed)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, rebased(start[key], typed[key], next[key])]),
  ) as T;
}
