// The fields of a policy, wherever one is edited.
import type { Form } from '../../parts/form';
import { errorOf, type FieldErrors } from '../../parts/field_errors.ts';
import { Banner, Input, Switch } from '../../parts/kumo';
import { Choose } from '../../parts/choose';
import { DurationField } from '../../parts/fields';
import { Section } from '../../parts/page';
import { durationProblem } from '../../parts/duration_value.ts';
import { checkRuleLists, RulesEditor } from '../rules/rules_editor';
import { kActions, kRoles, warningOf, type PolicyDraft } from './policy.ts';

export const kPolicyFields = [
  'name',
  'decision',
  'include',
  'require',
  'exclude',
  'dashboard_role',
  'session_duration',
  'purpose_justification_required',
  'purpose_justification_prompt',
] as const;

export function checkPolicy(draft: PolicyDraft, prefix = ''): Record<string, string | undefined> {
  return {
    [`${prefix}name`]: draft.name.trim() ? undefined : 'Give it a name',
    [`${prefix}session_duration`]: durationProblem(draft.session_duration, { optional: true }),
    ...checkRuleLists(draft, prefix),
  };
}

// Name, action, rules: what every policy has.
export function PolicyBasics({
  draft,
  onChange,
  errors,
  prefix = '',
  isDashboard = false,
}: {
  draft: PolicyDraft;
  onChange: (part: Partial<PolicyDraft>) => void;
  errors: FieldErrors;
  prefix?: string;
  // The application is the dashboard: whom the policy lets in has a role there.
  isDashboard?: boolean;
}) {
  const action = kActions.find(({ value }) => value === draft.decision);
  const warning = warningOf(draft);
  return (
    <div className="flex flex-col gap-6">
      <div className="grid items-start gap-4 md:grid-cols-2">
        <Input
          label="Policy name"
          value={draft.name}
          onChange={(event) => onChange({ name: event.target.value })}
          error={errorOf(errors, `${prefix}name`)}
          autoComplete="off"
        />
        <Choose
          label="Action"
          value={draft.decision}
          options={kActions}
          onChange={(decision) => onChange({ decision })}
          description={action?.text}
          error={errorOf(errors, `${prefix}decision`)}
        />
      </div>
      {isDashboard && draft.decision === 'allow' && (
        <Choose
          label="What they may do in the dashboard"
          value={draft.dashboard_role}
          options={kRoles}
          onChange={(dashboard_role) => onChange({ dashboard_role })}
          error={errorOf(errors, `${prefix}dashboard_role`)}
        />
      )}
      {warning && <Banner variant="alert" title="Nearly everybody" description={warning} />}
      <RulesEditor
        lists={draft}
        onChange={(list, entries) => onChange({ [list]: entries })}
        errors={errors}
        prefix={prefix}
      />
    </div>
  );
}

export function PolicyFields({
  form,
  isDashboard = false,
}: {
  form: Form<PolicyDraft>;
  isDashboard?: boolean;
}) {
  const { values, errors, change, set } = form;
  return (
    <>
      <PolicyBasics draft={values} onChange={change} errors={errors} isDashboard={isDashboard} />
      <Section title="Once they are in">
        <DurationField
          form={form}
          path="session_duration"
          label="Session duration"
          description="How long until they sign in again. Left empty, the application says it."
        />
        {values.decision === 'allow' && (
          <>
            <Switch
              label="Ask people why they need the application"
              checked={values.purpose_justification_required}
              onCheckedChange={(on) => set('purpose_justification_required', on)}
            />
            {values.purpose_justification_required && (
              <Input
                label="Question (optional)"
                placeholder="Why do you need access?"
                value={values.purpose_justification_prompt}
                onChange={(event) => set('purpose_justification_prompt', event.target.value)}
                error={errorOf(errors, 'purpose_justification_prompt')}
              />
            )}
          </>
        )}
      </Section>
    </>
  );
}
