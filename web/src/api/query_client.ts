import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from './client';
import { noteSignedOut } from './signed_out';

const note = (error: unknown) => {
  if (error instanceof ApiError && error.isSignedOut) noteSignedOut();
};

// What was read is shown at once and asked for again; what the gateway refused is not repeated.
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: note }),
  mutationCache: new MutationCache({ onError: note }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
    },
  },
});
