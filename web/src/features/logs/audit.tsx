// Who did what: sign-ins, changes with what they changed, revocations.
import { useState } from 'react';
import { CaretDownIcon, ClipboardTextIcon } from '@phosphor-icons/react';
import { $api, at, type Schemas } from '../../api/client';
import { useAddress } from '../../parts/address';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { Failed } from '../../parts/failed';
import { Button, Empty, LayerCard, Pagination, SkeletonLine, Table } from '../../parts/kumo';
import { kPageSize, useListSearch } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { reasonTitle } from '../../parts/reasons.ts';
import { changeTitle, differences, eventWord, kEventNames, type Difference } from './difference.ts';
import { ChoiceFilter, Filters, RangeFilter, TextFilter } from './filters';
import { LogTabs } from './log_tabs';
import { toAsked } from './range.ts';

type Event = Schemas['AuditEvent'];
const kFilters = ['event', 'actor', 'ip', 'range', 'since', 'until'] as const;
const kEventChoices = kEventNames.map((value) => ({ value, label: eventWord(value) }));
// Said by the title, the line below it, or the difference.
const kSaid = new Set(['kind', 'name', 'what', 'before', 'after', 'resource']);

function DifferenceTable({ changes }: { changes: Difference[] }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="What changed">
      <Table>
        <Table.Header>
          <Table.Row>
            <Table.Head>What</Table.Head>
            <Table.Head>Before</Table.Head>
            <Table.Head>After</Table.Head>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {changes.map(({ path, before, after }) => (
            <Table.Row key={path}>
              <Table.Cell className="font-medium">{path}</Table.Cell>
              <Table.Cell className="max-w-80 break-words whitespace-pre-wrap">
                {before === undefined ? (
                  <span className="text-kumo-subtle">not there</span>
                ) : (
                  <del className="text-kumo-danger">{before}</del>
                )}
              </Table.Cell>
              <Table.Cell className="max-w-80 break-words whitespace-pre-wrap">
                {after === undefined ? (
                  <span className="text-kumo-subtle">taken away</span>
                ) : (
                  <ins className="text-kumo-success no-underline">{after}</ins>
                )}
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table>
    </div>
  );
}

function Entry({ event }: { event: Event }) {
  const [isOpen, setOpen] = useState(false);
  const details = event.details as Record<string, unknown>;
  const changes = differences(details.before, details.after);
  const others = Object.entries(details).filter(
    ([name, value]) => !kSaid.has(name) && value !== '',
  );
  const title = changeTitle(event.event, details);
  const hasMore = changes.length > 0 || others.length > 0;
  return (
    <li>
      <LayerCard className="flex flex-col gap-3 p-4">
        <div className="flex flex-wrap items-start justify-between gap-2">
          <div className="flex min-w-0 flex-col gap-0.5">
            <span className="font-medium break-words">{title}</span>
            <span className="text-sm text-kumo-subtle">
              <span className="text-kumo-default">{event.actor || 'somebody unknown'}</span>
              {event.ip && ` from ${event.ip}`}, <Age at={event.at} />
              {event.reason && event.reason !== 'none' && `: ${reasonTitle(event.reason)}`}
            </span>
          </div>
          {hasMore && (
            <Button
              size="sm"
              variant="ghost"
              icon={CaretDownIcon}
              aria-expanded={isOpen}
              aria-label={`${isOpen ? 'Hide' : 'Show'} details of: ${title}`}
              onClick={() => setOpen(!isOpen)}
            >
              {isOpen ? 'Hide' : changes.length > 0 ? 'What changed' : 'Details'}
            </Button>
          )}
        </div>
        {isOpen && changes.length > 0 && <DifferenceTable changes={changes} />}
        {isOpen && others.length > 0 && (
          <Details
            items={others.map(([name, value]) => [
              name.replaceAll('_', ' '),
              typeof value === 'string' ? value : JSON.stringify(value),
            ])}
          />
        )}
      </LayerCard>
    </li>
  );
}

export function Audit() {
  const { values, set, clear, isAny } = useAddress(kFilters);
  const list = useListSearch();
  const { event, actor, ip, range, since, until } = values;
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const events = $api.useQuery(
    'get',
    '/accounts/{account_id}/gatehouse/audit',
    {
      params: {
        path: at(),
        query: {
          page: list.page,
          per_page: kPageSize,
          ...(event ? { event: [event] } : {}),
          ...(actor ? { actor, actorOp: 'contains' as const } : {}),
          ...(ip ? { ip } : {}),
          ...toAsked(range, since, until, minute),
        },
      },
    },
    { placeholderData: (before) => before },
  );
  const rows = events.data?.result;
  const total = events.data?.result_info?.total_count ?? 0;
  return (
    <Page
      title="Audit"
      description="Everything that concerns security: who signed in, who changed what and how it was before, who was signed out."
    >
      <LogTabs now="/logs/audit" />
      <Filters clear={isAny && clear}>
        <ChoiceFilter
          label="What"
          any="Everything"
          value={event}
          onChange={(next) => set({ event: next })}
          choices={kEventChoices}
        />
        <TextFilter label="Who" value={actor} onChange={(next) => set({ actor: next })} />
        <TextFilter
          label="Address"
          placeholder="192.0.2.1"
          value={ip}
          onChange={(next) => set({ ip: next })}
        />
        <RangeFilter range={range} since={since} until={until} onChange={set} />
      </Filters>
      {events.error && !rows ? (
        <Failed error={events.error} retry={() => void events.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty
          icon={<ClipboardTextIcon size={40} className="text-kumo-inactive" aria-hidden />}
          title={isAny ? 'Nothing matches these filters' : 'Nothing has happened yet'}
          description={
            isAny ? 'Take one away, or choose a longer time.' : 'Every change appears here.'
          }
          contents={isAny ? <Button onClick={clear}>Clear filters</Button> : undefined}
        />
      ) : (
        <ul
          className="m-0 flex list-none flex-col gap-2 p-0"
          aria-label="Audit"
          aria-busy={events.isFetching}
        >
          {rows
            ? rows.map((one, index) => (
                <Entry key={`${one.at} ${one.event} ${index}`} event={one} />
              ))
            : Array.from({ length: 6 }, (_, line) => (
                <li key={line}>
                  <LayerCard className="p-4">
                    <SkeletonLine />
                  </LayerCard>
                </li>
              ))}
        </ul>
      )}
      {total > kPageSize && (
        <Pagination
          page={list.page}
          setPage={list.setPage}
          perPage={kPageSize}
          totalCount={total}
        />
      )}
    </Page>
  );
}
