// Who uses the dashboard and what they may do. Nothing is shown before that is known; what a role
// may not do is not offered, and refused by the API anyway.
import { createContext, useContext, type ReactNode } from 'react';
import { useQuery } from '@tanstack/react-query';
import { client, setAccount, type Schemas } from '../api/client';
import { noteSignedIn } from '../api/signed_out';
import { Loader } from '../parts/kumo';
import { Failed } from '../parts/failed';

type Mine = Schemas['Me'];
const Context = createContext<Mine | null>(null);

async function readMe(): Promise<Mine> {
  const accounts = await client.GET('/accounts');
  const id = accounts.data?.result?.[0]?.id ?? '';
  setAccount(id);
  const me = await client.GET('/accounts/{account_id}/gatehouse/me', {
    params: { path: { account_id: id } },
  });
  if (!me.data?.result) throw new Error('the gateway did not say who you are');
  noteSignedIn();
  return me.data.result;
}

export function Me({ children }: { children: ReactNode }) {
  const me = useQuery({ queryKey: ['me'], queryFn: readMe, staleTime: 60_000 });
  if (me.data) return <Context.Provider value={me.data}>{children}</Context.Provider>;
  return (
    <main className="grid min-h-full place-items-center bg-kumo-canvas p-6">
      {me.error ? (
        <Failed error={me.error} retry={() => void me.refetch()} />
      ) : (
        <div role="status" aria-label="Loading the dashboard">
          <Loader size={24} />
        </div>
      )}
    </main>
  );
}

export function useMe(): Mine {
  const me = useContext(Context);
  if (!me) throw new Error('useMe outside of Me');
  return me;
}
// Whether this person may change things at all.
export const useMayWrite = (): boolean => useMe().role === 'administrator';
// Whether this person may end sessions and withdraw devices.
export const useMayRevoke = (): boolean => useMe().role !== 'read_only';
