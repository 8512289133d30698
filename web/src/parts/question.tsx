// A question in front of the page. Before destruction it says what will stop working, by name.
import { useState, type ReactNode } from 'react';
import { Button, Dialog, Input } from './kumo';

export function Question({
  open,
  title,
  text,
  confirm,
  dismiss = 'Cancel',
  typed,
  error,
  isBusy = false,
  destructive = true,
  onConfirm,
  onDismiss,
}: {
  open: boolean;
  title: string;
  text: ReactNode;
  confirm: string;
  dismiss?: string;
  // What has to be typed first, where a slip would hurt many.
  typed?: string | undefined;
  error?: string | undefined;
  isBusy?: boolean;
  destructive?: boolean;
  onConfirm: () => void;
  onDismiss: () => void;
}) {
  const [entered, setEntered] = useState('');
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next: boolean) => {
        if (next) return;
        setEntered('');
        onDismiss();
      }}
    >
      <Dialog size="lg" className="flex flex-col gap-4 p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">{title}</Dialog.Title>
        <Dialog.Description render={<div />} className="text-kumo-strong">
          {text}
        </Dialog.Description>
        {typed && (
          <Input
            label={`Type ${typed} to go on`}
            value={entered}
            onChange={(event) => setEntered(event.target.value)}
            autoComplete="off"
          />
        )}
        {error && (
          <p role="alert" className="m-0 text-kumo-danger">
            {error}
          </p>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Dialog.Close render={(p) => <Button {...p}>{dismiss}</Button>} />
          <Button
            variant={destructive ? 'destructive' : 'primary'}
            loading={isBusy}
            disabled={typed !== undefined && entered !== typed}
            onClick={onConfirm}
          >
            {confirm}
          </Button>
        </div>
      </Dialog>
    </Dialog.Root>
  );
}
