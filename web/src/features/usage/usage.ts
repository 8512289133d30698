// Who names what: applications, policies and groups that stop working when something is taken away.
import { useQuery } from '@tanstack/react-query';
import { at, client, type Schemas } from '../../api/client';
import { usersOf, type Used, type User } from './users_of.ts';

const kPerPage = 1000;
interface Page<T> {
  data?: { result?: T[]; result_info?: { total_pages?: number } };
}

async function all<T>(ask: (page: number) => Promise<Page<T>>): Promise<T[]> {
  const found: T[] = [];
  for (let page = 1; ; page++) {
    const { data } = await ask(page);
    found.push(...(data?.result ?? []));
    if (page >= (data?.result_info?.total_pages ?? 1)) return found;
  }
}
const query = (page: number) => ({ path: at(), query: { page, per_page: kPerPage } });

async function readAll() {
  const [applications, policies, groups] = await Promise.all([
    all<Schemas['Application']>((page) =>
      client.GET('/accounts/{account_id}/access/apps', { params: query(page) }),
    ),
    all<Schemas['Policy']>((page) =>
      client.GET('/accounts/{account_id}/access/policies', { params: query(page) }),
    ),
    all<Schemas['Group']>((page) =>
      client.GET('/accounts/{account_id}/access/groups', { params: query(page) }),
    ),
  ]);
  return { applications, policies, groups };
}

// Reads everything: ask only where somebody looks at the answer.
export function useUsers(used: Used, id: string, isAsked = true) {
  const everything = useQuery({
    queryKey: ['everything that names something'],
    queryFn: readAll,
    enabled: isAsked,
  });
  const users: User[] | undefined = everything.data && usersOf(used, id, everything.data);
  return { users, error: everything.error };
}
