// A list that the server pages and searches. The search and the page stand in the address, so that a
// link, a reload and the back button find the same.
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { MagnifyingGlassIcon } from '@phosphor-icons/react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Empty, Input, LayerCard, Pagination, SkeletonLine, Table } from './kumo';
import { Failed } from './failed';

export const kPageSize = 25;
const kTypingMs = 250;

// For `validateSearch` of a route with a list.
export interface ListSearch {
  search?: string | undefined;
  page?: number | undefined;
}
export function toListSearch(search: Record<string, unknown>): ListSearch {
  const page = Number(search.page);
  return {
    search: typeof search.search === 'string' && search.search ? search.search : undefined,
    page: Number.isInteger(page) && page > 1 ? page : undefined,
  };
}

export function useListSearch() {
  const found = toListSearch(useSearch({ strict: false }) as Record<string, unknown>);
  const navigate = useNavigate();
  const go = (change: ListSearch, replace: boolean) =>
    void navigate({
      to: '.',
      search: ((before: Record<string, unknown>) => ({ ...before, ...change })) as never,
      replace,
    });
  return {
    search: found.search ?? '',
    page: found.page ?? 1,
    setSearch: (search: string) => go({ search: search || undefined, page: undefined }, true),
    setPage: (page: number) => go({ page: page > 1 ? page : undefined }, false),
    // The query of the API.
    query: { page: found.page ?? 1, per_page: kPageSize, search: found.search },
  };
}

export function SearchField({
  value,
  onChange,
  label,
}: {
  value: string;
  onChange: (value: string) => void;
  label: string;
}) {
  const [text, setText] = useState(value);
  const timer = useRef<number>(undefined);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return (
    <div className="relative w-full max-w-sm">
      <MagnifyingGlassIcon
        className="pointer-events-none absolute start-2.5 top-1/2 -translate-y-1/2 text-kumo-subtle"
        aria-hidden
      />
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        className="w-full ps-8"
        value={text}
        onChange={(event) => {
          const next = event.target.value;
          setText(next);
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => onChange(next.trim()), kTypingMs);
        }}
      />
    </div>
  );
}

export interface Column<T> {
  title: string;
  // Hidden below the width of a tablet: what a row can do without.
  wide?: boolean;
  cell: (row: T) => ReactNode;
  className?: string;
}

export function DataTable<T>({
  label,
  columns,
  rows,
  rowKey,
  error,
  retry,
  isLoading,
  total,
  page,
  setPage,
  perPage = kPageSize,
  empty,
}: {
  label: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  rowKey: (row: T) => string;
  error?: unknown;
  retry?: () => void;
  isLoading: boolean;
  // Absent: the rows are all there are.
  total?: number | undefined;
  page?: number;
  setPage?: (page: number) => void;
  perPage?: number;
  // What stands there when there is nothing: says what to do.
  empty: ReactNode;
}) {
  if (error && !rows) return <Failed error={error} retry={retry} />;
  if (rows && rows.length === 0) return <>{empty}</>;
  const hidden = (column: Column<T>) => (column.wide ? 'hidden md:table-cell' : '');
  return (
    <div className="flex flex-col gap-3">
      {/* Focusable, so that what is wider than a phone can be scrolled by keyboard. */}
      <div className="overflow-x-auto" role="region" aria-label={label} tabIndex={0}>
        <LayerCard className="p-0" aria-busy={isLoading}>
          <Table>
            <Table.Header>
              <Table.Row>
                {columns.map((column) => (
                  <Table.Head key={column.title} className={hidden(column)}>
                    {column.title || <span className="sr-only">Actions</span>}
                  </Table.Head>
                ))}
              </Table.Row>
            </Table.Header>
            <Table.Body>
              {(rows ?? []).map((row) => (
                <Table.Row key={rowKey(row)}>
                  {columns.map((column) => (
                    <Table.Cell
                      key={column.title}
                      className={`${hidden(column)} ${column.className ?? ''}`}
                    >
                      {column.cell(row)}
                    </Table.Cell>
                  ))}
                </Table.Row>
              ))}
              {!rows &&
                Array.from({ length: 6 }, (_, line) => (
                  <Table.Row key={line}>
                    {columns.map((column) => (
                      <Table.Cell key={column.title} className={hidden(column)}>
                        <SkeletonLine />
                      </Table.Cell>
                    ))}
                  </Table.Row>
                ))}
            </Table.Body>
          </Table>
        </LayerCard>
      </div>
      {setPage && total !== undefined && total > perPage && (
        <Pagination page={page ?? 1} setPage={setPage} perPage={perPage} totalCount={total} />
      )}
    </div>
  );
}

export function NothingFound({ search, what }: { search: string; what: string }) {
  return (
    <Empty
      icon={<MagnifyingGlassIcon size={40} className="text-kumo-inactive" aria-hidden />}
      title={`No ${what} found`}
      description={`Nothing matches “${search}”. Try fewer letters.`}
    />
  );
}
