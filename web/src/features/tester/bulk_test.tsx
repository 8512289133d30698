// Which of all users the policies of an application would let in, by what their last sign-in said.
import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { ApiError, at, client, type Schemas } from '../../api/client';
import { Badge, Button, Link } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Section } from '../../parts/page';
import { searchApplications, Suggest } from '../../parts/suggest';
import { toCount } from '../../parts/charts/scale.ts';

const kTests = '/accounts/{account_id}/access/policy-tests' as const;
type User = Schemas['PolicyTestUser'];
const kWords = {
  approved: { word: 'let in', tone: 'success' },
  blocked: { word: 'refused', tone: 'error' },
  error: { word: 'cannot tell', tone: 'warning' },
} as const;
const kPollMs = 500;
const kPerPage = 25;

async function start(application: string): Promise<string> {
  const policies = await client.GET('/accounts/{account_id}/access/apps/{app_id}/policies', {
    params: { path: at({ app_id: application }) },
  });
  const ids = (policies.data?.result ?? []).map(({ id = '' }) => id).filter(Boolean);
  if (ids.length === 0) {
    throw new ApiError(400, [
      { code: 0, message: 'This application has no policies: nobody is let in', pointer: '' },
    ]);
  }
  const { data } = await client.POST(kTests, {
    params: { path: at() },
    body: { policies: ids },
  });
  return data?.result?.id ?? '';
}

function Result({ id }: { id: string }) {
  const [page, setPage] = useState(1);
  const path = { params: { path: at({ policy_test_id: id }) } };
  const progress = useQuery({
    queryKey: ['policy test', id],
    queryFn: async () => (await client.GET(`${kTests}/{policy_test_id}`, path)).data?.result,
    refetchInterval: ({ state }) => (state.data?.status === 'processing' ? kPollMs : false),
  });
  const isDone = progress.data !== undefined && progress.data.status !== 'processing';
  const users = useQuery({
    queryKey: ['policy test users', id, page],
    queryFn: async () =>
      (
        await client.GET(`${kTests}/{policy_test_id}/users`, {
          params: { ...path.params, query: { page, per_page: kPerPage } },
        })
      ).data,
    enabled: isDone,
    placeholderData: (before) => before,
  });
  const now = progress.data;
  return (
    <>
      <p className="m-0 text-sm" role="status">
        {!now || !isDone
          ? `Asking about every user: ${now?.percent_users_processed ?? 0} %`
          : now.total_users === 0
            ? 'There are no users yet.'
            : `Of ${toCount(now.total_users)} users ${toCount(now.users_approved ?? 0)} are let in, ${toCount(now.users_blocked ?? 0)} are refused${now.users_errored ? `, and of ${toCount(now.users_errored)} it cannot be told` : ''}.`}
      </p>
      {isDone && (now?.total_users ?? 0) > 0 && (
        <DataTable<User>
          label="Users and what they would get"
          rows={users.data?.result}
          rowKey={({ id: user = '' }) => user}
          error={users.error}
          retry={() => void users.refetch()}
          isLoading={users.isFetching}
          total={users.data?.result_info?.total_count ?? now?.total_users}
          page={page}
          setPage={setPage}
          perPage={kPerPage}
          columns={[
            {
              title: 'User',
              cell: ({ id: user, email, name }) => (
                <Link href={`/users/${user}`}>{email || name}</Link>
              ),
            },
            {
              title: 'Outcome',
              cell: ({ status = 'error' }) => (
                <Badge variant={kWords[status].tone}>{kWords[status].word}</Badge>
              ),
            },
          ]}
          empty={<p className="m-0 p-4 text-sm text-kumo-subtle">No users.</p>}
        />
      )}
    </>
  );
}

export function BulkTest() {
  const [text, setText] = useState('');
  const [picked, setPicked] = useState<{ id: string; value: string } | null>(null);
  const [test, setTest] = useState<string | null>(null);
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    if (!picked || picked.value !== text) return setError('Choose one of the applications');
    setBusy(true);
    setError(undefined);
    try {
      setTest(await start(picked.id));
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure.message);
    } finally {
      setBusy(false);
    }
    return undefined;
  };
  return (
    <Section
      title="Test all users"
      description="Which of all users the policies of an application let in, by what their last sign-in said of them."
    >
      <div className="flex flex-wrap items-end gap-3">
        <div className="min-w-64 flex-1 sm:max-w-sm">
          <Suggest
            label="Application for all users"
            placeholder="Name or address"
            queryKey="applications"
            search={searchApplications}
            value={text}
            error={error}
            onChange={(next) => {
              setText(next);
              setError(undefined);
            }}
            onPick={({ id, value }) => id && setPicked({ id, value })}
          />
        </div>
        <Button loading={isBusy} onClick={() => void run()}>
          Test all users
        </Button>
      </div>
      {test && <Result key={test} id={test} />}
    </Section>
  );
}
