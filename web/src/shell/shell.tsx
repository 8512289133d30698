// What stands around every page: the navigation, who is signed in, and what concerns all pages.
import { Suspense, useEffect, useRef } from 'react';
import {
  AppWindowIcon,
  CertificateIcon,
  ChartLineIcon,
  CircleHalfIcon,
  ClipboardTextIcon,
  DevicesIcon,
  FileHtmlIcon,
  FingerprintIcon,
  FlaskIcon,
  GearIcon,
  HeartbeatIcon,
  KeyIcon,
  ListBulletsIcon,
  RobotIcon,
  ScrollIcon,
  ShieldCheckIcon,
  SignOutIcon,
  TagIcon,
  UserIcon,
  UsersThreeIcon,
} from '@phosphor-icons/react';
import { Outlet, useRouterState } from '@tanstack/react-router';
import { useSignedOut } from '../api/signed_out';
import { queryClient } from '../api/query_client';
import { Banner, Button, DropdownMenu, Loader, Sidebar } from '../parts/kumo';
import { chooseColourMode, useColourMode, type ColourMode } from './colour_mode';
import { useMe } from './me';
import { PaletteButton } from './palette_button';

export const kNavigation = [
  {
    label: '',
    entries: [{ label: 'Overview', href: '/', icon: ChartLineIcon }],
  },
  {
    label: 'Access',
    entries: [
      { label: 'Applications', href: '/access/applications', icon: AppWindowIcon },
      { label: 'Authentication', href: '/access/authentication', icon: FingerprintIcon },
      { label: 'Policies', href: '/access/policies', icon: ShieldCheckIcon },
      { label: 'Groups', href: '/access/groups', icon: UsersThreeIcon },
      { label: 'Lists', href: '/access/lists', icon: ListBulletsIcon },
      { label: 'Service tokens', href: '/access/service-tokens', icon: RobotIcon },
      { label: 'Policy tester', href: '/access/tester', icon: FlaskIcon },
    ],
  },
  {
    label: 'People',
    entries: [
      { label: 'Users', href: '/users', icon: UserIcon },
      { label: 'Devices', href: '/devices', icon: DevicesIcon },
    ],
  },
  {
    label: 'Logs',
    entries: [
      { label: 'Decisions', href: '/logs/decisions', icon: ScrollIcon },
      { label: 'Audit', href: '/logs/audit', icon: ClipboardTextIcon },
    ],
  },
  {
    label: 'Settings',
    entries: [
      { label: 'General', href: '/settings/general', icon: GearIcon },
      { label: 'Custom pages', href: '/settings/pages', icon: FileHtmlIcon },
      { label: 'Client certificates', href: '/settings/certificates', icon: CertificateIcon },
      { label: 'Keys and tokens', href: '/settings/keys', icon: KeyIcon },
      { label: 'Tags', href: '/settings/tags', icon: TagIcon },
      { label: 'Health', href: '/settings/health', icon: HeartbeatIcon },
    ],
  },
] as const;

const kModes: { mode: ColourMode; label: string }[] = [
  { mode: 'system', label: 'As the system' },
  { mode: 'light', label: 'Light' },
  { mode: 'dark', label: 'Dark' },
];

const isWithin = (path: string, href: string) =>
  href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);

function Navigation() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <Sidebar.Content>
      <nav aria-label="Main">
        {kNavigation.map(({ label, entries }) => (
          <Sidebar.Group key={label}>
            {label && <Sidebar.GroupLabel>{label}</Sidebar.GroupLabel>}
            <Sidebar.Menu>
              {entries.map((entry) => (
                <Sidebar.MenuItem key={entry.href}>
                  <Sidebar.MenuButton
                    icon={entry.icon}
                    href={entry.href}
                    active={isWithin(path, entry.href)}
                    aria-current={isWithin(path, entry.href) ? 'page' : undefined}
                    tooltip={entry.label}
                  >
                    {entry.label}
                  </Sidebar.MenuButton>
                </Sidebar.MenuItem>
              ))}
            </Sidebar.Menu>
          </Sidebar.Group>
        ))}
      </nav>
    </Sidebar.Content>
  );
}

