import { forwardRef, type AnchorHTMLAttributes } from 'react';
import { Link } from '@tanstack/react-router';

type Properties = AnchorHTMLAttributes<HTMLAnchorElement> & { to?: string };

// Links of the component library: those within the dashboard are the router's.
export const AppLink = forwardRef<HTMLAnchorElement, Properties>(function AppLink(
  { href, to, ...rest },
  reference,
) {
  const target = href ?? to ?? '';
  if (target.startsWith('/') && rest.target === undefined) {
    const { pathname, search, hash } = new URL(target, window.location.origin);
    return (
      <Link
        ref={reference}
        to={pathname}
        search={Object.fromEntries(new URLSearchParams(search)) as never}
        hash={hash.slice(1)}
        {...rest}
      />
    );
  }
  return <a ref={reference} href={target} {...rest} />;
});
