// The frame of every page: where it is, its title (also the tab's), what can be done on it.
import { useEffect, type ReactNode } from 'react';
import { Breadcrumbs } from './kumo';

export interface Crumb {
  label: string;
  href: string;
}

export function Page({
  title,
  description,
  crumbs = [],
  actions,
  children,
}: {
  title: string;
  description?: ReactNode;
  crumbs?: Crumb[];
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Gatehouse`;
  }, [title]);
  return (
    <div className="mx-auto flex w-full max-w-6xl flex-col gap-6 p-4 md:p-8">
      {crumbs.length > 0 && (
        <Breadcrumbs className="-my-3">
          {crumbs.flatMap(({ label, href }) => [
            <Breadcrumbs.Link key={href} href={href}>
              {label}
            </Breadcrumbs.Link>,
            <Breadcrumbs.Separator key={`${href}/`} />,
          ])}
          <Breadcrumbs.Current>{title}</Breadcrumbs.Current>
        </Breadcrumbs>
      )}
      <header className="flex flex-wrap items-start justify-between gap-4">
        <div className="flex min-w-0 flex-col gap-1">
          <h1 className="m-0 text-2xl font-semibold text-kumo-default">{title}</h1>
          {description && <p className="m-0 max-w-prose text-sm text-kumo-subtle">{description}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

// A part of a page with a heading of its own.
export function Section({
  title,
  description,
  actions,
  children,
}: {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="flex flex-col gap-3" aria-label={title}>
      <div className="flex flex-wrap items-end justify-between gap-2">
        <div className="flex flex-col gap-0.5">
          <h2 className="m-0 text-lg font-semibold text-kumo-default">{title}</h2>
          {description && <p className="m-0 max-w-prose text-sm text-kumo-subtle">{description}</p>}
        </div>
        {actions}
      </div>
      {children}
    </section>
  );
}
