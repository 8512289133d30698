// One resource that is edited: what was read, with the ETag that says which version it was, so that
// somebody else's change in between is never overwritten unseen.
import { useQuery } from '@tanstack/react-query';
import { ApiError } from '../api/client';
import { SkeletonLine } from './kumo';
import { Failed } from './failed';

export interface Read<T> {
  value: T;
  etag: string;
}
interface Answer<T> {
  data?: { result?: T | undefined } | undefined;
  response: Response;
}
export async function toRead<T>(answer: Promise<Answer<T>>): Promise<Read<T>> {
  const { data, response } = await answer;
  if (!data?.result) throw new ApiError(response.status, []);
  return { value: data.result, etag: response.headers.get('etag') ?? '' };
}

// `read` asks the API for it: () => client.GET(...).
export function useResource<T>(key: readonly unknown[], read: () => Promise<Answer<T>>) {
  return useQuery({
    queryKey: ['resource', ...key],
    queryFn: () => toRead(read()),
    // A form stands on it: it changes only when it is asked to.
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}

// What stands in place of a form until its resource is there.
export function Pending({ query }: { query: { error: unknown; refetch: () => unknown } }) {
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-6">
      {Array.from({ length: 5 }, (_, line) => (
        <div key={line} className="flex flex-col gap-2">
          <SkeletonLine className="w-32" />
          <SkeletonLine className="h-9" />
        </div>
      ))}
    </div>
  );
}

// `If-Match` of a request.
export const ifMatch = (etag: string) => (etag ? { 'If-Match': etag } : {});
