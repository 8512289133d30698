// The times that a log is asked for. Pure.
export const kRanges = [
  { value: '1h', label: 'Last hour', seconds: 3600 },
  { value: '24h', label: 'Last 24 hours', seconds: 86_400 },
  { value: '7d', label: 'Last 7 days', seconds: 604_800 },
  { value: 'own', label: 'From … until …', seconds: 0 },
] as const;

export interface Asked {
  since?: string;
  until?: string;
}

const isInstant = (text: string) => !Number.isNaN(Date.parse(text));

export function toAsked(range: string, since: string, until: string, now = Date.now()): Asked {
  const asked: Asked = {};
  const preset = kRanges.find(({ value, seconds }) => value === range && seconds > 0);
  if (preset) {
    asked.since = new Date(now - preset.seconds * 1000).toISOString();
    return asked;
  }
  if (range !== 'own') return asked;
  if (isInstant(since)) asked.since = since;
  if (isInstant(until)) asked.until = until;
  return asked;
}

// For <input type="datetime-local">: this browser's clock, to the minute.
export function toLocalInput(instant: string): string {
  if (!isInstant(instant)) return '';
  const at = new Date(instant);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
