// What the gateway decided about requests, newest first, with a live tail.
import { useEffect, useMemo, useRef, useState, type FormEvent } from 'react';
import { ScrollIcon } from '@phosphor-icons/react';
import { useNavigate } from '@tanstack/react-router';
import { useAddress } from '../../parts/address';
import { Age } from '../../parts/age';
import { Badge, Banner, Button, Empty, Input, Link, Switch } from '../../parts/kumo';
import { DataTable } from '../../parts/list_page';
import { Page } from '../../parts/page';
import { kReasons, reasonTitle } from '../../parts/reasons.ts';
import { searchUsers, Suggest } from '../../parts/suggest';
import { ApplicationFilter, ChoiceFilter, Filters, RangeFilter, TextFilter } from './filters';
import { LogTabs } from './log_tabs';
import { toAsked } from './range.ts';
import { useDecisions, useTail, type Decision, type DecisionQuery } from './use_decisions';

const kFilters = [
  'effect',
  'reason',
  'application_id',
  'email',
  'ip',
  'host',
  'range',
  'since',
  'until',
] as const;

interface Effect {
  word: string;
  tone: 'success' | 'error' | 'info' | 'warning';
}
const kEffects: Record<Decision['effect'], Effect> = {
  allow: { word: 'let in', tone: 'success' },
  bypass: { word: 'bypassed', tone: 'info' },
  deny: { word: 'refused', tone: 'error' },
  ended: { word: 'ended', tone: 'warning' },
};
const kEffectChoices = Object.entries(kEffects).map(([value, { word }]) => ({
  value,
  label: word,
}));
const kReasonChoices = kReasons.map((value) => ({
  value,
  label: `${reasonTitle(value)} (${value})`,
}));

export function EffectBadge({ effect }: { effect: Decision['effect'] }) {
  const { word, tone } = kEffects[effect] ?? { word: effect, tone: 'info' };
  return <Badge variant={tone}>{word}</Badge>;
}

export const whoOf = ({ user, service_token }: Decision): string =>
  user
    ? user.email || 'somebody who was removed'
    : service_token
      ? `service token ${service_token.name || service_token.id}`
      : 'nobody signed in';

export function ReferenceField() {
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [error, setError] = useState<string>();
  const open = (event: FormEvent) => {
    event.preventDefault();
    const reference = text.trim();
    if (!reference) return setError('Paste the reference that the page shows');
    void navigate({ to: `/logs/decisions/${encodeURIComponent(reference)}` });
    return undefined;
  };
  return (
    <form className="flex flex-wrap items-end gap-2" onSubmit={open} noValidate>
      <div className="w-full sm:w-80">
        <Input
          label="Reference of a refusal page"
          placeholder="Paste it here"
          value={text}
          error={error}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setText(event.target.value);
            setError(undefined);
          }}
        />
      </div>
      <Button type="submit">Show why</Button>
    </form>
  );
}

// Whether the element is in sight.
function useInSight() {
  const element = useRef<HTMLDivElement>(null);
  const [isInSight, setInSight] = useState(true);
  useEffect(() => {
    const observed = element.current;
    if (!observed) return undefined;
    const observer = new IntersectionObserver(([entry]) => setInSight(!!entry?.isIntersecting));
    observer.observe(observed);
    return () => observer.disconnect();
  }, []);
  return { element, isInSight };
}

