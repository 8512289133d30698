// Reads and changes the rules that say where requests go. They are one list: a change is made on what
// is in force, and made again when somebody else was quicker.
import { useQueryClient } from '@tanstack/react-query';
import { ApiError, at, client } from '../../api/client';
import { ifMatch, toRead, useResource } from '../../parts/resource';
import type { Rules } from './rules.ts';

const kPath = '/accounts/{account_id}/gatehouse/ingress' as const;
const kAttempts = 3;
const ask = () => client.GET(kPath, { params: { path: at() } });

export const useIngress = () => useResource(['ingress'], ask);

export function useChangeIngress() {
  const queries = useQueryClient();
  return async (change: (rules: Rules) => Rules): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const { value, etag } = await toRead(ask());
      const next = change(value);
      if (JSON.stringify(next) === JSON.stringify(value)) return;
      try {
        await client.PUT(kPath, { params: { path: at(), header: ifMatch(etag) }, body: next });
        await queries.invalidateQueries({ queryKey: ['resource', 'ingress'] });
        return;
      } catch (error) {
        const isLost = error instanceof ApiError && error.isOutdated;
        if (!isLost || attempt === kAttempts) throw error;
      }
    }
  };
}
