// Reusable policies: written once, named by any number of applications.
import { PlusIcon, ShieldCheckIcon } from '@phosphor-icons/react';
import { useQueryClient } from '@tanstack/react-query';
import { $api, at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Badge, Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { RulesWords } from '../rules/rules_words';
import { UsedBy } from '../usage/used_by';
import { actionLabel, type Policy } from './policy.ts';

const kPath = '/accounts/{account_id}/access/policies' as const;

export const actionVariant = (decision: string) =>
  decision === 'allow' ? 'success' : decision === 'deny' ? 'error' : 'warning';

export function RemovePolicy({ policy, onRemoved }: { policy: Policy; onRemoved?: () => void }) {
  const queries = useQueryClient();
  return (
    <Remove
      icon={onRemoved === undefined}
      what="reusable policy"
      name={policy.name}
      consequence={
        <div className="flex flex-col gap-2">
          <p className="m-0">It is not deleted while something uses it:</p>
          <UsedBy used="policy" id={policy.id} nobody="Nothing uses it. Nobody loses access." />
        </div>
      }
      remove={async () => {
        await client.DELETE(`${kPath}/{policy_id}`, {
          params: { path: at({ policy_id: policy.id }) },
        });
        await queries.invalidateQueries({ queryKey: ['get', kPath] });
      }}
      onRemoved={onRemoved}
    />
  );
}

export function Policies() {
  const list = useListSearch();
  const mayWrite = useMayWrite();
  const policies = $api.useQuery('get', kPath, {
    params: { path: at(), query: { page: list.query.page, per_page: list.query.per_page } },
  });
  const create = mayWrite && (
    <LinkButton variant="primary" icon={PlusIcon} href="/access/policies/new">
      New policy
    </LinkButton>
  );
  return (
    <Page
      title="Policies"
      description="Reusable policies say once who gets in, for any number of applications. An application can have policies of its own as well."
      actions={create}
    >
      <DataTable
        label="Reusable policies"
        rows={policies.data?.result}
        rowKey={(policy) => policy.id}
        error={policies.error}
        retry={() => void policies.refetch()}
        isLoading={policies.isFetching}
        total={policies.data?.result_info?.total_count}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (policy) => <Link href={`/access/policies/${policy.id}`}>{policy.name}</Link>,
          },
          {
            title: 'Action',
            cell: (policy) => (
              <Badge variant={actionVariant(policy.decision)}>{actionLabel(policy.decision)}</Badge>
            ),
          },
          { title: 'Rules', wide: true, cell: (policy) => <RulesWords rules={policy} /> },
          { title: 'Applications', wide: true, cell: (policy) => policy.app_count ?? 0 },
          {
            title: '',
            className: 'text-end',
            cell: (policy) => mayWrite && <RemovePolicy policy={policy} />,
          },
        ]}
        empty={
          <Empty
            icon={<ShieldCheckIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title="No reusable policies yet"
            description="Make one when several applications should let in the same people; a change then reaches all of them at once."
            contents={create || undefined}
          />
        }
      />
    </Page>
  );
}
