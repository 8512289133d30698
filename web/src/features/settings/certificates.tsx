// Authorities whose client certificates count.
import { useQueryClient } from '@tanstack/react-query';
import { CertificateIcon } from '@phosphor-icons/react';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Age } from '../../parts/age';
import { Badge, Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';

export const kAuthoritiesPath = '/accounts/{account_id}/access/certificates' as const;
type Authority = Schemas['Certificate'];

export const useAuthorities = () =>
  $api.useQuery('get', kAuthoritiesPath, {
    params: { path: at(), query: { page: 1, per_page: 1000 } },
  });
export function useRefreshAuthorities() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', kAuthoritiesPath] });
}

export function RemoveAuthority({
  authority,
  onRemoved,
  icon = false,
}: {
  authority: Authority;
  onRemoved?: () => void;
  icon?: boolean;
}) {
  const refresh = useRefreshAuthorities();
  const hosts = authority.associated_hostnames ?? [];
  return (
    <Remove
      icon={icon}
      what="certificate authority"
      name={authority.name}
      consequence={
        hosts.length > 0
          ? `Client certificates of ${authority.name} do not count any more on ${hosts.join(', ')}. Policies that ask for one let nobody in with them.`
          : 'No host names it.'
      }
      remove={async () => {
        await client.DELETE(`${kAuthoritiesPath}/{certificate_id}`, {
          params: { path: at({ certificate_id: authority.id }) },
        });
        await refresh();
      }}
      {...(onRemoved ? { onRemoved } : {})}
    />
  );
}

function Expiry({ at: end }: { at: string | undefined }) {
  if (!end) return null;
  return (
    <span className="flex flex-wrap items-center gap-2">
      <Age at={end} />
      {Date.parse(end) <= Date.now() && <Badge variant="destructive">expired</Badge>}
    </span>
  );
}

export function Certificates() {
  const mayWrite = useMayWrite();
  const authorities = useAuthorities();
  const create = mayWrite && (
    <LinkButton href="/settings/certificates/new" variant="primary">
      New authority
    </LinkButton>
  );
  return (
    <Page
      title="Client certificates"
      description="Authorities whose certificates, on devices and in programs, count on some of your hosts."
      actions={create}
    >
      <DataTable
        label="Certificate authorities"
        rows={authorities.data?.result}
        rowKey={(authority) => authority.id}
        error={authorities.error}
        retry={() => void authorities.refetch()}
        isLoading={authorities.isFetching}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (authority) => (
              <Link href={`/settings/certificates/${authority.id}`}>{authority.name}</Link>
            ),
          },
          {
            title: 'Hosts',
            wide: true,
            cell: (authority) => authority.associated_hostnames?.join(', ') || 'none',
          },
          { title: 'Expires', cell: (authority) => <Expiry at={authority.expires_on} /> },
          {
            title: '',
            className: 'text-end',
            cell: (authority) => mayWrite && <RemoveAuthority authority={authority} icon />,
          },
        ]}
        empty={
          <Empty
            icon={<CertificateIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title="No client certificate counts yet"
            description="Add the authority that issues them; then policies can ask for a valid certificate."
            contents={create || undefined}
          />
        }
      />
    </Page>
  );
}
