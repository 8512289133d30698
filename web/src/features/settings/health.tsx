// Whether every part works, which version runs, and a copy of all that is stored.
import { useState, type ReactNode } from 'react';
import { CheckCircleIcon, DownloadSimpleIcon, WarningCircleIcon } from '@phosphor-icons/react';
import { $api, at, client } from '../../api/client';
import { useMayWrite, useMe } from '../../shell/me';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { Button, LayerCard } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { Pending } from '../../parts/resource';
import { useSay } from '../../parts/say';

const kEngines = { sqlite: 'SQLite', postgresql: 'PostgreSQL' } as const;

export function Health() {
  const me = useMe();
  const mayWrite = useMayWrite();
  const health = $api.useQuery(
    'get',
    '/accounts/{account_id}/gatehouse/health',
    { params: { path: at() } },
    { refetchInterval: 15_000 },
  );
  const found = health.data?.result;
  return (
    <Page title="Health" description="Whether every part works, and which version runs.">
      {found ? (
        <>
          <p className="m-0 flex items-center gap-2 text-lg font-semibold" role="status">
            <Sign isGood={found.status === 'ok'} />
            {found.status === 'ok' ? 'Everything works' : 'Something does not work'}
          </p>
          <div className="grid gap-4 md:grid-cols-3">
            <Part title="Web server" isGood={found.nginx.serving}>
              <Details
                items={[
                  ['State', found.nginx.serving ? 'serves' : 'does not serve'],
                  ['Restarts', String(found.nginx.restarts)],
                ]}
              />
            </Part>
            <Part title="Store" isGood={found.store.reachable}>
              <Details
                items={[
                  ['State', found.store.reachable ? 'reachable' : 'cannot be reached'],
                  ['Engine', kEngines[found.store.engine] ?? found.store.engine],
                ]}
              />
            </Part>
            <Part title="What workers decide by" isGood={found.node_state.readable}>
              <Details
                items={[
                  ['State', found.node_state.readable ? 'readable' : 'cannot be read'],
                  [
                    'Configuration',
                    found.node_state.sequence === found.sequence
                      ? `number ${found.sequence}, the newest`
                      : `number ${found.node_state.sequence ?? 'none'} of ${found.sequence}`,
                  ],
                  ['Sign of life', <Age key="beat" at={found.node_state.heartbeat_at} />],
                ]}
              />
            </Part>
          </div>
          <Section title="Version">
            <Details
              items={[
                ['Gatehouse', found.version],
                ['Issuer', <code key="issuer" className="break-all">{found.issuer}</code>],
                ['Account', <code key="account" className="break-all">{me.account.id}</code>],
              ]}
            />
          </Section>
        </>
      ) : (
        <Pending query={health} />
      )}
      {mayWrite && (
        <Section
          title="Backup"
          description="Everything in the store, for gatehouse restore. Secrets stay sealed with the installation’s key, which is not in it."
        >
          <Backup />
        </Section>
      )}
    </Page>
  );
}

function Sign({ isGood }: { isGood: boolean }) {
  const Icon = isGood ? CheckCircleIcon : WarningCircleIcon;
  return (
    <Icon
      size={24}
      weight="fill"
      className={isGood ? 'text-kumo-success' : 'text-kumo-danger'}
      aria-hidden
    />
  );
}

function Part({
  title,
  isGood,
  children,
}: {
  title: string;
  isGood: boolean;
  children: ReactNode;
}) {
  return (
    <LayerCard className="flex flex-col gap-3 p-4">
      <h2 className="m-0 flex items-center gap-2 text-base font-semibold">
        <Sign isGood={isGood} />
        {title}
      </h2>
      {children}
    </LayerCard>
  );
}

function Backup() {
  const say = useSay();
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      const { data } = await client.GET('/accounts/{account_id}/gatehouse/store/backup', {
        params: { path: at() },
        parseAs: 'blob',
      });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(data as unknown as Blob);
      link.download = `gatehouse-${new Date().toISOString().slice(0, 10)}.jsonl`;
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      say.done('The backup was made', link.download);
    } catch (error) {
      say.failed('The backup was not made', error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div>
      <Button icon={DownloadSimpleIcon} loading={isBusy} onClick={() => void download()}>
        Download a backup
      </Button>
    </div>
  );
}
