// Short notes that something was done, or was not.
import { useKumoToastManager } from './kumo';

export function useSay() {
  const toasts = useKumoToastManager();
  return {
    done: (title: string, description?: string) =>
      void toasts.add({ title, description, variant: 'success' }),
    failed: (title: string, error: unknown) =>
      void toasts.add({
        title,
        description: error instanceof Error ? error.message : String(error),
        variant: 'error',
        timeout: 0,
      }),
  };
}
