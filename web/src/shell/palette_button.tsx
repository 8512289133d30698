// Opens the search over everything: a button, and Ctrl+K or Cmd+K. The search itself is loaded when
// it is first opened.
import { lazy, Suspense, useEffect, useState } from 'react';
import { MagnifyingGlassIcon } from '@phosphor-icons/react';
import { Button } from '../parts/kumo';

const Palette = lazy(() => import('./palette').then((module) => ({ default: module.Palette })));
const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function PaletteButton() {
  const [isOpen, setOpen] = useState(false);
  const [isLoaded, setLoaded] = useState(false);
  const open = () => {
    setLoaded(true);
    setOpen(true);
  };
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setLoaded(true);
      setOpen((before) => !before);
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
  return (
    <>
      <Button variant="ghost" icon={MagnifyingGlassIcon} onClick={open}>
        <span className="sr-only sm:not-sr-only">Search</span>
        <kbd className="hidden font-mono text-xs text-kumo-subtle sm:inline">
          {isMac ? '⌘K' : 'Ctrl K'}
        </kbd>
      </Button>
      {isLoaded && (
        <Suspense>
          <Palette open={isOpen} close={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
