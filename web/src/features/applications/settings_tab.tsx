// Name and domains.
import { TextField } from '../../parts/fields';
import { errorOf } from '../../parts/field_errors.ts';
import { ClipboardText } from '../../parts/kumo';
import { Tags } from '../../parts/tags';
import { Section } from '../../parts/page';
import { EditFormBody } from '../named_forms';
import { useIngress } from '../ingress/ingress';
import { checkOrigin, toIngressRule, toOriginDraft } from '../ingress/origin_fields';
import { useSaveWithRoute } from '../ingress/route';
import { checkHost, joinDomain, ruleFor, splitDomain } from '../ingress/rules.ts';
import {
  checkDomains,
  checkPath,
  domainMembers,
  domainsOf,
  normalDomain,
  type Application,
} from './application.ts';
import { HostFields, kDomainFields, RouteFields, type DomainDraft } from './domain_fields';
import { useApplicationForm, type TabProperties } from './edit_application';

interface Draft extends DomainDraft {
  name: string;
  more: string[];
}

const toValues = (application: Application): Draft => {
  const [first = '', ...more] = domainsOf(application);
  return {
    name: application.name ?? '',
    ...splitDomain(first),
    more,
    hasRoute: false,
    ...toOriginDraft(),
  };
};

export function SettingsTab(properties: TabProperties) {
  const { type, id, aud } = properties.read.value;
  return (
    <div className="flex flex-col gap-8">
      {type === 'bookmark' ? <Bookmark {...properties} /> : <Domains {...properties} />}
      <Section title="For programs">
        <Copied label="Application id" text={id} />
        {type !== 'bookmark' && <Copied label="Audience (aud) of its tokens" text={aud} />}
      </Section>
    </div>
  );
}

function Copied({ label, text }: { label: string; text: string }) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <span className="text-sm font-medium">{label}</span>
      <ClipboardText text={text} className="max-w-full" />
    </div>
  );
}

function Domains({ read, reload }: TabProperties) {
  const ingress = useIngress();
  const saveWithRoute = useSaveWithRoute();
  const isRouted = read.value.type === 'self_hosted';
  const rules = ingress.data?.value ?? [];
  const needsRoute = (draft: Draft) =>
    isRouted && (draft.hasRoute || !ruleFor(rules, draft.host.trim()));
  const edit = useApplicationForm<Draft>({
    read,
    reload,
    toValues,
    check: (draft) => ({
      name: draft.name.trim() ? undefined : 'Give it a name',
      host: checkHost(draft.host),
      path: checkPath(draft.path),
      more: checkDomains(draft.more),
      ...(ingress.data && needsRoute(draft) ? checkOrigin(draft) : {}),
    }),
    toChange: (draft, application) => ({
      name: draft.name.trim(),
      ...domainMembers(application, [
        joinDomain(draft.host, draft.path),
        ...draft.more.map(normalDomain),
      ]),
    }),
    around: (draft, save) =>
      saveWithRoute(
        ingress.data && needsRoute(draft)
          ? toIngressRule(draft.host.trim().toLowerCase(), draft)
          : undefined,
        save,
      ),
  });
  const { form } = edit;
  const isElsewhere = form.values.host.trim() !== splitDomain(read.value.domain ?? '').host;
  return (
    <EditFormBody
      edit={edit}
      shown={['name', ...kDomainFields, 'more', 'self_hosted_domains', 'destinations']}
    >
      <TextField form={form} path="name" label="Application name" />
      <HostFields form={form} />
      {isRouted && isElsewhere && ingress.data && (
        <Section title="Where requests for the new host go">
          <RouteFields form={form} />
        </Section>
      )}
      <Tags
        label="Further domains (optional)"
        description="The same application under other names. Their hosts need an origin as well."
        placeholder="old.team.com/wiki"
        value={form.values.more}
        onValueChange={(more: string[]) => form.set('more', more)}
        error={
          errorOf(form.errors, 'more') ??
          errorOf(form.errors, 'self_hosted_domains') ??
          errorOf(form.errors, 'destinations')
        }
      />
    </EditFormBody>
  );
}

// A link only; nothing is decided for it.
function Bookmark({ read, reload }: TabProperties) {
  const edit = useApplicationForm({
    read,
    reload,
    toValues: ({ name, domain }) => ({ name: name ?? '', domain: domain ?? '' }),
    check: ({ name }) => ({ name: name.trim() ? undefined : 'Give it a name' }),
    toChange: ({ name, domain }) => ({ name: name.trim(), domain: domain.trim() || null }),
  });
  return (
    <EditFormBody edit={edit} shown={['name', 'domain']}>
      <TextField form={edit.form} path="name" label="Name" />
      <TextField form={edit.form} path="domain" label="Address" />
    </EditFormBody>
  );
}
