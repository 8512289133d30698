// A new application on one page: where it is, where its requests go, who gets in.
import { useRef } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useForm } from '../../parts/form';
import { DurationField, TextField } from '../../parts/fields';
import { FormBody } from '../../parts/form_page';
import { Switch } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { durationProblem } from '../../parts/duration_value.ts';
import { useSay } from '../../parts/say';
import { toRead } from '../../parts/resource';
import { useIngress } from '../ingress/ingress';
import { checkOrigin, toIngressRule, toOriginDraft } from '../ingress/origin_fields';
import { useSaveWithRoute } from '../ingress/route';
import { checkHost, joinDomain, ruleFor, type Rules } from '../ingress/rules.ts';
import { newPolicy, toPolicyRequest, type PolicyDraft } from '../policies/policy.ts';
import { checkPolicy, PolicyBasics } from '../policies/policy_fields';
import { useMadeRules } from '../rules/choices';
import { checkPath } from './application.ts';
import { kApplications } from './applications';
import { HostFields, kDomainFields, RouteFields, type DomainDraft } from './domain_fields';
import {
  checkLogin,
  LoginMethods,
  toAllowed,
  toLoginDraft,
  type LoginDraft,
} from './login_methods';

interface Draft extends DomainDraft, LoginDraft {
  name: string;
  session_duration: string;
  hasPolicy: boolean;
  // One: named as the API names it, so that its errors find their place.
  policies: PolicyDraft[];
}

const firstOf = (draft: Draft) => draft.policies[0] as PolicyDraft;

// Where requests for the host go already needs no rule of its own.
const needsRoute = (draft: Draft, rules: Rules | undefined) =>
  draft.hasRoute || !ruleFor(rules ?? [], draft.host.trim());

export function NewApplication() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const say = useSay();
  const mayWrite = useMayWrite();
  const made = useMadeRules();
  const saveWithRoute = useSaveWithRoute();
  const ingress = useIngress();
  const newId = useRef('');
  const form = useForm<Draft>({
    initial: {
      name: '',
      host: '',
      path: '',
      hasRoute: false,
      ...toOriginDraft(),
      session_duration: '24h',
      hasPolicy: true,
      policies: [newPolicy('Team')],
      ...toLoginDraft([]),
    },
    check: (draft) => ({
      name: draft.name.trim() ? undefined : 'Give it a name',
      host: checkHost(draft.host),
      path: checkPath(draft.path),
      ...(needsRoute(draft, ingress.data?.value) ? checkOrigin(draft) : {}),
      session_duration: durationProblem(draft.session_duration),
      ...(draft.hasPolicy ? checkPolicy(firstOf(draft), 'policies.0.') : {}),
      ...checkLogin(draft),
    }),
    save: async (draft) => {
      const host = draft.host.trim().toLowerCase();
      const rule = needsRoute(draft, ingress.data?.value) ? toIngressRule(host, draft) : undefined;
      const policies = draft.hasPolicy
        ? [toPolicyRequest(await made(firstOf(draft)))]
        : [];
      const { value } = await saveWithRoute(rule, () =>
        toRead(
          client.POST(kApplications, {
            params: { path: at() },
            body: {
              name: draft.name.trim(),
              type: 'self_hosted',
              domain: joinDomain(host, draft.path),
              session_duration: draft.session_duration,
              allowed_idps: toAllowed(draft),
              policies,
            },
          }),
        ),
      );
      await queries.invalidateQueries({ queryKey: ['get', kApplications] });
      newId.current = value.id;
    },
  });
  const { values, errors, change, set } = form;
  return (
    <Page
      title="Add an application"
      description="A web application, reachable through this gateway only by whom its policies let in."
      crumbs={[{ label: 'Applications', href: '/access/applications' }]}
    >
      <FormBody
        form={form}
        shown={['name', ...kDomainFields, 'policies', 'allowed_idps', 'session_duration']}
        submitLabel="Add the application"
        mayWrite={mayWrite}
        cancel={() => void navigate({ to: '/access/applications' })}
        onSaved={() => {
          say.done(`Added: ${values.name}`, 'It is protected from the next request on.');
          void navigate({ to: `/access/applications/${newId.current}` });
        }}
      >
        <Section title="Application">
          <TextField
            form={form}
            path="name"
            label="Application name"
            placeholder="Wiki"
            description="As people know it."
          />
          <HostFields form={form} />
        </Section>
        <Section title="Where its requests go">
          <RouteFields form={form} />
        </Section>
        <Section
          title="Who gets in"
          description="The first policy; more can be added afterwards. Whom no policy lets in stays out."
        >
          <Switch
            label="Let people in right away"
            checked={values.hasPolicy}
            onCheckedChange={(on) => set('hasPolicy', on)}
          />
          {values.hasPolicy && (
            <PolicyBasics
              draft={firstOf(values)}
              onChange={(part) => change({ policies: [{ ...firstOf(values), ...part }] })}
              errors={errors}
              prefix="policies.0."
            />
          )}
        </Section>
        <Section title="How they sign in">
          <LoginMethods value={values} onChange={change} error={errors.allowed_idps} />
        </Section>
        <Section title="Session">
          <DurationField
            form={form}
            path="session_duration"
            label="Session duration"
            description="How long until people sign in again."
          />
        </Section>
      </FormBody>
    </Page>
  );
}
