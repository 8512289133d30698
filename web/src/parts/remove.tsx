// Removal of one thing: asks, says what will stop working, shows why it was refused, tells when it
// is done.
import { useState, type ReactNode } from 'react';
import { TrashIcon } from '@phosphor-icons/react';
import { ApiError } from '../api/client';
import { Button } from './kumo';
import { Question } from './question';
import { useSay } from './say';

export function Remove({
  what,
  name,
  consequence,
  typed = false,
  remove,
  onRemoved,
  label = 'Delete',
  icon = false,
}: {
  what: string; // "application"
  name: string;
  consequence: ReactNode;
  // The name has to be typed.
  typed?: boolean;
  remove: () => Promise<unknown>;
  onRemoved?: () => void;
  label?: string;
  // Only the picture, in rows of a table.
  icon?: boolean;
}) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const say = useSay();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await remove();
      setOpen(false);
      say.done(`${label === 'Delete' ? 'Deleted' : 'Done'}: ${name}`);
      onRemoved?.();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {icon ? (
        <Button
          variant="ghost"
          shape="square"
          size="sm"
          icon={TrashIcon}
          aria-label={`${label} ${name}`}
          onClick={() => setOpen(true)}
        />
      ) : (
        <Button variant="secondary-destructive" onClick={() => setOpen(true)}>
          {label}
        </Button>
      )}
      <Question
        open={isOpen}
        title={`${label} ${what} ${name}?`}
        text={consequence}
        confirm={label}
        typed={typed ? name : undefined}
        error={error}
        isBusy={isBusy}
        onConfirm={() => void confirm()}
        onDismiss={() => {
          setOpen(false);
          setError(undefined);
        }}
      />
    </>
  );
}