export function Decisions() {
  const { values, set, clear, isAny } = useAddress(kFilters);
  const [isLive, setLive] = useState(false);
  const key = JSON.stringify(values);
  const ask = (): DecisionQuery => {
    const { range, since, until, effect, ...others } = values;
    return {
      ...Object.fromEntries(Object.entries(others).filter(([, value]) => value)),
      ...(effect ? { effect: effect as Decision['effect'] } : {}),
      ...toAsked(range, since, until),
    };
  };
  const pages = useDecisions(key, ask);
  const first = pages.data?.pages[0];
  const tail = useTail(isLive, key, first?.newer, ask);
  const top = useInSight();
  // Lines that came while somebody reads further down wait, so that nothing moves under their eyes.
  const [taken, setTaken] = useState(0);
  const isFollowing = top.isInSight;
  const count = tail.fresh.length;
  useEffect(() => {
    if (isFollowing || count < taken) setTaken(count);
  }, [isFollowing, count, taken]);
  const waiting = Math.max(0, count - taken);
  const rows = useMemo(
    () =>
      pages.data && [
        ...tail.fresh.slice(waiting),
        ...pages.data.pages.flatMap(({ lines }) => lines),
      ],
    [pages.data, tail.fresh, waiting],
  );
  return (
    <Page
      title="Decisions"
      description="What the gateway decided about requests: every refusal and bypass, and one of so many requests that were let in."
      actions={<ReferenceField />}
    >
      <LogTabs now="/logs/decisions" />
      <Filters clear={isAny && clear}>
        <ChoiceFilter
          label="Decision"
          value={values.effect}
          onChange={(effect) => set({ effect })}
          choices={kEffectChoices}
        />
        <ChoiceFilter
          label="Reason"
          value={values.reason}
          onChange={(reason) => set({ reason })}
          choices={kReasonChoices}
        />
        <ApplicationFilter
          value={values.application_id}
          onChange={(application_id) => set({ application_id })}
        />
        <div className="w-full min-w-0 sm:w-56">
          <PersonFilter value={values.email} onChange={(email) => set({ email })} />
        </div>
        <TextFilter
          label="Address"
          placeholder="192.0.2.1"
          value={values.ip}
          onChange={(ip) => set({ ip })}
        />
        <TextFilter
          label="Host"
          placeholder="wiki.example.com"
          value={values.host}
          onChange={(host) => set({ host })}
        />
        <RangeFilter
          range={values.range}
          since={values.since}
          until={values.until}
          onChange={(change) => set(change)}
        />
      </Filters>
      <div className="flex min-h-9 flex-wrap items-center gap-4" ref={top.element}>
        <Switch label="Live" checked={isLive} onCheckedChange={setLive} />
        <span role="status" className="text-sm text-kumo-subtle">
          {isLive &&
            (tail.error
              ? 'The gateway does not answer; trying again.'
              : 'New decisions appear by themselves.')}
        </span>
      </div>
      {waiting > 0 && (
        <div className="sticky top-2 z-10 flex justify-center" role="status">
          <Button
            variant="primary"
            onClick={() => {
              setTaken(count);
              top.element.current?.scrollIntoView({ block: 'start' });
            }}
          >
            {waiting} new {waiting === 1 ? 'decision' : 'decisions'}
          </Button>
        </div>
      )}
      <DataTable<Decision>
        label="Decisions"
        rows={rows}
        rowKey={({ at, reference, effect }) => `${at} ${reference} ${effect}`}
        error={pages.error}
        retry={() => void pages.refetch()}
        isLoading={pages.isFetching}
        columns={[
          {
            title: 'When',
            cell: ({ at, reference }) => (
              <Link href={`/logs/decisions/${encodeURIComponent(reference)}`}>
                <Age at={at} />
              </Link>
            ),
          },
          { title: 'Decision', cell: ({ effect }) => <EffectBadge effect={effect} /> },
          {
            title: 'Why',
            cell: ({ reason, policy_name, detail }) => (
              <span className="flex flex-col">
                <span>{reason && reason !== 'none' ? reasonTitle(reason) : policy_name}</span>
                {detail && <span className="text-xs text-kumo-subtle">{detail}</span>}
              </span>
            ),
          },
          {
            title: 'Who',
            wide: true,
            cell: (decision) =>
              decision.user?.email ? (
                <Link href={`/users/${decision.user.id}`}>{decision.user.email}</Link>
              ) : (
                <span className="text-kumo-subtle">{whoOf(decision)}</span>
              ),
          },
          {
            title: 'Application',
            wide: true,
            cell: ({ application_name, host }) => (
              <span className="flex flex-col">
                <span>{application_name || 'none'}</span>
                <span className="text-xs text-kumo-subtle">{host}</span>
              </span>
            ),
          },
          { title: 'Address', wide: true, cell: ({ ip }) => <code>{ip}</code> },
        ]}
        empty={
          isAny ? (
            <Empty
              icon={<ScrollIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="No decision matches these filters"
              description="Take one away, or choose a longer time."
              contents={<Button onClick={clear}>Clear filters</Button>}
            />
          ) : (
            <Empty
              icon={<ScrollIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title="Nothing has been decided yet"
              description="Open one of the applications in a browser; a refusal appears here at once."
              contents={<Link href="/access/applications">Applications</Link>}
            />
          )
        }
      />
      {pages.hasNextPage && (
        <div className="flex justify-center">
          <Button loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
      {pages.error && rows ? (
        <Banner
          variant="error"
          title="The log could not be read"
          description={String(pages.error)}
        />
      ) : null}
    </Page>
  );
}

function PersonFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <div
      onBlur={() => text.trim() !== value && onChange(text.trim())}
      onKeyDown={(event) => event.key === 'Enter' && onChange(text.trim())}
    >
      <Suggest
        label="Person"
        placeholder="Any"
        queryKey="users"
        search={searchUsers}
        value={text}
        onChange={setText}
        onPick={(picked) => onChange(picked.value)}
      />
    </div>
  );
}
