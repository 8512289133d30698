// A secret that is shown once: a copy button, and no way past it by accident.
import { Banner, Button, ClipboardText, Dialog } from './kumo';

export function ShownOnce({
  open,
  title,
  values,
  onDone,
}: {
  open: boolean;
  title: string;
  values: { label: string; value: string }[];
  onDone: () => void;
}) {
  return (
    <Dialog.Root open={open} onOpenChange={(next: boolean) => !next && onDone()}>
      <Dialog size="lg" className="flex flex-col gap-4 p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">{title}</Dialog.Title>
        <Banner
          variant="alert"
          title="Copy it now"
          description="The gateway keeps only a hash: it cannot be shown again."
        />
        {values.map(({ label, value }) => (
          <div key={label} className="flex flex-col gap-1">
            <span className="text-sm font-medium">{label}</span>
            <ClipboardText text={value} />
          </div>
        ))}
        <div className="flex justify-end">
          <Button variant="primary" onClick={onDone}>
            I have copied it
          </Button>
        </div>
      </Dialog>
    </Dialog.Root>
  );
}
