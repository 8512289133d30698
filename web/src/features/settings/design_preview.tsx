// What the sign-in page will look like, while it is being chosen.
import { LayerCard } from '../../parts/kumo';
import { isImage, lookOf, type Design } from './design.ts';

export function DesignPreview({ name, design }: { name: string; design: Design }) {
  const look = lookOf(design);
  const isShown = design.logo_path.startsWith('data:') && isImage(design.logo_path);
  const button = look?.button;
  return (
    <figure className="m-0 flex flex-col gap-2">
      <figcaption className="text-sm font-medium">Preview of the sign-in page</figcaption>
      <LayerCard className="p-0">
        {/* Colours that are not ours: they are what is being chosen. */}
        <div
          className="flex flex-col items-center gap-4 rounded-lg bg-kumo-recessed p-6 text-kumo-default"
          style={look ? { background: look.page, color: look.onPage } : {}}
        >
          {isShown ? (
            <img src={design.logo_path} alt="" className="max-h-10 max-w-40" />
          ) : (
            design.logo_path && <span className="text-sm">Your logo</span>
          )}
          <div
            className="flex w-full max-w-xs flex-col gap-3 rounded-lg p-4 shadow-sm"
            style={{ background: '#ffffff', color: '#111827' }}
          >
            <span className="font-semibold">Sign in to {name || 'your organization'}</span>
            {design.header_text && <span className="text-sm break-words">{design.header_text}</span>}
            <span
              className="rounded-md px-3 py-2 text-center text-sm font-medium"
              style={{ background: button?.colour ?? '#1d4ed8', color: button?.text ?? '#ffffff' }}
            >
              Continue
            </span>
          </div>
          {design.footer_text && <span className="text-sm break-words">{design.footer_text}</span>}
        </div>
      </LayerCard>
      {look?.notes.map((note) => (
        <p key={note} role="status" className="m-0 text-sm text-kumo-strong">
          {note}
        </p>
      ))}
      {design.logo_path && !isShown && (
        <p className="m-0 text-sm text-kumo-subtle">
          The dashboard loads nothing from other hosts: the logo itself is seen on the page.
        </p>
      )}
    </figure>
  );
}
