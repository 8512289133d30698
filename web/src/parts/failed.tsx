import { WarningCircleIcon } from '@phosphor-icons/react';
import { ApiError } from '../api/client';
import { Button, Empty } from './kumo';

// What stands in place of something that could not be read: what happened, why, what to do next.
export function Failed({
  error,
  retry,
  what = 'This could not be loaded',
}: {
  error: unknown;
  retry?: (() => void) | undefined;
  what?: string;
}) {
  const api = error instanceof ApiError ? error : null;
  const title = api?.isForbidden ? 'You may not see this' : what;
  const reason = error instanceof Error ? error.message : String(error);
  return (
    <div role="alert" className="text-center [overflow-wrap:anywhere]">
      <Empty
        icon={<WarningCircleIcon size={40} className="text-kumo-danger" aria-hidden />}
        title={title}
        description={api?.reference ? `${reason} (reference ${api.reference})` : reason}
        contents={retry ? <Button onClick={retry}>Try again</Button> : undefined}
      />
    </div>
  );
}
