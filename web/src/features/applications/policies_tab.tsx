// Who gets in: the policies in their order, which is changed by dragging or by keyboard.
import { useState } from 'react';
import {
  ArrowDownIcon,
  ArrowUpIcon,
  DotsSixVerticalIcon,
  PlusIcon,
  ShieldCheckIcon,
} from '@phosphor-icons/react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { $api, ApiError, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { toHref } from '../../parts/address.ts';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { Badge, Button, Dialog, Empty, LayerCard, Link, LinkButton } from '../../parts/kumo';
import { Remove } from '../../parts/remove';
import { Section } from '../../parts/page';
import { useSay } from '../../parts/say';
import { ChoicePicker } from '../rules/choice_picker';
import { RulesWords } from '../rules/rules_words';
import { actionLabel, moved } from '../policies/policy.ts';
import { actionVariant } from '../policies/policies';
import { nameOf, toPolicies } from './application.ts';
import { kApplications } from './applications';
import { applicationKey, useApplicationForm, type TabProperties } from './edit_application';

type Policy = Schemas['Policy'];
const kPolicies = `${kApplications}/{app_id}/policies` as const;

export function useRefreshApplication(id: string) {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: applicationKey(id) });
    void queries.invalidateQueries({ queryKey: ['get', kApplications] });
  };
}

export function PoliciesTab(properties: TabProperties) {
  const { id, policies = [], type } = properties.read.value;
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const { add } = useSearch({ strict: false }) as { add?: string };
  const here = `/access/applications/${id}/policies`;
  const test = policies.length > 0 && (
    <LinkButton href={toHref('/access/tester', { app: nameOf(properties.read.value) })}>
      Try them out
    </LinkButton>
  );
  const actions = mayWrite && (
    <div className="flex flex-wrap gap-2">
      {test}
      <LinkButton
        variant="secondary"
        href={`${here}?add=reusable`}
        onClick={(event) => {
          event.preventDefault();
          void navigate({ to: here, search: { add: 'reusable' } as never });
        }}
      >
        Add reusable policies
      </LinkButton>
      <LinkButton variant="primary" icon={PlusIcon} href={`${here}/new`}>
        Add a policy
      </LinkButton>
    </div>
  );
  return (
    <Section
      title="Policies"
      description="Bypass and Service Auth come first, then Allow and Block in this order; the first that matches decides. Whom none matches stays out."
      actions={actions || test}
    >
      {policies.length === 0 ? (
        <LayerCard>
          <Empty
            icon={<ShieldCheckIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title={type === 'dash_sso' ? 'Nobody gets into the dashboard' : 'Nobody gets in'}
            description="Add a policy that says who may open this application."
          />
        </LayerCard>
      ) : (
        // Anew when policies come and go; an order that is being made is kept otherwise.
        <Order key={policies.map((policy) => policy.id).sort().join()} {...properties} />
      )}
      {add === 'reusable' && (
        <AddReusable
          application={id}
          used={policies.map((policy) => policy.id)}
          onClose={() => void navigate({ to: here })}
        />
      )}
    </Section>
  );
}

function Order({ read, reload }: TabProperties) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const [dragged, setDragged] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const application = read.value;
  const edit = useApplicationForm({
    read,
    reload,
    toValues: ({ policies = [] }) => ({ order: policies.map(({ id }) => id) }),
    toChange: ({ order }, { policies = [] }) => ({
      policies: toPolicies(
        order
          .map((id) => policies.find((policy) => policy.id === id))
          .filter((policy): policy is Policy => policy !== undefined),
      ),
    }),
  });
  const { form } = edit;
  const { order } = form.values;
  const byId = new Map((application.policies ?? []).map((policy) => [policy.id, policy]));
  const move = (id: string, to: number) => {
    const from = order.indexOf(id);
    if (from < 0 || to < 0 || to >= order.length || from === to) return;
    form.set('order', moved(order, from, to));
    setSaid(`${byId.get(id)?.name ?? id} is now ${to + 1} of ${order.length}`);
  };
  const list = (
    <ol className="m-0 flex list-none flex-col gap-2 p-0" aria-label="Policies in order">
      {order.map((id, index) => {
        const policy = byId.get(id);
        if (!policy) return null;
        return (
          <li
            key={id}
            draggable={mayWrite}
            onDragStart={(event) => {
              event.dataTransfer.effectAllowed = 'move';
              event.dataTransfer.setData('text/plain', policy.name);
              setDragged(id);
            }}
            onDragEnd={() => setDragged(null)}
            onDragOver={(event) => {
              if (dragged === null) return;
              event.preventDefault();
              move(dragged, index);
            }}
            onDrop={(event) => event.preventDefault()}
            className={`flex items-start gap-2 rounded-lg border bg-kumo-base p-3 ${
              dragged === id ? 'border-kumo-brand opacity-70' : 'border-kumo-hairline'
            }`}
          >
            {mayWrite && (
              <DotsSixVerticalIcon
                size={20}
                aria-hidden
                className="mt-1 hidden shrink-0 cursor-grab text-kumo-subtle md:block"
              />
            )}
            <span className="mt-0.5 w-5 shrink-0 text-kumo-subtle">{index + 1}</span>
            <PolicyRow application={application.id} policy={policy} />
            {mayWrite && (
              <div className="flex shrink-0 flex-wrap justify-end">
                <Button
                  type="button"
                  variant="ghost"
                  shape="square"
                  size="sm"
                  icon={ArrowUpIcon}
                  aria-label={`Move ${policy.name} up`}
                  // Not `disabled`: the keyboard's place would be lost at the ends.
                  aria-disabled={index === 0}
                  onClick={() => move(id, index - 1)}
                />
                <Button
                  type="button"
                  variant="ghost"
                  shape="square"
                  size="sm"
                  icon={ArrowDownIcon}
                  aria-label={`Move ${policy.name} down`}
                  aria-disabled={index === order.length - 1}
                  onClick={() => move(id, index + 1)}
                />
                <RemoveFromApplication application={application.id} policy={policy} />
              </div>
            )}
          </li>
        );
      })}
    </ol>
  );
  return (
    <>
      <p role="status" className="sr-only">
        {said}
      </p>
      <FormBody
        form={form}
        shown={['order']}
        submitLabel="Save the order"
        quiet
        wide
        mayWrite={mayWrite}
        reload={edit.reload}
        {...(form.isDirty
          ? {
              cancel: () =>
                form.reset({ order: (application.policies ?? []).map((policy) => policy.id) }),
            }
          : {})}
        onSaved={() => say.done('Saved: the order of the policies')}
      >
        {list}
      </FormBody>
    </>
  );
}

