// The tab Login methods: how people prove who they are.
import { useQueryClient } from '@tanstack/react-query';
import { FingerprintIcon } from '@phosphor-icons/react';
import { $api, at, client } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Badge, Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { AuthenticationFrame, kCrumbs, kLoginMethods } from './frame';
import { KindList } from './kinds';
import { kMethods, methodKind, type LoginMethod } from './methods.ts';
import { TestButton } from './test_run';
import { MethodUsers } from './uses';

export const kMethodsPath = '/accounts/{account_id}/access/identity_providers' as const;

export const useMethods = () =>
  $api.useQuery('get', kMethodsPath, {
    params: { path: at(), query: { page: 1, per_page: 1000 } },
  });
export function useRefreshMethods() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', kMethodsPath] });
}

export function RemoveMethod({
  method,
  onRemoved,
  icon = false,
}: {
  method: LoginMethod;
  onRemoved?: () => void;
  icon?: boolean;
}) {
  const refresh = useRefreshMethods();
  return (
    <Remove
      icon={icon}
      what="login method"
      name={method.name}
      consequence={<MethodUsers method={method} />}
      remove={async () => {
        await client.DELETE(`${kMethodsPath}/{identity_provider_id}`, {
          params: { path: at({ identity_provider_id: method.id }) },
        });
        await refresh();
      }}
      {...(onRemoved ? { onRemoved } : {})}
    />
  );
}

export function LoginMethods() {
  const mayWrite = useMayWrite();
  const methods = useMethods();
  const add = mayWrite && (
    <LinkButton href={`${kLoginMethods}/add`} variant="primary">
      + Add
    </LinkButton>
  );
  return (
    <AuthenticationFrame tab={kLoginMethods} actions={add}>
      <DataTable
        label="Login methods"
        rows={methods.data?.result}
        rowKey={(method) => method.id}
        error={methods.error}
        retry={() => void methods.refetch()}
        isLoading={methods.isFetching}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (method) => <Link href={`${kLoginMethods}/${method.id}`}>{method.name}</Link>,
          },
          {
            title: 'Provider',
            wide: true,
            cell: (method) => methodKind(method.type)?.name ?? <NotWorking type={method.type} />,
          },
          {
            title: '',
            className: 'text-end',
            cell: (method) =>
              mayWrite && (
                <span className="flex items-center justify-end gap-1">
                  {methodKind(method.type) && (
                    <TestButton kind="login" id={method.id} name={method.name} />
                  )}
                  <RemoveMethod method={method} icon />
                </span>
              ),
          },
        ]}
        empty={
          <Empty
            icon={<FingerprintIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title="Nobody can sign in yet"
            description="Add a login method. One-time PIN needs an email server and nothing else."
            contents={add || undefined}
          />
        }
      />
    </AuthenticationFrame>
  );
}

function NotWorking({ type }: { type: string }) {
  return (
    <span className="flex flex-wrap items-center gap-2">
      {type} <Badge variant="outline">kept, nobody can sign in with it</Badge>
    </span>
  );
}

export function AddLoginMethod() {
  const methods = useMethods();
  const hasPin = methods.data?.result?.some(({ type }) => type === 'onetimepin') ?? false;
  return (
    <Page
      title="Add a login method"
      description="Choose where people have their account."
      crumbs={kCrumbs.methods}
    >
      <KindList
        label="Login methods that can be added"
        // There can be one of it.
        kinds={kMethods.filter(({ type }) => type !== 'onetimepin' || !hasPin)}
        hrefOf={(type) => `${kLoginMethods}/add/${type}`}
      />
    </Page>
  );
}
