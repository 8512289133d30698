// The times that the overview can show, and how their columns are called. Pure.
export const kSpans = [
  { value: '24h', label: '24 hours', hours: 24, interval: 'hour' },
  { value: '7d', label: '7 days', hours: 168, interval: 'day' },
  { value: '30d', label: '30 days', hours: 720, interval: 'day' },
] as const;
export type Span = (typeof kSpans)[number];

export const spanOf = (value: string): Span =>
  kSpans.find((span) => span.value === value) ?? kSpans[0];

const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const dayUtc = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  timeZone: 'UTC',
});
const fullDayUtc = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  timeZone: 'UTC',
});

// Hours are this browser's; days are the gateway's, which are in UTC.
export function slotOf(at: string, interval: 'hour' | 'day'): { label: string; title: string } {
  const instant = new Date(at);
  if (interval === 'day') {
    return { label: dayUtc.format(instant), title: `${fullDayUtc.format(instant)} (UTC)` };
  }
  const isMidnight = instant.getHours() === 0;
  return {
    label: isMidnight ? day.format(instant) : hour.format(instant),
    title: full.format(instant),
  };
}

const kAges: Record<string, string> = {
  3600: 'Up to an hour old',
  86400: 'Up to a day old',
  604800: 'Up to 7 days old',
};
export const ageWord = (seconds: number | null): string =>
  seconds === null ? 'Older' : (kAges[seconds] ?? `Up to ${Math.round(seconds / 3600)} hours old`);

// The first moment of a span that ends now: a whole hour, or a whole day of UTC.
export function sinceOf({ hours, interval }: Span, now: number): string {
  const size = interval === 'hour' ? 3_600_000 : 86_400_000;
  return new Date(Math.floor(now / size) * size - hours * 3_600_000 + size).toISOString();
}
