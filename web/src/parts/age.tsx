// How long ago, with the instant itself for those who need it.
import { useEffect, useState } from 'react';
import { ageOf, toInstant } from './time.ts';

export function Age({ at, never = 'never' }: { at: string | null | undefined; never?: string }) {
  const [, setNow] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 30_000);
    return () => window.clearInterval(timer);
  }, []);
  if (!at || at.startsWith('0001-')) return <span className="text-kumo-subtle">{never}</span>;
  return (
    <time dateTime={at} title={toInstant(at)} className="whitespace-nowrap">
      {ageOf(at)}
    </time>
  );
}
