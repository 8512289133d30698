// Instants and durations as people read them.
const kUnits: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

// "3 minutes ago", "in 2 days", "now".
export function toAge(seconds: number): string {
  for (const [unit, size] of kUnits) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return 'now';
}
export function ageOf(instant: string, now = Date.now()): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? instant : toAge(Math.round((at - now) / 1000));
}
export function toInstant(instant: string): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? instant : absolute.format(at);
}
// 90 is "1 minute 30 seconds"; at most two units.
export function toDuration(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.abs(Math.round(seconds));
  for (const [unit, size] of kUnits) {
    const count = Math.floor(rest / size);
    if (count === 0) {
      if (parts.length > 0) break;
      continue;
    }
    parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 seconds';
}
// `24h`, `1h30m`: what the API calls a duration, in seconds; null: not one.
export function parseDuration(text: string): number | null {
  const match = /^(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text.trim());
  if (!match) return null;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
