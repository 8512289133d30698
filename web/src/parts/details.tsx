// Names and values, as a list that stands in two columns where there is room.
import { Fragment, type ReactNode } from 'react';

export function Details({ items }: { items: [name: string, value: ReactNode][] }) {
  return (
    <dl className="m-0 grid grid-cols-1 gap-x-6 gap-y-0 sm:grid-cols-[max-content_1fr] sm:gap-y-1">
      {items.map(([name, value]) => (
        <Fragment key={name}>
          <dt className="text-sm leading-6 text-kumo-subtle">{name}</dt>
          <dd className="m-0 mb-2 min-w-0 text-sm leading-6 break-words text-kumo-default sm:mb-0">
            {value}
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}
