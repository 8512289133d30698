// Light, dark, or as the system has it. The choice is this browser's.
import { useSyncExternalStore } from 'react';

export type ColourMode = 'system' | 'light' | 'dark';
const kKey = 'colour-mode';
const system = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

const chosen = (): ColourMode => {
  const value = window.localStorage.getItem(kKey);
  return value === 'light' || value === 'dark' ? value : 'system';
};

export function applyColourMode(): void {
  const mode = chosen();
  const isDark = mode === 'dark' || (mode === 'system' && system.matches);
  document.documentElement.dataset.mode = isDark ? 'dark' : 'light';
  document.documentElement.style.colorScheme = isDark ? 'dark' : 'light';
}
system.addEventListener('change', applyColourMode);

export function chooseColourMode(mode: ColourMode): void {
  if (mode === 'system') window.localStorage.removeItem(kKey);
  else window.localStorage.setItem(kKey, mode);
  applyColourMode();
  for (const listener of listeners) listener();
}

export const useColourMode = (): ColourMode =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, chosen);