function PolicyRow({ application, policy }: { application: string; policy: Policy }) {
  const href = policy.reusable
    ? `/access/policies/${policy.id}`
    : `/access/applications/${application}/policies/${policy.id}`;
  return (
    <div className="flex min-w-0 flex-1 flex-col gap-1">
      <div className="flex flex-wrap items-center gap-2">
        <Link href={href}>{policy.name}</Link>
        <Badge variant={actionVariant(policy.decision)}>{actionLabel(policy.decision)}</Badge>
        {policy.reusable && <Badge variant="outline">reusable</Badge>}
        {policy.dashboard_role && (
          <Badge variant="neutral">{policy.dashboard_role.replace('_', ' ')}</Badge>
        )}
      </div>
      <RulesWords rules={policy} />
    </div>
  );
}

function RemoveFromApplication({
  application,
  policy,
}: {
  application: string;
  policy: Policy;
}) {
  const refresh = useRefreshApplication(application);
  return (
    <Remove
      icon
      what="policy"
      label={policy.reusable ? 'Take out' : 'Delete'}
      name={policy.name}
      consequence={
        policy.reusable
          ? 'The reusable policy stays; this application no longer uses it. It counts from the next request on.'
          : policy.decision === 'deny'
            ? 'Whom only this policy kept out may get in by another one, from the next request on.'
            : 'Whom only this policy lets in is refused from the next request on.'
      }
      remove={async () => {
        await client.DELETE(`${kPolicies}/{policy_id}`, {
          params: { path: at({ app_id: application, policy_id: policy.id }) },
        });
        await refresh();
      }}
    />
  );
}

function AddReusable({
  application,
  used,
  onClose,
}: {
  application: string;
  used: string[];
  onClose: () => void;
}) {
  const say = useSay();
  const refresh = useRefreshApplication(application);
  const all = $api.useQuery('get', '/accounts/{account_id}/access/policies', {
    params: { path: at(), query: { per_page: 1000 } },
  });
  const left = all.data?.result?.filter(({ id }) => !used.includes(id));
  const form = useForm<{ policies: string[] }>({
    initial: { policies: [] },
    check: ({ policies }) => ({
      policies: policies.length > 0 ? undefined : 'Choose at least one',
    }),
    save: async ({ policies }) => {
      try {
        for (const id of policies)
          await client.POST(kPolicies, {
            params: { path: at({ app_id: application }) },
            body: { id },
          });
      } catch (error) {
        if (error instanceof ApiError) await refresh();
        throw error;
      }
      await refresh();
    },
  });
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex flex-col gap-4 p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">Add reusable policies</Dialog.Title>
        {left?.length === 0 ? (
          <>
            <p className="m-0">
              There is none that this application does not use yet.{' '}
              <Link href="/access/policies/new">Make a reusable policy</Link>
            </p>
            <div>
              <Button onClick={onClose}>Close</Button>
            </div>
          </>
        ) : (
          <FormBody
            form={form}
            shown={['policies']}
            submitLabel="Add"
            cancel={onClose}
            guard={false}
            onSaved={() => {
              say.done('Added: they count from the next request on');
              onClose();
            }}
          >
            <ChoicePicker
              label="Policies"
              choices={left?.map(({ id, name, decision }) => ({
                value: id,
                label: name,
                note: actionLabel(decision),
              }))}
              values={form.values.policies}
              onChange={(policies) => form.set('policies', policies)}
              error={form.errors.policies}
            />
          </FormBody>
        )}
      </Dialog>
    </Dialog.Root>
  );
}
