// Filters of a page that stand in its address, so that a link, a reload and the back button find the
// same. What is empty is not there.
import { useNavigate, useSearch } from '@tanstack/react-router';

// With `isStep` each change is a step of its own, which the back button takes back.
export function useAddress<K extends string>(names: readonly K[], { isStep = false } = {}) {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const values = Object.fromEntries(
    names.map((name) => {
      const value = search[name];
      return [name, typeof value === 'string' || typeof value === 'number' ? String(value) : ''];
    }),
  ) as Record<K, string>;
  const set = (change: Partial<Record<K, string>>) =>
    void navigate({
      to: '.',
      search: ((before: Record<string, unknown>) =>
        Object.fromEntries(
          Object.entries({ ...before, ...change, page: undefined }).filter(([, value]) => value),
        )) as never,
      replace: !isStep,
      resetScroll: false,
    });
  return {
    values,
    set,
    clear: () => set(Object.fromEntries(names.map((name) => [name, ''])) as Record<K, string>),
    isAny: names.some((name) => values[name] !== ''),
  };
}

// A link with a query; what is empty is left out.
export function toHref(path: string, query: Record<string, string | undefined>): string {
  const text = new URLSearchParams(
    Object.entries(query).filter((entry): entry is [string, string] => !!entry[1]),
  ).toString();
  return text ? `${path}?${text}` : path;
}
