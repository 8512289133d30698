// A form with its buttons, the errors that belong to no field, and the question before unsaved
// changes are lost.
import { type ReactNode } from 'react';
import { Banner, Button } from './kumo';
import { otherErrors } from './field_errors.ts';
import { useUnsavedGuard, type Form } from './form';
import { Question } from './question';

export function FormBody<V extends object>({
  form,
  shown,
  submitLabel = 'Save',
  cancel,
  onSaved,
  mayWrite = true,
  guard = true,
  quiet = false,
  wide = false,
  reload,
  children,
}: {
  form: Form<V>;
  // Names of the fields that show their own errors.
  shown: readonly string[];
  submitLabel?: string;
  cancel?: () => void;
  onSaved?: () => void;
  mayWrite?: boolean;
  guard?: boolean;
  // Without buttons until something is changed.
  quiet?: boolean;
  // As wide as the page, for what is more than fields.
  wide?: boolean;
  // Reads anew what somebody else has changed meanwhile, and rebases the form on it.
  reload?: () => Promise<unknown>;
  children: ReactNode;
}) {
  const blocker = useUnsavedGuard(guard && form.isDirty && !form.isSaving);
  const isOutdated = reload !== undefined && form.failure?.isOutdated === true;
  const others = isOutdated ? [] : otherErrors(form.errors, shown);
  return (
    <form
      noValidate
      className={`flex w-full flex-col gap-6 ${wide ? '' : 'max-w-3xl'}`}
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void form.submit().then((isSaved) => isSaved && onSaved?.());
      }}
    >
      {others.length > 0 && (
        <div role="alert" tabIndex={-1} data-form-error>
          <Banner variant="error" title="This was not saved" description={others.join('; ')} />
        </div>
      )}
      {isOutdated && (
        <div role="alert" tabIndex={-1} data-form-error>
          <Banner
            variant="alert"
            title="Somebody changed it meanwhile"
            description="Nothing was saved. Load it anew: what you changed here stays in the form, everything else is shown as it is now."
            action={
              <Button type="button" onClick={() => void reload?.()}>
                Load it anew
              </Button>
            }
          />
        </div>
      )}
      <fieldset disabled={!mayWrite} className="m-0 flex min-w-0 flex-col gap-6 border-0 p-0">
        {children}
      </fieldset>
      {!(quiet && mayWrite && !form.isDirty) && (
        <div className="flex flex-wrap items-center gap-2">
          {mayWrite ? (
            <Button type="submit" variant="primary" loading={form.isSaving}>
              {submitLabel}
            </Button>
          ) : (
            <p className="m-0 text-kumo-strong">Your role may look at this, not change it.</p>
          )}
          {cancel && (
            <Button type="button" variant="secondary" onClick={cancel}>
              Cancel
            </Button>
          )}
        </div>
      )}
      <Question
        open={blocker.status === 'blocked'}
        title="Leave without saving?"
        text="What you changed on this page is lost."
        confirm="Leave"
        dismiss="Stay"
        onConfirm={() => blocker.proceed?.()}
        onDismiss={() => blocker.reset?.()}
      />
    </form>
  );
}
