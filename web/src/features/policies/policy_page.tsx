// One reusable policy, or a new one.
import { useNavigate, useParams } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { useForm } from '../../parts/form';
import { Page, Section } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { EditFormBody, NewFormBody } from '../named_forms';
import { useMadeRules } from '../rules/choices';
import { UsedBy } from '../usage/used_by';
import { newPolicy, toDraft, toPolicyRequest, type Policy, type PolicyDraft } from './policy.ts';
import { checkPolicy, kPolicyFields, PolicyFields } from './policy_fields';
import { RemovePolicy } from './policies';

const kPath = '/accounts/{account_id}/access/policies' as const;
const kCrumbs = [{ label: 'Policies', href: '/access/policies' }];

export function NewPolicy() {
  const queries = useQueryClient();
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
  return (
    <Page
      title="New policy"
      description="It has an effect once an application uses it."
      crumbs={kCrumbs}
    >
      <NewFormBody form={form} shown={kPolicyFields} mayWrite={mayWrite} list="/access/policies" said="Saved">
        <PolicyFields form={form} />
      </NewFormBody>
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
      <EditFormBody edit={edit} shown={kPolicyFields}>
        <PolicyFields form={edit.form} isDashboard={read.value.dashboard_role !== undefined} />
      </EditFormBody>
      <Section title="Used by">
        <UsedBy used="policy" id={id} nobody="No application uses it yet." />
      </Section>
    </Page>
  );
}
