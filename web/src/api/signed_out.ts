// Whether the gateway has said that the person's session is over. The shell offers to sign in again
// in a second tab, so that nothing typed is lost.
import { useSyncExternalStore } from 'react';

let isOver = false;
const listeners = new Set<() => void>();
const set = (value: boolean) => {
  if (value === isOver) return;
  isOver = value;
  for (const listener of listeners) listener();
};

export const noteSignedOut = () => set(true);
export const noteSignedIn = () => set(false);
export const useSignedOut = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOver,
  );
