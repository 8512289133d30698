// What can be added, as a list of links: those that have an effect first.
import type { ReactNode } from 'react';
import { CaretRightIcon } from '@phosphor-icons/react';
import { Link, LayerCard } from '../../parts/kumo';

export interface Kind {
  type: string;
  name: string;
  about: string;
}

export function KindList({
  label,
  kinds,
  hrefOf,
  children,
}: {
  label: string;
  kinds: readonly Kind[];
  hrefOf: (type: string) => string;
  children?: ReactNode;
}) {
  return (
    <LayerCard className="p-0">
      <ul aria-label={label} className="m-0 list-none divide-y divide-kumo-hairline p-0">
        {kinds.map(({ type, name, about }) => (
          <li key={type} className="relative flex items-center gap-3 p-4 hover:bg-kumo-tint">
            <span className="flex min-w-0 flex-1 flex-col gap-0.5">
              <Link href={hrefOf(type)} variant="plain" className="font-medium text-kumo-default">
                {/* The whole row is the link. */}
                <span className="absolute inset-0" aria-hidden />
                {name}
              </Link>
              <span className="text-sm text-kumo-subtle">{about}</span>
            </span>
            <CaretRightIcon className="shrink-0 text-kumo-subtle" aria-hidden />
          </li>
        ))}
      </ul>
      {children}
    </LayerCard>
  );
}
