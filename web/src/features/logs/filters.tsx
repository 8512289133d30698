// Parts of the filters of a log.
import { useState, type ReactNode } from 'react';
import { useQuery } from '@tanstack/react-query';
import { at, client } from '../../api/client';
import { Button, Input, Select } from '../../parts/kumo';
import { searchApplications, Suggest } from '../../parts/suggest';
import { kRanges, toLocalInput } from './range.ts';

export function Filters({
  children,
  clear,
}: {
  children: ReactNode;
  clear?: (() => void) | false;
}) {
  return (
    <section aria-label="Filters" className="grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap">
      {children}
      {clear && (
        <Button variant="ghost" onClick={clear}>
          Clear filters
        </Button>
      )}
    </section>
  );
}

// Kept until the field is left or Enter is pressed, so that not every letter asks the gateway.
export function TextFilter({
  label,
  value,
  onChange,
  placeholder,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
}) {
  const [text, setText] = useState(value);
  const [shown, setShown] = useState(value);
  if (shown !== value) {
    setShown(value);
    setText(value);
  }
  const done = () => text.trim() !== value && onChange(text.trim());
  return (
    <div className="w-full min-w-0 sm:w-48">
      <Input
        className="w-full"
        label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={done}
        onKeyDown={(event) => event.key === 'Enter' && done()}
      />
    </div>
  );
}

export function ChoiceFilter({
  label,
  value,
  onChange,
  choices,
  any = 'Any',
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  choices: { value: string; label: string }[];
  any?: string;
}) {
  const items = [{ value: '', label: any }, ...choices];
  return (
    <div className="w-full min-w-0 sm:w-44">
      <Select
        label={label}
        value={value}
        onValueChange={(next) => onChange((next as string | null) ?? '')}
        items={items}
        className="w-full"
      >
        {items.map((one) => (
          <Select.Option key={one.value} value={one.value}>
            {one.label}
          </Select.Option>
        ))}
      </Select>
    </div>
  );
}

// An application by its id, shown by its name.
export function ApplicationFilter({
  value,
  onChange,
}: {
  value: string;
  onChange: (id: string) => void;
}) {
  const [text, setText] = useState('');
  const named = useQuery({
    queryKey: ['application name', value],
    queryFn: async () => {
      const { data } = await client.GET('/accounts/{account_id}/access/apps/{app_id}', {
        params: { path: at({ app_id: value }) },
      });
      return data?.result?.name ?? value;
    },
    enabled: value !== '',
    retry: false,
  });
  return (
    <div className="w-full min-w-0 sm:w-56">
      {value ? (
        <div className="flex flex-col gap-1.5">
          <span className="text-base font-medium text-kumo-default">Application</span>
          <Button
            aria-label={`Any application instead of ${named.data ?? value}`}
            onClick={() => onChange('')}
          >
            <span className="max-w-40 truncate">{named.data ?? value}</span> ×
          </Button>
        </div>
      ) : (
        <Suggest
          label="Application"
          placeholder="Any"
          queryKey="applications"
          search={searchApplications}
          value={text}
          onChange={setText}
          onPick={({ id }) => {
            setText('');
            if (id) onChange(id);
          }}
        />
      )}
    </div>
  );
}

export function RangeFilter({
  range,
  since,
  until,
  onChange,
}: {
  range: string;
  since: string;
  until: string;
  onChange: (change: { range?: string; since?: string; until?: string }) => void;
}) {
  const isOwn = range === 'own';
  const moment = (name: 'since' | 'until', label: string, value: string) => (
    <div className="w-full min-w-0 sm:w-52">
      <Input
        type="datetime-local"
        className="w-full"
        label={label}
        value={toLocalInput(value)}
        onChange={(event) => {
          const instant = Date.parse(event.target.value);
          onChange({ [name]: Number.isNaN(instant) ? '' : new Date(instant).toISOString() });
        }}
      />
    </div>
  );
  return (
    <>
      <ChoiceFilter
        label="Time"
        any="Any time"
        value={range}
        onChange={(next) =>
          onChange(next === 'own' ? { range: next } : { range: next, since: '', until: '' })
        }
        choices={kRanges.map(({ value, label }) => ({ value, label }))}
      />
      {isOwn && moment('since', 'From', since)}
      {isOwn && moment('until', 'Until', until)}
    </>
  );
}
