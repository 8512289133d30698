// A duration of the API (`168h`) as a number and a unit that people choose.
import { parseDuration } from './time.ts';

export const kDurationUnits = [
  { value: 's', label: 'seconds', seconds: 1 },
  { value: 'm', label: 'minutes', seconds: 60 },
  { value: 'h', label: 'hours', seconds: 3600 },
  { value: 'd', label: 'days', seconds: 86_400 },
] as const;
export type DurationUnit = (typeof kDurationUnits)[number]['value'];

const secondsOf = (unit: DurationUnit) =>
  kDurationUnits.find(({ value }) => value === unit)?.seconds ?? 1;

// The greatest unit in which it is a whole number.
export function splitDuration(text: string): { amount: string; unit: DurationUnit } {
  const seconds = parseDuration(text);
  if (seconds === null) return { amount: text, unit: 'h' };
  const unit = kDurationUnits.findLast((one) => seconds % one.seconds === 0) ?? kDurationUnits[0];
  return { amount: String(seconds / unit.seconds), unit: unit.value };
}

// What is no number stays as it is, so that it can be refused beside its field.
export function joinDuration(amount: string, unit: DurationUnit): string {
  if (amount.trim() === '') return '';
  const seconds = Number(amount) * secondsOf(unit);
  if (!Number.isInteger(seconds) || seconds < 0) return amount;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

// What is wrong with a duration, if anything is.
export function durationProblem(
  text: string,
  { optional = false, least = 1 }: { optional?: boolean; least?: number } = {},
): string | undefined {
  if (text === '') return optional ? undefined : 'Say how long';
  const seconds = parseDuration(text);
  if (seconds === null) return 'Must be a whole number of that unit, such as 7 days';
  if (seconds < least) return `Must be at least ${least} second${least === 1 ? '' : 's'}`;
  return seconds > 315_360_000 ? 'Must be at most ten years' : undefined;
}
