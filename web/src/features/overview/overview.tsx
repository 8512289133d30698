// How things are: what needs attention first, then what happened over time.
import { useMemo, type ReactNode } from 'react';
import { ArrowRightIcon, CheckCircleIcon, CircleIcon } from '@phosphor-icons/react';
import { $api, at, type Schemas } from '../../api/client';
import { useAddress } from '../../parts/address';
import { Age } from '../../parts/age';
import { Bars, BarsLoading } from '../../parts/charts/bars';
import { Columns, Textures } from '../../parts/charts/columns';
import { toCount } from '../../parts/charts/scale.ts';
import { Failed } from '../../parts/failed';
import { Badge, Banner, LayerCard, Link, LinkButton, SkeletonLine, Tabs } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { reasonTitle } from '../../parts/reasons.ts';
import {
  endingConcerns,
  firstSteps,
  healthConcerns,
  openConcerns,
  type Concern,
  type Step,
} from './attention.ts';
import { ageWord, kSpans, sinceOf, slotOf, spanOf } from './slots.ts';

const kFresh = 60_000;
const kEvery = { staleTime: kFresh, refetchInterval: kFresh };
const kRare = { staleTime: 5 * kFresh };
// How many applications are looked through for policies that let everybody in.
const kLookedThrough = 1000;

function useConcerns(): { concerns: Concern[]; steps: Step[] | undefined; isMore: boolean } {
  const path = { params: { path: at() } };
  const health = $api.useQuery('get', '/accounts/{account_id}/gatehouse/health', path, kEvery);
  const tokens = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/service_tokens',
    { params: { path: at(), query: { per_page: 1000 } } },
    kRare,
  );
  const certificates = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/certificates',
    path,
    kRare,
  );
  const apiTokens = $api.useQuery(
    'get',
    '/accounts/{account_id}/gatehouse/api_tokens',
    path,
    kRare,
  );
  const applications = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/apps',
    { params: { path: at(), query: { per_page: kLookedThrough } } },
    kRare,
  );
  const methods = $api.useQuery(
    'get',
    '/accounts/{account_id}/access/identity_providers',
    path,
    kRare,
  );
  const providers = $api.useQuery(
    'get',
    '/accounts/{account_id}/devices/posture/integration',
    path,
    kRare,
  );
  const now = Date.now();
  const concerns = [
    ...(health.data?.result ? healthConcerns(health.data.result, now) : []),
    ...(health.error
      ? [
          {
            key: 'unknown',
            tone: 'error' as const,
            title: 'The gateway does not say how it is',
            description: health.error instanceof Error ? health.error.message : '',
          },
        ]
      : []),
    ...endingConcerns(
      [
        ...(certificates.data?.result ?? []).map(({ name = '', expires_on }) => ({
          kind: 'certificate',
          name,
          ends: expires_on,
          href: '/settings/certificates',
        })),
        ...(tokens.data?.result ?? []).map(({ name, expires_at }) => ({
          kind: 'service token',
          name,
          ends: expires_at,
          href: '/access/service-tokens',
        })),
        ...(apiTokens.data?.result ?? []).map(({ name, expires_at }) => ({
          kind: 'API token',
          name,
          ends: expires_at,
          href: '/settings/keys',
        })),
      ],
      now,
    ),
    ...openConcerns(applications.data?.result ?? []),
  ];
  const isKnown = methods.data && providers.data && applications.data;
  const steps = isKnown
    ? firstSteps({
        loginMethods: methods.data.result?.length ?? 0,
        postureProviders: providers.data.result?.length ?? 0,
        applications: (applications.data.result ?? []).filter(({ type }) => type !== 'dash_sso')
          .length,
      })
    : undefined;
  const isMore = (applications.data?.result_info?.total_count ?? 0) > kLookedThrough;
  return { concerns, steps, isMore };
}

function FirstSteps({ steps }: { steps: Step[] }) {
  return (
    <Section title="What to do first" description="Three steps to a protected application.">
      <ol className="m-0 flex list-none flex-col gap-2 p-0">
        {steps.map(({ key, title, description, href, link, isDone }) => (
          <li key={key}>
            <LayerCard className="flex flex-wrap items-center justify-between gap-3 p-4">
              <div className="flex min-w-0 gap-3">
                {isDone ? (
                  <CheckCircleIcon
                    size={22}
                    weight="fill"
                    className="mt-0.5 shrink-0 text-kumo-success"
                    aria-label="done"
                  />
                ) : (
                  <CircleIcon
                    size={22}
                    className="mt-0.5 shrink-0 text-kumo-subtle"
                    aria-label="not done"
                  />
                )}
                <div>
                  <p className="m-0 font-medium">{title}</p>
                  <p className="m-0 text-sm text-kumo-subtle">{description}</p>
                </div>
              </div>
              {!isDone && (
                <LinkButton variant="secondary" href={href} icon={ArrowRightIcon}>
                  {link}
                </LinkButton>
              )}
            </LayerCard>
          </li>
        ))}
      </ol>
    </Section>
  );
}

