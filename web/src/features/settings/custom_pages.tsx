// Pages of one's own in place of the gateway's refusals.
import { useQueryClient } from '@tanstack/react-query';
import { FileHtmlIcon } from '@phosphor-icons/react';
import { $api, at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Age } from '../../parts/age';
import { Badge, Empty, Link, LinkButton } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { Remove } from '../../parts/remove';
import { UsedBy } from '../usage/used_by';

export const kPagesPath = '/accounts/{account_id}/access/custom_pages' as const;
type CustomPage = Schemas['CustomPage'];

export const kPageTypes: Record<CustomPage['type'], { label: string; isShown: boolean }> = {
  identity_denied: { label: 'Signed in and not allowed', isShown: true },
  forbidden: { label: 'Device, network or certificate refused', isShown: true },
  login: { label: 'Sign-in', isShown: false },
  interstitial: { label: 'In between', isShown: false },
};

export const usePages = () =>
  $api.useQuery('get', kPagesPath, { params: { path: at(), query: { page: 1, per_page: 1000 } } });
export function useRefreshPages() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['get', kPagesPath] });
}

export function RemovePage({
  page,
  onRemoved,
  icon = false,
}: {
  page: CustomPage;
  onRemoved?: () => void;
  icon?: boolean;
}) {
  const refresh = useRefreshPages();
  return (
    <Remove
      icon={icon}
      what="custom page"
      name={page.name}
      consequence={
        <div className="flex flex-col gap-2">
          <p className="m-0">Applications that show it have to let go of it first:</p>
          <UsedBy
            used="custom_page"
            id={page.uid}
            nobody="No application names it. It may be the organization’s: see General."
          />
        </div>
      }
      remove={async () => {
        await client.DELETE(`${kPagesPath}/{custom_page_id}`, {
          params: { path: at({ custom_page_id: page.uid }) },
        });
        await refresh();
      }}
      {...(onRemoved ? { onRemoved } : {})}
    />
  );
}

export function CustomPages() {
  const mayWrite = useMayWrite();
  const pages = usePages();
  const create = mayWrite && (
    <LinkButton href="/settings/pages/new" variant="primary">
      New page
    </LinkButton>
  );
  return (
    <Page
      title="Custom pages"
      description="Pages of your own in place of the gateway’s, when somebody is refused."
      actions={create}
    >
      <DataTable
        label="Custom pages"
        rows={pages.data?.result}
        rowKey={(page) => page.uid}
        error={pages.error}
        retry={() => void pages.refetch()}
        isLoading={pages.isFetching}
        columns={[
          {
            title: 'Name',
            className: 'font-medium',
            cell: (page) => <Link href={`/settings/pages/${page.uid}`}>{page.name}</Link>,
          },
          {
            title: 'Shown when',
            cell: ({ type }) => (
              <span className="flex flex-wrap items-center gap-2">
                {kPageTypes[type].label}
                {!kPageTypes[type].isShown && <Badge variant="outline">kept, never shown</Badge>}
              </span>
            ),
          },
          { title: 'Changed', wide: true, cell: (page) => <Age at={page.updated_at} /> },
          {
            title: '',
            className: 'text-end',
            cell: (page) => mayWrite && <RemovePage page={page} icon />,
          },
        ]}
        empty={
          <Empty
            icon={<FileHtmlIcon size={40} className="text-kumo-inactive" aria-hidden />}
            title="The gateway’s own pages are shown"
            description="They say why somebody was refused and what to do, in the organization’s colours. Make a page to say it otherwise."
            contents={create || undefined}
          />
        }
      />
    </Page>
  );
}
