// One reusable policy, or a new one.
import { useNavigate, useParams } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Page, Section } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import { useMakeChecks } from '../rules/choices';
import { UsedBy } from '../usage/used_by';
import { newPolicy, toDraft, toPolicyRequest, type Policy, type PolicyDraft } from './policy.ts';
import { checkPolicy, kPolicyFields, PolicyFields } from './policy_fields';
import { RemovePolicy } from './policies';

const kPath = '/accounts/{account_id}/access/policies' as const;
const kCrumbs = [{ label: 'Policies', href: '/access/policies' }];

export function useMadeRules() {
  const make = useMakeChecks();
  return async <T extends Pick<PolicyDraft, 'include' | 'require' | 'exclude'>>(draft: T) => ({
    ...draft,
    include: await make(draft.include),
    require: await make(draft.require),
    exclude: await make(draft.exclude),
  });
}

export function NewPolicy() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const say = useSay();
  const made = useMadeRules();
  const mayWrite = useMayWrite();
  const form = useForm({
    initial: newPolicy(),
    check: checkPolicy,
    save: async (draft) => {
      await client.POST(kPath, {
        params: { path: at() },
        body: toPolicyRequest(await made(draft)),
      });
      await queries.invalidateQueries({ queryKey: ['get', kPath] });
    },
  });
  const leave = () => void navigate({ to: '/access/policies' });
  return (
    <Page
      title="New policy"
      description="It has an effect once an application uses it."
      crumbs={kCrumbs}
    >
      <FormBody
        form={form}
        shown={kPolicyFields}
        mayWrite={mayWrite}
        cancel={leave}
        onSaved={() => {
          say.done(`Saved: ${form.values.name}`);
          leave();
        }}
      >
        <PolicyFields form={form} />
      </FormBody>
    </Page>
  );
}

export function PolicyPage() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const policy = useResource(['policy', id], () =>
    client.GET(`${kPath}/{policy_id}`, { params: { path: at({ policy_id: id }) } }),
  );
  if (!policy.data)
    return (
      <Page title="Policy" crumbs={kCrumbs}>
        <Pending query={policy} />
      </Page>
    );
  return (
    <Edit
      key={id}
      read={policy.data}
      reload={async () => (await policy.refetch({ throwOnError: true })).data as Read<Policy>}
    />
  );
}

function Edit({ read, reload }: { read: Read<Policy>; reload: () => Promise<Read<Policy>> }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const say = useSay();
  const made = useMadeRules();
  const mayWrite = useMayWrite();
  const { id, name } = read.value;
  const edit = useEdit<Policy, PolicyDraft>({
    read,
    reload,
    toValues: toDraft,
    check: checkPolicy,
    save: async (draft, base) => {
      const answer = await client.PUT(`${kPath}/{policy_id}`, {
        params: { path: at({ policy_id: id }), header: ifMatch(base.etag) },
        body: toPolicyRequest(await made(draft), base.value),
      });
      await queries.invalidateQueries({ queryKey: ['get', kPath] });
      return toRead(Promise.resolve(answer));
    },
  });
  return (
    <Page
      title={name}
      description="A reusable policy: a change reaches every application that uses it, with its next request."
      crumbs={kCrumbs}
      actions={
        mayWrite && (
          <RemovePolicy
            policy={read.value}
            onRemoved={() => void navigate({ to: '/access/policies' })}
          />
        )
      }
    >
      <FormBody
        form={edit.form}
        shown={kPolicyFields}
        mayWrite={mayWrite}
        reload={edit.reload}
        onSaved={() => say.done(`Saved: ${edit.form.values.name}`)}
      >
        <PolicyFields form={edit.form} isDashboard={read.value.dashboard_role !== undefined} />
      </FormBody>
      <Section title="Used by">
        <UsedBy used="policy" id={id} nobody="No application uses it yet." />
      </Section>
    </Page>
  );
}
