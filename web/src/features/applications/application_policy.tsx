// A policy of one application: new, or edited.
import { useNavigate, useParams } from '@tanstack/react-router';
import { at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Banner, Button, LinkButton } from '../../parts/kumo';
import { Page } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { useSay } from '../../parts/say';
import {
  newPolicy,
  toDraft,
  toPolicyRequest,
  type Policy,
  type PolicyDraft,
} from '../policies/policy.ts';
import { checkPolicy, kPolicyFields, PolicyFields } from '../policies/policy_fields';
import { useMadeRules } from '../rules/choices';
import { nameOf, type Application } from './application.ts';
import { useApplication } from './application_page';
import { kApplications } from './applications';
import { useRefreshApplication } from './policies_tab';

const kPolicies = `${kApplications}/{app_id}/policies` as const;

const crumbsOf = (application?: Application) => [
  { label: 'Applications', href: '/access/applications' },
  ...(application
    ? [
        {
          label: nameOf(application),
          href: `/access/applications/${application.id}/policies`,
        },
      ]
    : []),
];
const useIds = () => {
  const { id = '', policy = '' } = useParams({ strict: false }) as { id?: string; policy?: string };
  return { id, policy };
};

export function NewApplicationPolicy() {
  const { id } = useIds();
  const application = useApplication(id);
  if (!application.data)
    return (
      <Page title="New policy" crumbs={crumbsOf()}>
        <Pending query={application} />
      </Page>
    );
  return <New application={application.data.value} />;
}

function New({ application }: { application: Application }) {
  const navigate = useNavigate();
  const say = useSay();
  const made = useMadeRules();
  const mayWrite = useMayWrite();
  const refresh = useRefreshApplication(application.id);
  const isDashboard = application.type === 'dash_sso';
  const form = useForm({
    initial: newPolicy(),
    check: checkPolicy,
    save: async (draft) => {
      await client.POST(kPolicies, {
        params: { path: at({ app_id: application.id }) },
        body: toPolicyRequest(await made(draft), undefined, isDashboard),
      });
      await refresh();
    },
  });
  const leave = () => void navigate({ to: `/access/applications/${application.id}/policies` });
  return (
    <Page
      title="New policy"
      description={`Who gets into ${nameOf(application)}. It stands last; the order can be changed afterwards.`}
      crumbs={crumbsOf(application)}
    >
      <FormBody
        form={form}
        shown={kPolicyFields}
        mayWrite={mayWrite}
        cancel={leave}
        onSaved={() => {
          say.done(`Saved: ${form.values.name}`, 'It counts from the next request on.');
          leave();
        }}
      >
        <PolicyFields form={form} isDashboard={isDashboard} />
      </FormBody>
    </Page>
  );
}

export function ApplicationPolicy() {
  const { id, policy: policyId } = useIds();
  const application = useApplication(id);
  const policy = useResource(['application', id, 'policy', policyId], () =>
    client.GET(`${kPolicies}/{policy_id}`, {
      params: { path: at({ app_id: id, policy_id: policyId }) },
    }),
  );
  if (!application.data || !policy.data)
    return (
      <Page title="Policy" crumbs={crumbsOf(application.data?.value)}>
        <Pending query={application.data ? policy : application} />
      </Page>
    );
  if (policy.data.value.reusable)
    return (
      <Page title={policy.data.value.name} crumbs={crumbsOf(application.data.value)}>
        <Banner
          title="This is a reusable policy"
          description="A change reaches every application that uses it."
          action={<LinkButton href={`/access/policies/${policyId}`}>Edit it there</LinkButton>}
        />
      </Page>
    );
  return (
    <Edit
      key={policyId}
      application={application.data.value}
      read={policy.data}
      reload={async () => (await policy.refetch({ throwOnError: true })).data as Read<Policy>}
    />
  );
}

function Edit({
  application,
  read,
  reload,
}: {
  application: Application;
  read: Read<Policy>;
  reload: () => Promise<Read<Policy>>;
}) {
  const navigate = useNavigate();
  const say = useSay();
  const made = useMadeRules();
  const mayWrite = useMayWrite();
  const refresh = useRefreshApplication(application.id);
  const isDashboard = application.type === 'dash_sso';
  const path = at({ app_id: application.id, policy_id: read.value.id });
  const edit = useEdit<Policy, PolicyDraft>({
    read,
    reload,
    toValues: toDraft,
    check: checkPolicy,
    save: async (draft, base) => {
      const saved = await toRead(
        client.PUT(`${kPolicies}/{policy_id}`, {
          params: { path, header: ifMatch(base.etag) },
          body: {
            ...toPolicyRequest(await made(draft), base.value, isDashboard),
            precedence: base.value.precedence,
          },
        }),
      );
      await refresh();
      return saved;
    },
  });
  const makeReusable = async () => {
    try {
      await client.PUT(`${kPolicies}/{policy_id}/make_reusable`, { params: { path } });
      await refresh();
      say.done(`Reusable now: ${read.value.name}`, 'Other applications can use it as well.');
      void navigate({ to: `/access/policies/${read.value.id}` });
    } catch (error) {
      say.failed('It was not made reusable', error);
    }
  };
  const leave = () => void navigate({ to: `/access/applications/${application.id}/policies` });
  return (
    <Page
      title={read.value.name}
      description={`A policy of ${nameOf(application)}. A change counts from the next request on.`}
      crumbs={crumbsOf(application)}
      actions={
        mayWrite && (
          <Button disabled={edit.form.isDirty} onClick={() => void makeReusable()}>
            Make it reusable
          </Button>
        )
      }
    >
      <FormBody
        form={edit.form}
        shown={kPolicyFields}
        mayWrite={mayWrite}
        reload={edit.reload}
        cancel={leave}
        onSaved={() => {
          say.done(`Saved: ${edit.form.values.name}`, 'It counts from the next request on.');
          leave();
        }}
      >
        <PolicyFields form={edit.form} isDashboard={isDashboard} />
      </FormBody>
    </Page>
  );
}