const kShownConcerns = 6;
function Attention({ concerns, isMore }: { concerns: Concern[]; isMore: boolean }) {
  if (concerns.length === 0) return null;
  const shown = concerns.slice(0, kShownConcerns);
  const rest = concerns.slice(kShownConcerns);
  const one = ({ key, tone, title, description, href, link }: Concern) => (
    <li key={key}>
      <Banner
        variant={tone}
        title={title}
        description={description}
        action={
          href ? (
            <LinkButton variant="secondary" href={href}>
              {link}
            </LinkButton>
          ) : undefined
        }
      />
    </li>
  );
  return (
    <Section
      title="Needs attention"
      description={
        isMore
          ? `Of the policies, those of the first ${toCount(kLookedThrough)} applications were looked at.`
          : undefined
      }
    >
      <ul className="m-0 flex list-none flex-col gap-2 p-0">{shown.map(one)}</ul>
      {rest.length > 0 && (
        <details>
          <summary className="cursor-pointer text-sm text-kumo-link">{rest.length} more</summary>
          <ul className="m-0 mt-2 flex list-none flex-col gap-2 p-0">{rest.map(one)}</ul>
        </details>
      )}
    </Section>
  );
}

function Tile({ label, value, href }: { label: string; value: number | undefined; href?: string }) {
  return (
    <LayerCard className="flex flex-col gap-1 p-4">
      <dt className="text-sm text-kumo-subtle">
        {href ? <Link href={href}>{label}</Link> : label}
      </dt>
      <dd className="m-0 min-h-8 text-2xl font-semibold tabular-nums">
        {value === undefined ? <SkeletonLine /> : toCount(value)}
      </dd>
    </LayerCard>
  );
}

const Card = ({ title, children }: { title: string; children: ReactNode }) => (
  <Section title={title}>
    <LayerCard className="p-4">{children}</LayerCard>
  </Section>
);

function Charts({ statistics }: { statistics: Schemas['Statistics'] | undefined }) {
  const buckets = statistics?.buckets ?? [];
  const interval = statistics?.interval ?? 'hour';
  const slots = useMemo(
    () => buckets.map(({ at: moment }) => slotOf(moment, interval)),
    [buckets, interval],
  );
  if (!statistics) {
    return (
      <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
        {['Sign-ins', 'Refused and bypassed requests'].map((title) => (
          <Card key={title} title={title}>
            <div className="h-[252px]">
              <BarsLoading lines={6} />
            </div>
          </Card>
        ))}
      </div>
    );
  }
  const of = (name: Exclude<keyof (typeof buckets)[number], 'at'>) =>
    buckets.map((bucket) => bucket[name]);
  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      <Card title="Sign-ins">
        <Columns
          label="Sign-ins"
          slots={slots}
          series={[
            {
              name: 'Signed in',
              fill: 'fill-kumo-badge-blue',
              values: of('sign_ins'),
            },
            {
              name: 'Refused after signing in',
              fill: 'fill-kumo-badge-orange',
              texture: 'stripes',
              values: of('refused_sign_ins'),
            },
            {
              name: 'Failed',
              fill: 'fill-kumo-badge-red',
              texture: 'dots',
              values: of('failed_sign_ins'),
            },
          ]}
        />
      </Card>
      <Card title="Refused and bypassed requests">
        <Columns
          label="Requests"
          slots={slots}
          series={[
            { name: 'Refused', fill: 'fill-kumo-badge-red', values: of('denied') },
            {
              name: 'Ended',
              fill: 'fill-kumo-badge-purple',
              texture: 'dots',
              values: of('ended'),
            },
            {
              name: 'Bypassed',
              fill: 'fill-kumo-badge-teal',
              texture: 'stripes',
              values: of('bypassed'),
            },
          ]}
        />
      </Card>
    </div>
  );
}

const Nothing = ({ children }: { children: ReactNode }) => (
  <p className="m-0 text-sm text-kumo-subtle">{children}</p>
);

