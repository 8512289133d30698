// The things that a rule can name, as choices: asked for when a rule of their kind is there.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { $api, at, client, type Schemas } from '../../api/client';
import { kCountries } from './countries.ts';
import { selectorOf, type ChoiceKind, type Entry, type NameOf } from './selectors.ts';

export interface Choice {
  value: string;
  label: string;
  // What tells two of one name apart.
  note?: string;
}
const kMost = 1000;
const kPosturePath = '/accounts/{account_id}/devices/posture' as const;
const kNewCheck = 'new:';

const named = (list: readonly { id: string; name: string }[] | undefined): Choice[] =>
  (list ?? []).map(({ id, name }) => ({ value: id, label: name }));

type Integration = Schemas['PostureIntegration'];
const connectionOf = (rule: Schemas['PostureRule']) =>
  (rule.input as { connection_id?: string } | undefined)?.connection_id;

// Checks; and providers that have none yet, whose check is made when the rules are saved.
function postureChoices(
  rules: readonly Schemas['PostureRule'][],
  integrations: readonly Integration[],
): Choice[] {
  const nameOf = new Map(integrations.map(({ id, name }) => [id, name]));
  const isChecked = new Set(rules.map(connectionOf));
  return [
    ...rules.map((rule) => {
      const provider = nameOf.get(connectionOf(rule) ?? '');
      return {
        value: rule.id,
        label: rule.name,
        ...(provider && provider !== rule.name ? { note: provider } : {}),
      };
    }),
    ...integrations
      .filter(({ id, type }) => type === 'tanium' && !isChecked.has(id))
      .map(({ id, name }) => ({
        value: `${kNewCheck}${id}`,
        label: name,
        note: 'managed, seen within 7 days',
      })),
  ];
}

// Undefined while they are read.
export function useChoices(kind: ChoiceKind, isAsked = true): Choice[] | undefined {
  const path = { params: { path: at() } };
  const paged = { params: { path: at(), query: { per_page: kMost } } };
  const asked = (...kinds: ChoiceKind[]) => ({ enabled: isAsked && kinds.includes(kind) });
  const groups = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/groups',
    paged,
    asked('group'),
  );
  const methods = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/identity_providers',
    paged,
    asked('login_method'),
  );
  const tokens = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/service_tokens',
    paged,
    asked('service_token'),
  );
  const lists = $api.useQuery(
    'get',
    '/accounts/{account_id}/gateway/lists',
    path,
    asked('email_list', 'ip_list'),
  );
  const rules = $api.useQuery('get', kPosturePath, path, asked('posture'));
  const integrations = $api.useQuery(
    'get',
    `${kPosturePath}/integration`,
    path,
    asked('posture'),
  );
  switch (kind) {
    case 'country':
      return kCountries;
    case 'group':
      return groups.data && named(groups.data.result);
    case 'login_method':
      return methods.data && named(methods.data.result);
    case 'service_token':
      return tokens.data && named(tokens.data.result);
    case 'email_list':
    case 'ip_list': {
      const type = kind === 'email_list' ? 'EMAIL' : 'IP';
      return lists.data && named(lists.data.result?.filter((list) => list.type === type));
    }
    case 'posture':
      return (
        rules.data &&
        integrations.data &&
        postureChoices(rules.data.result ?? [], integrations.data.result ?? [])
      );
  }
}

// Names of what rules name; the id where it is not known (yet).
export function useNameOf(kinds: Set<ChoiceKind>): NameOf {
  const known: Record<ChoiceKind, Choice[] | undefined> = {
    country: kCountries,
    group: useChoices('group', kinds.has('group')),
    email_list: useChoices('email_list', kinds.has('email_list')),
    ip_list: useChoices('ip_list', kinds.has('ip_list')),
    login_method: useChoices('login_method', kinds.has('login_method')),
    service_token: useChoices('service_token', kinds.has('service_token')),
    posture: useChoices('posture', kinds.has('posture')),
  };
  return (kind, value) => known[kind]?.find((choice) => choice.value === value)?.label ?? value;
}

// Identity providers with their type, for rules about what one of them says.
export function useProviders(isAsked: boolean) {
  const query = useQuery({
    queryKey: ['providers of rules'],
    queryFn: async () =>
      (
        await client.GET('/accounts/{account_id}/access/identity_providers', {
          params: { path: at(), query: { per_page: kMost } },
        })
      ).data?.result ?? [],
    enabled: isAsked,
  });
  return query.data;
}

// Before rules are sent: makes the checks that were chosen by their provider's name.
function useMakeChecks() {
  const queries = useQueryClient();
  return async (entries: readonly Entry[]): Promise<Entry[]> => {
    const made = new Map<string, string>();
    const wanted = entries
      .filter(({ kind, kept }) => !kept && selectorOf(kind)?.kind === 'device_posture')
      .flatMap(({ values }) => values)
      .filter((value) => value.startsWith(kNewCheck));
    for (const value of new Set(wanted)) {
      const connection = value.slice(kNewCheck.length);
      // Made already, by an attempt whose rules were refused afterwards.
      const rules = await client.GET(kPosturePath, { params: { path: at() } });
      const known = rules.data?.result?.find((rule) => connectionOf(rule) === connection);
      if (known) {
        made.set(value, known.id);
        continue;
      }
      const integrations = await client.GET(`${kPosturePath}/integration`, {
        params: { path: at() },
      });
      const name = integrations.data?.result?.find(({ id }) => id === connection)?.name ?? 'Tanium';
      const { data } = await client.POST(kPosturePath, {
        params: { path: at() },
        body: {
          name,
          type: 'tanium',
          input: { connection_id: connection, managed: true, max_checkin_age: '168h' },
          expiration: '1h',
        } as Schemas['PostureRuleRequest'],
      });
      if (data?.result) made.set(value, data.result.id);
    }
    if (made.size > 0) await queries.invalidateQueries({ queryKey: ['get', kPosturePath] });
    return entries.map((entry) => ({
      ...entry,
      values: entry.values.map((value) => made.get(value) ?? value),
    }));
  };
}

// The same for all three lists of a draft.
export function useMadeRules() {
  const make = useMakeChecks();
  return async <T extends Record<'include' | 'require' | 'exclude', Entry[]>>(draft: T) => ({
    ...draft,
    include: await make(draft.include),
    require: await make(draft.require),
    exclude: await make(draft.exclude),
  });
}
