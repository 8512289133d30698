// What people paste into a list, and what is wrong with it.
import type { Schemas } from '../../api/client';
import { checkNetwork, isEmail } from '../rules/selectors.ts';

export type ListType = Schemas['List']['type'];
export type Item = Schemas['ListItem'];

export const kTypes = [
  { value: 'EMAIL', label: 'Email addresses', one: 'address', many: 'addresses' },
  { value: 'IP', label: 'Networks', one: 'network', many: 'networks' },
] as const;
export const wordsOf = (type: ListType) => kTypes.find(({ value }) => value === type) ?? kTypes[0];
export const inWords = (type: ListType, count: number) =>
  `${count.toLocaleString('en')} ${count === 1 ? wordsOf(type).one : wordsOf(type).many}`;

const checkEmail = (text: string) =>
  isEmail(text) ? undefined : `${text} is not an email address such as alice@team.com`;
const checkOf = (type: ListType) => (type === 'EMAIL' ? checkEmail : checkNetwork);
// Letter case and space around it make no difference.
const keyOf = (value: string) => value.trim().toLowerCase();

export interface Pasted {
  items: Item[];
  // By line.
  problems: string[];
  // That were there already, or twice.
  repeated: number;
}

// One a line, with a description behind a comma; or many on a line. `Alice <alice@team.com>` is her
// address with her name. Lines that begin with # do not count.
export function readPasted(type: ListType, text: string, present: readonly string[] = []): Pasted {
  const check = checkOf(type);
  const known = new Set(present.map(keyOf));
  const read: Pasted = { items: [], problems: [], repeated: 0 };
  const add = (value: string, description = '') => {
    if (known.has(keyOf(value))) {
      read.repeated++;
      return;
    }
    known.add(keyOf(value));
    read.items.push(description ? { value, description } : { value });
  };
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const named = /^"?([^"<]*?)"?\s*<([^>]+)>$/.exec(trimmed);
    if (named) {
      const [, name = '', value = ''] = named;
      const problem = check(value.trim());
      if (problem) read.problems.push(`Line ${index + 1}: ${problem}`);
      else add(value.trim(), name.trim());
      continue;
    }
    const parts = trimmed.split(/[,;\t]/).map((part) => part.trim()).filter(Boolean);
    const [first = '', ...rest] = parts;
    const words = first.split(/\s+/);
    const many = [...words, ...rest.flatMap((part) => part.split(/\s+/))];
    if (many.every((part) => !check(part))) {
      for (const value of many) add(value);
      continue;
    }
    const problem = check(first);
    if (problem) read.problems.push(`Line ${index + 1}: ${problem}`);
    else add(first, rest.join(', '));
  }
  return read;
}

export function found(items: readonly Item[], search: string): readonly Item[] {
  const wanted = keyOf(search);
  if (!wanted) return items;
  return items.filter(
    ({ value, description }) =>
      value.toLowerCase().includes(wanted) || description?.toLowerCase().includes(wanted),
  );
}
