// What a change changed: every value that differs, by its path. Pure.
export interface Difference {
  path: string;
  // Undefined: it was not there.
  before: string | undefined;
  after: string | undefined;
}

const show = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

function leaves(value: unknown, path: string, into: Map<string, string>): void {
  if (Array.isArray(value)) {
    // Lists of plain values read better whole.
    if (value.every((one) => typeof one !== 'object' || one === null)) {
      into.set(path, value.length === 0 ? 'empty' : value.map(show).join(', '));
      return;
    }
    value.forEach((one, index) => leaves(one, `${path} ${index + 1}`, into));
    return;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) into.set(path, 'empty');
    for (const [name, one] of entries) leaves(one, path ? `${path} › ${name}` : name, into);
    return;
  }
  into.set(path, show(value));
}

const kTechnical = new Set(['updated_at', 'created_at']);

export function differences(before: unknown, after: unknown): Difference[] {
  const old = new Map<string, string>();
  const now = new Map<string, string>();
  if (before !== undefined && before !== null) leaves(before, '', old);
  if (after !== undefined && after !== null) leaves(after, '', now);
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path) && !kTechnical.has(path))
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }));
}

const kEvents: Record<string, string> = {
  sign_in: 'Signed in',
  admission: 'Was let into an application',
  sign_in_failed: 'Failed to sign in',
  refusal: 'Was refused',
  posture_result: 'Had a device checked',
  purpose_stated: 'Gave a reason',
  evaluation_result: 'Was checked externally',
  session_ended: 'A session ended',
  revocation: 'Revoked',
  revocation_lifted: 'Lifted a revocation',
  resource_changed: 'Changed the configuration',
  resources_applied: 'Applied a configuration',
  backup: 'Made a backup',
  signing_keys_rotated: 'Rotated the signing keys',
  master_key_rotated: 'Rotated the master key',
  key_rotation_interval_set: 'Set how often keys rotate',
  api_token_issued: 'Issued an API token',
  api_token_revoked: 'Revoked an API token',
};
export const kEventNames: readonly string[] = Object.keys(kEvents);
export const eventWord = (event: string): string =>
  kEvents[event] ?? event.charAt(0).toUpperCase() + event.slice(1).replaceAll('_', ' ');

interface Details {
  kind?: unknown;
  name?: unknown;
  what?: unknown;
}
const kWhat: Record<string, string> = {
  created: 'Added',
  added: 'Added',
  updated: 'Changed',
  changed: 'Changed',
  deleted: 'Removed',
  removed: 'Removed',
};
// "Changed application Wiki".
export function changeTitle(event: string, { kind, name, what }: Details): string {
  if (typeof kind !== 'string' || typeof what !== 'string') {
    return typeof name === 'string' && name ? `${eventWord(event)}: ${name}` : eventWord(event);
  }
  const verb = kWhat[what] ?? what;
  return [verb, kind.replaceAll('_', ' '), typeof name === 'string' ? name : '']
    .filter(Boolean)
    .join(' ');
}
