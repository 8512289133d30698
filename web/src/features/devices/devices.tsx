// The devices that people use: what is known of them, since when, and from whom.
import { DevicesIcon } from '@phosphor-icons/react';
import { useParams } from '@tanstack/react-router';
import { $api, at, type Schemas } from '../../api/client';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { Failed } from '../../parts/failed';
import { Badge, Empty, Link, SkeletonLine } from '../../parts/kumo';
import { DataTable, NothingFound, SearchField, useListSearch } from '../../parts/list_page';
import { Page, Section } from '../../parts/page';
import { CheckList, EvidenceCard, newest, SignalList, sourceOf } from './evidence';
import { kDevices } from './paths.ts';
import { DeviceRevocation } from './revocation';

type Device = Schemas['Device'];

function Owner({ user }: { user: Device['user'] }) {
  if (!user) return <span className="text-kumo-subtle">nobody now</span>;
  return <Link href={`/users/${user.id}`}>{user.email}</Link>;
}

export function Devices() {
  const list = useListSearch();
  const devices = $api.useQuery(
    'get',
    kDevices,
    { params: { path: at(), query: list.query } },
    { placeholderData: (before) => before },
  );
  return (
    <Page
      title="Devices"
      description="Every device that a live session has evidence of: whether it is managed, who says so, and how long ago that was."
    >
      <SearchField
        value={list.search}
        onChange={list.setSearch}
        label="Search devices and people"
      />
      <DataTable<Device>
        label="Devices"
        rows={devices.data?.result}
        rowKey={({ id }) => id}
        error={devices.error}
        retry={() => void devices.refetch()}
        isLoading={devices.isFetching}
        total={devices.data?.result_info?.total_count}
        page={list.page}
        setPage={list.setPage}
        columns={[
          {
            title: 'Device',
            className: 'font-medium',
            cell: ({ id, name, revoked }) => (
              <span className="flex flex-wrap items-center gap-2">
                <Link href={`/devices/${encodeURIComponent(id)}`}>{name || id}</Link>
                {revoked && <Badge variant="error">revoked</Badge>}
              </span>
            ),
          },
          { title: 'Person', cell: ({ user }) => <Owner user={user} /> },
          {
            title: 'Evidence',
            wide: true,
            cell: ({ evidence }) => {
              const last = newest(evidence);
              return last ? (
                <SignalList signals={last.signals} />
              ) : (
                <span className="text-kumo-subtle">none</span>
              );
            },
          },
          {
            title: 'Source and age',
            wide: true,
            cell: ({ evidence }) => {
              const last = newest(evidence);
              return last ? (
                <span className="flex flex-col">
                  <span>{sourceOf(last)}</span>
                  <span className="text-xs text-kumo-subtle">
                    <Age at={last.established_at} />
                  </span>
                </span>
              ) : null;
            },
          },
          {
            title: 'Checks',
            cell: ({ evidence }) => {
              const last = newest(evidence);
              return last ? <CheckList checks={last.checks} /> : null;
            },
          },
        ]}
        empty={
          list.search ? (
            <NothingFound search={list.search} what="device" />
          ) : (
            <Empty
              icon={<DevicesIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No device is known yet"
              description="A device appears when somebody opens an application whose policy asks about it. Require Device Posture in a policy to begin."
              contents={<Link href="/access/authentication/device-posture">Device posture</Link>}
            />
          )
        }
      />
    </Page>
  );
}

export function DevicePage() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const devices = $api.useQuery('get', kDevices, {
    params: { path: at(), query: { search: id } },
  });
  const device = devices.data?.result?.find((one) => one.id === id);
  const crumbs = [{ label: 'Devices', href: '/devices' }];
  if (devices.error) return <Failed error={devices.error} retry={() => void devices.refetch()} />;
  if (!device) {
    return (
      <Page title={devices.data ? 'Unknown device' : 'Device'} crumbs={crumbs}>
        {devices.data ? (
          <Empty
            title="No session knows this device any more"
            description="It appears again when somebody uses it."
            contents={<Link href="/devices">All devices</Link>}
          />
        ) : (
          <SkeletonLine />
        )}
      </Page>
    );
  }
  return (
    <Page
      title={device.name || device.id}
      description="What this device has said about itself, and what follows from it."
      crumbs={crumbs}
      actions={<DeviceRevocation device={device} />}
    >
      <Details
        items={[
          ['Device id', <code key="id">{device.id}</code>],
          [
            'State',
            device.revoked ? (
              <Badge key="state" variant="error">
                revoked
              </Badge>
            ) : (
              'accepted'
            ),
          ],
          ['Person', <Owner key="owner" user={device.user} />],
          ['Live sessions', String(device.sessions)],
          ...(device.expires_at
            ? ([['Last session ends', <Age key="end" at={device.expires_at} />]] as [
                string,
                React.ReactNode,
              ][])
            : []),
        ]}
      />
      <Section title="Evidence" description="The newest of each source.">
        {device.evidence.length === 0 ? (
          <p className="m-0 text-sm text-kumo-subtle">No session has evidence of it now.</p>
        ) : (
          device.evidence.map((one) => <EvidenceCard key={one.integration_id} evidence={one} />)
        )}
      </Section>
    </Page>
  );
}
