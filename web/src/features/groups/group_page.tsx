// One access group, or a new one.
import { useNavigate, useParams } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { TextField } from '../../parts/fields';
import { useForm, type Form } from '../../parts/form';
import { Page, Section } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { EditFormBody, NewFormBody } from '../named_forms';
import { checkRuleLists, RulesEditor, toRuleLists, type RuleLists } from '../rules/rules_editor';
import { fromRules, newEntry } from '../rules/selectors.ts';
import { useMadeRules } from '../rules/choices';
import { UsedBy } from '../usage/used_by';
import { RemoveGroup } from './groups';

type Group = Schemas['Group'];
interface Draft extends RuleLists {
  name: string;
}
const kPath = '/accounts/{account_id}/access/groups' as const;
const kCrumbs = [{ label: 'Groups', href: '/access/groups' }];
const kShown = ['name', 'include', 'require', 'exclude'] as const;

const check = (draft: Draft): Record<string, string | undefined> => ({
  name: draft.name.trim() ? undefined : 'Give it a name',
  ...checkRuleLists(draft),
});
const toRequest = (draft: Draft, before?: Group): Schemas['GroupRequest'] => ({
  ...(before?.is_default === undefined ? {} : { is_default: before.is_default }),
  name: draft.name.trim(),
  ...toRuleLists(draft),
});

function Fields({ form }: { form: Form<Draft> }) {
  return (
    <>
      <TextField form={form} path="name" label="Group name" placeholder="Staff" />
      <RulesEditor
        lists={form.values}
        onChange={(list, entries) => form.set(list, entries)}
        errors={form.errors}
      />
    </>
  );
}

export function NewGroup() {
  const queries = useQueryClient();
  const made = useMadeRules();
  const mayWrite = useMayWrite();
  const form = useForm<Draft>({
    initial: { name: '', include: [newEntry('email_domain')], require: [], exclude: [] },
    check,
    save: async (draft) => {
      await client.POST(kPath, { params: { path: at() }, body: toRequest(await made(draft)) });
      await queries.invalidateQueries({ queryKey: ['get', kPath] });
    },
  });
  return (
    <Page title="New group" description="Who belongs to it." crumbs={kCrumbs}>
      <NewFormBody form={form} shown={kShown} mayWrite={mayWrite} list="/access/groups" said="Saved">
        <Fields form={form} />
      </NewFormBody>
    </Page>
  );
}

export function GroupPage() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const group = useResource(['group', id], () =>
    client.GET(`${kPath}/{group_id}`, { params: { path: at({ group_id: id }) } }),
  );
  if (!group.data)
    return (
      <Page title="Group" crumbs={kCrumbs}>
        <Pending query={group} />
      </Page>
    );
  return (
    <Edit
      key={id}
      read={group.data}
      reload={async () => (await group.refetch({ throwOnError: true })).data as Read<Group>}
    />
  );
}

function Edit({ read, reload }: { read: Read<Group>; reload: () => Promise<Read<Group>> }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const made = useMadeRules();
  const mayWrite = useMayWrite();
  const { id, name } = read.value;
  const edit = useEdit<Group, Draft>({
    read,
    reload,
    toValues: (group) => ({
      name: group.name,
      include: fromRules(group.include),
      require: fromRules(group.require),
      exclude: fromRules(group.exclude),
    }),
    check,
    save: async (draft, base) => {
      const answer = await client.PUT(`${kPath}/{group_id}`, {
        params: { path: at({ group_id: id }), header: ifMatch(base.etag) },
        body: toRequest(await made(draft), base.value),
      });
      await queries.invalidateQueries({ queryKey: ['get', kPath] });
      return toRead(Promise.resolve(answer));
    },
  });
  return (
    <Page
      title={name}
      description="A change reaches every policy that names this group, with the next request."
      crumbs={kCrumbs}
      actions={
        mayWrite && (
          <RemoveGroup
            group={read.value}
            onRemoved={() => void navigate({ to: '/access/groups' })}
          />
        )
      }
    >
      <EditFormBody edit={edit} shown={kShown}>
        <Fields form={edit.form} />
      </EditFormBody>
      <Section title="Used by">
        <UsedBy used="group" id={id} nobody="No policy and no other group names it yet." />
      </Section>
    </Page>
  );
}