function Person() {
  const me = useMe();
  const mode = useColourMode();
  return (
    <div className="flex items-center gap-1">
      <DropdownMenu>
        <DropdownMenu.Trigger
          render={
            <Button variant="ghost" shape="square" icon={CircleHalfIcon} aria-label="Colours" />
          }
        />
        <DropdownMenu.Content>
          {kModes.map((one) => (
            <DropdownMenu.Item key={one.mode} onClick={() => chooseColourMode(one.mode)}>
              {one.label}
              {one.mode === mode ? ' ✓' : ''}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu>
      <DropdownMenu>
        <DropdownMenu.Trigger
          render={
            <Button variant="ghost" icon={UserIcon} aria-label={`Signed in as ${me.name}`}>
              <span className="hidden max-w-56 truncate sm:inline">{me.name}</span>
            </Button>
          }
        />
        <DropdownMenu.Content>
          <DropdownMenu.Item disabled>{me.role.replace('_', ' ')}</DropdownMenu.Item>
          <DropdownMenu.Item
            icon={AppWindowIcon}
            onClick={() => window.location.assign(`https://${me.auth_domain}/`)}
          >
            My applications
          </DropdownMenu.Item>
          {me.sign_out_url && (
            <DropdownMenu.Item
              icon={SignOutIcon}
              onClick={() => window.location.assign(me.sign_out_url as string)}
            >
              Sign out
            </DropdownMenu.Item>
          )}
        </DropdownMenu.Content>
      </DropdownMenu>
    </div>
  );
}

function SignedOut() {
  if (!useSignedOut()) return null;
  return (
    <div role="alert" className="p-4 pb-0">
      <Banner
        variant="alert"
        title="Your session has ended"
        description="What you typed is still here. Sign in again in a new tab, then go on."
        action={
          <span className="flex flex-wrap gap-2">
            <Button onClick={() => window.open('/', '_blank', 'noopener')}>Sign in again</Button>
            <Button variant="primary" onClick={() => void queryClient.invalidateQueries()}>
              Go on
            </Button>
          </span>
        }
      />
    </div>
  );
}

export function Shell() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // A new page begins at its top, for the eyes and for a screen reader.
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus({ preventScroll: false });
  }, [path]);
  return (
    <Sidebar.Provider defaultOpen className="min-h-full">
      <a href="#main" className="skip z-50 bg-kumo-base p-2 text-kumo-link">
        Skip to the page
      </a>
      <Sidebar className="md:sticky! md:top-0 md:h-svh! md:self-start">
        <Sidebar.Header>
          <span className="flex items-center gap-2 px-1 font-semibold">
            <img src="/icon.svg" alt="" width={24} height={24} />
            Gatehouse
          </span>
        </Sidebar.Header>
        <Navigation />
        <Sidebar.Footer>
          <Sidebar.Trigger />
        </Sidebar.Footer>
      </Sidebar>
      <div className="flex min-w-0 flex-1 flex-col bg-kumo-canvas">
        <header className="flex items-center justify-between gap-2 border-b border-kumo-hairline bg-kumo-base px-4 py-2">
          <span className="md:invisible">
            <Sidebar.Trigger aria-label="Navigation" />
          </span>
          <span className="flex items-center gap-1">
            <PaletteButton />
            <Person />
          </span>
        </header>
        <SignedOut />
        <main id="main" ref={main} tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <Suspense
            fallback={
              <div className="grid place-items-center p-16" role="status" aria-label="Loading">
                <Loader size={24} />
              </div>
            }
          >
            <Outlet />
          </Suspense>
        </main>
      </div>
    </Sidebar.Provider>
  );
}
