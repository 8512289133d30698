// Search over everything: pages, applications, users, a reference that somebody sent.
import { useEffect, useMemo, useState } from 'react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { at, client } from '../api/client';
import { CommandPalette } from '../parts/kumo';
import { matching, referenceEntry, type Entry, type Group } from './palette_entries.ts';
import { kNavigation } from './shell';

const kTypingMs = 150;
const kFound = 5;

const kPages: Group[] = [
  ...kNavigation.map(({ label, entries }) => ({
    label: label || 'Gatehouse',
    items: entries.map((entry) => ({ key: entry.href, title: entry.label, href: entry.href })),
  })),
  {
    label: 'More',
    items: [
      { key: 'methods', title: 'Login methods', href: '/access/authentication/login-methods' },
      { key: 'posture', title: 'Device Posture', href: '/access/authentication/device-posture' },
      { key: 'new', title: 'New application', href: '/access/applications/new' },
      { key: 'sign-ins', title: 'Sign-ins', href: '/logs/sign-ins' },
    ],
  },
];

async function find(search: string): Promise<Group[]> {
  const query = { search, per_page: kFound };
  const [applications, users] = await Promise.all([
    client.GET('/accounts/{account_id}/access/apps', { params: { path: at(), query } }),
    client.GET('/accounts/{account_id}/access/users', { params: { path: at(), query } }),
  ]);
  return [
    {
      label: 'Applications',
      items: (applications.data?.result ?? []).map(({ id = '', name = '', domain = '' }) => ({
        key: id,
        title: name,
        note: domain,
        href: `/access/applications/${id}`,
      })),
    },
    {
      label: 'Users',
      items: (users.data?.result ?? []).map(({ id, email, name }) => ({
        key: id,
        title: email,
        note: name === email ? '' : name,
        href: `/users/${id}`,
      })),
    },
  ].filter(({ items }) => items.length > 0);
}

export function Palette({ open, close }: { open: boolean; close: () => void }) {
  const navigate = useNavigate();
  const [search, setSearch] = useState('');
  const [asked, setAsked] = useState('');
  useEffect(() => {
    const timer = window.setTimeout(() => setAsked(search.trim()), kTypingMs);
    return () => window.clearTimeout(timer);
  }, [search]);
  useEffect(() => {
    if (open) setSearch('');
  }, [open]);
  const found = useQuery({
    queryKey: ['palette', asked],
    queryFn: () => find(asked),
    enabled: open && asked !== '',
    placeholderData: keepPreviousData,
  });
  const groups = useMemo(() => {
    const reference = referenceEntry(search);
    return [
      ...(reference ? [{ label: 'Reference', items: [reference] }] : []),
      ...matching(kPages, search),
      ...(search.trim() ? (found.data ?? []) : []),
    ];
  }, [search, found.data]);
  const go = ({ href }: Entry, isNewTab = false) => {
    close();
    if (isNewTab) window.open(href, '_blank', 'noopener');
    else void navigate({ to: href });
  };
  return (
    <CommandPalette.Root<Group, Entry>
      open={open}
      onOpenChange={(next) => !next && close()}
      items={groups}
      value={search}
      onValueChange={setSearch}
      itemToStringValue={({ label }) => label}
      filter={() => true}
      getSelectableItems={(all) => all.flatMap(({ items }) => items)}
      onSelect={(entry, { newTab }) => go(entry, newTab)}
    >
      <CommandPalette.Input
        aria-label="Search pages, applications, users, or paste a reference"
        placeholder="Search pages, applications, users, or paste a reference"
      />
      <CommandPalette.List>
        <CommandPalette.Results>
          {(group: Group) => (
            <CommandPalette.Group key={group.label} items={group.items}>
              <CommandPalette.GroupLabel>{group.label}</CommandPalette.GroupLabel>
              <CommandPalette.Items>
                {(entry: Entry) => (
                  <CommandPalette.Item
                    key={entry.key}
                    value={entry}
                    onClick={(event) => go(entry, event.metaKey || event.ctrlKey)}
                  >
                    <span className="flex min-w-0 items-baseline gap-2">
                      <span className="truncate">{entry.title}</span>
                      {entry.note && (
                        <span className="truncate text-sm text-kumo-subtle">{entry.note}</span>
                      )}
                    </span>
                  </CommandPalette.Item>
                )}
              </CommandPalette.Items>
            </CommandPalette.Group>
          )}
        </CommandPalette.Results>
        <CommandPalette.Empty>
          {found.isFetching ? 'Searching …' : 'Nothing found'}
        </CommandPalette.Empty>
      </CommandPalette.List>
    </CommandPalette.Root>
  );
}
