// The trace of a decision as data: the place of every line, so that two traces can be compared. Pure.
import type { components } from '../../api/schema';

type Schemas = components['schemas'];
export type Explained = Schemas['ExplainedDecision'];
export type Part = Schemas['ExplainedPart'];
export type Policy = Schemas['ExplainedPolicy'];

export interface Line {
  outcome: string;
  reason: string;
}
// A policy that was not asked has no outcome.
const lineOf = ({ outcome, reason }: { outcome?: string; reason?: string }): Line => ({
  outcome: outcome ?? 'not asked',
  reason: reason ?? 'none',
});

export const placeOf = (above: string, index: number) => `${above}/${index}`;

// Every line by its place: policies by their id, parts by their number within them.
export function linesOf(explained: Explained): Map<string, Line> {
  const lines = new Map<string, Line>();
  const add = (above: string, parts: Part[]) =>
    parts.forEach((part, index) => {
      const place = placeOf(above, index);
      lines.set(place, lineOf(part));
      add(place, part.parts ?? []);
    });
  for (const policy of explained.policies) {
    lines.set(policy.id, lineOf(policy));
    add(policy.id, policy.parts ?? []);
  }
  return lines;
}

// What a line was before, where that differs.
export function wasOf(
  before: Map<string, Line> | undefined,
  place: string,
  now: { outcome?: string; reason?: string },
): Line | undefined {
  const was = before?.get(place);
  const is = lineOf(now);
  return was && (was.outcome !== is.outcome || was.reason !== is.reason) ? was : undefined;
}

const kOutcomes: Record<string, string> = {
  true: 'matches',
  false: 'does not match',
  unknown: 'cannot tell',
};
export const outcomeWord = (outcome: string): string => kOutcomes[outcome] ?? outcome;

const kActions: Record<string, string> = {
  allow: 'Allow',
  deny: 'Block',
  bypass: 'Bypass',
  non_identity: 'Service Auth',
};
export const actionWord = (action: string): string => kActions[action] ?? action;

const kLists: Record<string, string> = {
  include: 'Include',
  require: 'Require',
  exclude: 'Exclude',
};
export const partName = ({ name }: Part): string => kLists[name] ?? sentence(name);

// As a line of its own: "email domain is `team.com`" is "Email domain is “team.com”".
export const sentence = (text: string): string =>
  text.charAt(0).toUpperCase() + text.slice(1).replace(/`([^`]*)`/g, '“$1”');

export interface Verdict {
  word: string;
  tone: 'success' | 'error' | 'warning' | 'info';
}
export function verdictOf({ effect, challenge }: Pick<Explained, 'effect' | 'challenge'>): Verdict {
  if (effect === 'allow') return { word: 'Let in', tone: 'success' };
  if (effect === 'bypass') return { word: 'Let in without sign-in', tone: 'info' };
  if (effect === 'deny') return { word: 'Refused', tone: 'error' };
  const asks: Record<string, string> = {
    sign_in: 'Asked to sign in',
    posture: 'Asked to have the device checked',
    purpose: 'Asked for a reason',
  };
  return { word: asks[challenge] ?? 'Asked for more', tone: 'warning' };
}
