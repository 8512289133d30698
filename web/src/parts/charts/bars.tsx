// Counts by name as horizontal bars: a list, whose every line says its name and its count.
import type { ReactNode } from 'react';
import { SkeletonLine } from '../kumo';
import { toCount } from './scale.ts';

export interface Bar {
  key: string;
  label: ReactNode;
  count: number;
}

export function Bars({
  label,
  bars,
  fill = 'bg-kumo-badge-blue',
}: {
  label: string;
  bars: Bar[];
  fill?: string;
}) {
  const largest = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <ul aria-label={label} className="m-0 flex list-none flex-col gap-3 p-0">
      {bars.map(({ key, label: name, count }) => (
        <li key={key} className="flex flex-col gap-1">
          <span className="flex items-baseline justify-between gap-4 text-sm">
            <span className="min-w-0 text-kumo-default">{name}</span>
            <span className="text-kumo-strong tabular-nums">{toCount(count)}</span>
          </span>
          <span className="block h-2 overflow-hidden rounded-full bg-kumo-recessed" aria-hidden>
            <span
              className={`block h-full rounded-full ${fill}`}
              style={{ width: count === 0 ? 0 : `max(${(count / largest) * 100}%, 4px)` }}
            />
          </span>
        </li>
      ))}
    </ul>
  );
}

export function BarsLoading({ lines = 4 }: { lines?: number }) {
  return (
    <div className="flex flex-col gap-4" aria-hidden>
      {Array.from({ length: lines }, (_, line) => (
        <SkeletonLine key={line} />
      ))}
    </div>
  );
}
