// A policy as the form has it, and as the API has it.
import type { Schemas } from '../../api/client';
import { fromRules, newEntry, toRules, type Entry } from '../rules/selectors.ts';

export type Policy = Schemas['Policy'];
export type PolicyRequest = Schemas['PolicyRequest'];
export type Action = Policy['decision'];
export type Role = NonNullable<Policy['dashboard_role']>;

export interface PolicyDraft {
  name: string;
  decision: Action;
  include: Entry[];
  require: Entry[];
  exclude: Entry[];
  dashboard_role: Role;
  // Empty: the application's.
  session_duration: string;
  purpose_justification_required: boolean;
  purpose_justification_prompt: string;
}

export const kActions: { value: Action; label: string; text: string }[] = [
  {
    value: 'allow',
    label: 'Allow',
    text: 'Lets in whoever it matches, once they have signed in.',
  },
  { value: 'deny', label: 'Block', text: 'Keeps out whoever it matches.' },
  {
    value: 'bypass',
    label: 'Bypass',
    text: 'Lets requests through without a sign-in. Nobody is known, and anybody it matches gets in.',
  },
  {
    value: 'non_identity',
    label: 'Service Auth',
    text: 'Lets programs in by a service token or a certificate, without a sign-in.',
  },
];
export const kRoles: { value: Role; label: string }[] = [
  { value: 'administrator', label: 'Administrator: may change everything' },
  { value: 'read_only', label: 'Read only: may look at everything' },
  { value: 'help_desk', label: 'Help desk: may look at people and end their sessions' },
];
export const actionLabel = (decision: string) =>
  kActions.find(({ value }) => value === decision)?.label ?? decision;

export const newPolicy = (name = ''): PolicyDraft => ({
  name,
  decision: 'allow',
  include: [newEntry('email_domain')],
  require: [],
  exclude: [],
  dashboard_role: 'read_only',
  session_duration: '',
  purpose_justification_required: false,
  purpose_justification_prompt: '',
});

export const toDraft = (policy: Policy): PolicyDraft => ({
  name: policy.name,
  decision: policy.decision,
  include: fromRules(policy.include),
  require: fromRules(policy.require),
  exclude: fromRules(policy.exclude),
  dashboard_role: policy.dashboard_role ?? 'read_only',
  session_duration: policy.session_duration ?? '',
  purpose_justification_required: policy.purpose_justification_required ?? false,
  purpose_justification_prompt: policy.purpose_justification_prompt ?? '',
});

// What the server adds, and no request says.
const kServers = ['id', 'created_at', 'updated_at', 'account_id', 'reusable', 'app_count', 'precedence'];

// `before`: of what the form does not show, nothing is lost. `isDashboard`: the role is asked for.
export function toPolicyRequest(
  draft: PolicyDraft,
  before?: Policy,
  isDashboard = before?.dashboard_role !== undefined,
): PolicyRequest {
  const kept = Object.fromEntries(
    Object.entries(before ?? {}).filter(([name]) => !kServers.includes(name)),
  ) as Partial<PolicyRequest>;
  delete kept.dashboard_role;
  delete kept.session_duration;
  delete kept.purpose_justification_prompt;
  const isAllow = draft.decision === 'allow';
  return {
    ...kept,
    name: draft.name.trim(),
    decision: draft.decision,
    include: toRules(draft.include),
    require: toRules(draft.require),
    exclude: toRules(draft.exclude),
    purpose_justification_required: isAllow && draft.purpose_justification_required,
    ...(isAllow && isDashboard ? { dashboard_role: draft.dashboard_role } : {}),
    ...(draft.session_duration ? { session_duration: draft.session_duration } : {}),
    ...(isAllow && draft.purpose_justification_prompt.trim()
      ? { purpose_justification_prompt: draft.purpose_justification_prompt.trim() }
      : {}),
  };
}

// What an administrator should know before saving; nothing is refused for it.
export function warningOf(draft: PolicyDraft): string | undefined {
  const includes = (kind: string) => draft.include.some((entry) => entry.kind === kind);
  if (draft.decision === 'bypass' && includes('everyone') && draft.require.length === 0)
    return 'This policy lets every request through, without a sign-in and without a check.';
  if (draft.decision === 'allow' && includes('everyone') && draft.require.length === 0)
    return 'This policy lets in everybody who can sign in with one of the login methods.';
  return undefined;
}

// A list with one of its members moved.
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  const [one] = next.splice(from, 1);
  if (one !== undefined) next.splice(Math.max(0, Math.min(to, next.length)), 0, one);
  return next;
}
