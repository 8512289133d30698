// The decision log: pages of older lines, and what has come since while somebody looks.
import { useEffect, useRef, useState } from 'react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { at, client, type Schemas } from '../../api/client';
import type { paths } from '../../api/schema';

export const kDecisions = '/accounts/{account_id}/gatehouse/decisions' as const;
export type Decision = Schemas['Decision'];
export type DecisionQuery = NonNullable<paths[typeof kDecisions]['get']['parameters']['query']>;

const kLines = 50;
const kPollMs = 2000;
// What a tail keeps: enough to read, not enough to make the page slow.
const kFreshest = 500;

// `ask`: the filters at this moment; they are the same as long as `key` is.
export function useDecisions(key: string, ask: () => DecisionQuery) {
  return useInfiniteQuery({
    queryKey: ['decisions', key],
    queryFn: async ({ pageParam }) => {
      const { data } = await client.GET(kDecisions, {
        params: { path: at(), query: { ...ask(), limit: kLines, cursor: pageParam } },
      });
      return {
        lines: data?.result ?? [],
        older: data?.result_info?.cursors?.older ?? undefined,
        newer: data?.result_info?.cursors?.newer,
      };
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ older }) => older,
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: false,
  });
}

// Lines since `from`, newest first. Waits while nobody looks at the tab.
export function useTail(
  isLive: boolean,
  key: string,
  from: string | undefined,
  ask: () => DecisionQuery,
) {
  const [fresh, setFresh] = useState<Decision[]>([]);
  const [error, setError] = useState<unknown>();
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => setFresh([]), [key, from]);
  useEffect(() => {
    if (!isLive || from === undefined) return undefined;
    let cursor = from;
    let isOver = false;
    let timer = 0;
    const poll = async () => {
      if (document.visibilityState === 'visible') {
        try {
          const { until: _until, ...query } = asking.current();
          const { data } = await client.GET(kDecisions, {
            params: { path: at(), query: { ...query, limit: kLines, after: cursor } },
          });
          if (isOver) return;
          cursor = data?.result_info?.cursors?.newer ?? cursor;
          const lines = data?.result ?? [];
          if (lines.length > 0) setFresh((before) => [...lines, ...before].slice(0, kFreshest));
          setError(undefined);
        } catch (failure) {
          if (!isOver) setError(failure);
        }
      }
      if (!isOver) timer = window.setTimeout(() => void poll(), kPollMs);
    };
    void poll();
    return () => {
      isOver = true;
      window.clearTimeout(timer);
    };
  }, [isLive, key, from]);
  return { fresh, error };
}