function Rankings({
  statistics,
  range,
}: {
  statistics: Schemas['Statistics'] | undefined;
  range: string;
}) {
  const logRange = range === '24h' || range === '7d' ? `&range=${range}` : '';
  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-3">
      <Card title="Refusals by reason">
        {!statistics ? (
          <BarsLoading />
        ) : statistics.refusals.length === 0 ? (
          <Nothing>Nobody was refused.</Nothing>
        ) : (
          <Bars
            label="Refusals by reason"
            fill="bg-kumo-badge-red"
            bars={statistics.refusals.slice(0, 8).map(({ reason, count }) => ({
              key: reason,
              count,
              label: (
                <Link href={`/logs/decisions?effect=deny&reason=${reason}${logRange}`}>
                  {reasonTitle(reason)}
                </Link>
              ),
            }))}
          />
        )}
      </Card>
      <Card title="Most refusals">
        {!statistics ? (
          <BarsLoading />
        ) : statistics.applications.length === 0 ? (
          <Nothing>None.</Nothing>
        ) : (
          <Bars
            label="Applications with the most refusals"
            fill="bg-kumo-badge-purple"
            bars={statistics.applications.slice(0, 8).map(({ id, name, denied }) => ({
              key: id,
              count: denied,
              label: name ? (
                <Link href={`/logs/decisions?effect=deny&application_id=${id}${logRange}`}>
                  {name}
                </Link>
              ) : (
                'removed application'
              ),
            }))}
          />
        )}
      </Card>
      <Card title="Age of device evidence now">
        {!statistics ? (
          <BarsLoading />
        ) : statistics.now.evidence_ages.every(({ count }) => count === 0) ? (
          <Nothing>No live session has evidence of a device.</Nothing>
        ) : (
          <Bars
            label="Age of device evidence"
            bars={statistics.now.evidence_ages.map(({ up_to_seconds, count }) => ({
              key: String(up_to_seconds),
              count,
              label: ageWord(up_to_seconds),
            }))}
          />
        )}
      </Card>
    </div>
  );
}

function Health() {
  const health = $api.useQuery(
    'get',
    '/accounts/{account_id}/gatehouse/health',
    { params: { path: at() } },
    kEvery,
  );
  const now = health.data?.result;
  const part = (name: string, isGood: boolean, words: ReactNode) => (
    <div className="flex flex-wrap items-center gap-2">
      <dt className="text-sm text-kumo-subtle">{name}</dt>
      <dd className="m-0 flex items-center gap-2 text-sm">
        <Badge variant={isGood ? 'success' : 'error'}>{isGood ? 'works' : 'does not work'}</Badge>
        {words}
      </dd>
    </div>
  );
  return (
    <Card title="Health">
      {now ? (
        <dl className="m-0 flex flex-wrap gap-x-8 gap-y-3">
          {part(
            'Rules of the workers',
            now.node_state.readable,
            <Age at={now.node_state.heartbeat_at} />,
          )}
          {part('nginx', now.nginx.serving, null)}
          {part(
            'Store',
            now.store.reachable,
            now.store.engine === 'sqlite' ? 'SQLite' : 'PostgreSQL',
          )}
          <div className="flex items-center gap-2">
            <dt className="text-sm text-kumo-subtle">Version</dt>
            <dd className="m-0 text-sm">{now.version}</dd>
          </div>
        </dl>
      ) : (
        <SkeletonLine />
      )}
    </Card>
  );
}

export function Overview() {
  const { values, set } = useAddress(['range'] as const);
  const span = spanOf(values.range);
  const { concerns, steps, isMore } = useConcerns();
  const since = sinceOf(span, Date.now());
  const statistics = $api.useQuery(
    'get',
    '/accounts/{account_id}/gatehouse/statistics',
    { params: { path: at(), query: { since, interval: span.interval } } },
    { ...kEvery, placeholderData: (before) => before },
  );
  const found = statistics.data?.result;
  const now = found?.now;
  const isFresh = steps?.some(({ isDone }) => !isDone);
  return (
    <Page
      title="Overview"
      description="What needs attention, who signs in, and who is refused and why."
    >
      <Textures />
      {steps && isFresh && <FirstSteps steps={steps} />}
      <Attention concerns={concerns} isMore={isMore} />
      <dl className="m-0 grid grid-cols-2 gap-3 md:grid-cols-4">
        <Tile label="People signed in" value={now?.people} href="/users" />
        <Tile label="Live sessions" value={now?.sessions} />
        <Tile label="Known devices" value={now?.devices} href="/devices" />
        <Tile label="Revoked devices" value={now?.revoked_devices} />
      </dl>
      <Tabs
        className="w-fit"
        tabs={kSpans.map(({ value, label }) => ({ value, label }))}
        value={span.value}
        onValueChange={(range) => set({ range: range === kSpans[0].value ? '' : range })}
      />
      {statistics.error && !found ? (
        <Failed
          error={statistics.error}
          retry={() => void statistics.refetch()}
          what="The statistics could not be loaded"
        />
      ) : (
        <>
          <Charts statistics={found} />
          <Rankings statistics={found} range={span.value} />
        </>
      )}
      <Health />
    </Page>
  );
}
