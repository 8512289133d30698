// A form: values, what is wrong with which field, whether it differs from what was read. What the
// API refuses stands beside its field, as what was found here does.
import { useCallback, useMemo, useRef, useState } from 'react';
import { useBlocker } from '@tanstack/react-router';
import { ApiError } from '../api/client';
import { fieldErrors, type FieldErrors } from './field_errors.ts';
import { rebased, withValueAt } from './values.ts';

// Undefined: nothing is wrong with that field.
export type Check<V> = (values: V) => Record<string, string | undefined>;

export interface Form<V extends object> {
  values: V;
  // Of fields, by the name that the API has for them; '' is about the whole.
  errors: FieldErrors;
  isDirty: boolean;
  isSaving: boolean;
  set: <K extends keyof V>(name: K, value: V[K]) => void;
  change: (part: Partial<V>) => void;
  // A value within: `config.port`. Only what was wrong with that is taken back.
  setAt: (path: string, value: unknown) => void;
  // What was read anew; nothing unsaved is left.
  reset: (values: V) => void;
  // What was read anew under the person's hands: what they changed stays, the rest is taken over.
  rebase: (values: V) => void;
  // Why the last save failed; null: it did not.
  failure: ApiError | null;
  // Checks, then saves; the focus goes to the first field that is wrong. True: saved.
  submit: () => Promise<boolean>;
}

export function useForm<V extends object>({
  initial,
  check = () => ({}),
  save,
}: {
  initial: V;
  check?: Check<V>;
  save: (values: V) => Promise<unknown>;
}): Form<V> {
  const [start, setStart] = useState(initial);
  const [values, setValues] = useState(initial);
  const [errors, setErrors] = useState<FieldErrors>({});
  const [isSaving, setSaving] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const saving = useRef(false);
  const isDirty = useMemo(
    () => JSON.stringify(values) !== JSON.stringify(start),
    [values, start],
  );

  const change = useCallback((part: Partial<V>) => {
    setValues((before) => ({ ...before, ...part }));
    setErrors((before) =>
      Object.fromEntries(
        Object.entries(before).filter(([name]) => !(name.split('.')[0] as string in part) && name),
      ),
    );
  }, []);
  const set = useCallback(
    <K extends keyof V>(name: K, value: V[K]) => change({ [name]: value } as unknown as Partial<V>),
    [change],
  );
  const setAt = useCallback((path: string, value: unknown) => {
    setValues((before) => withValueAt(before, path, value));
    setErrors((before) =>
      Object.fromEntries(
        Object.entries(before).filter(
          ([name]) => name && name !== path && !name.startsWith(`${path}.`),
        ),
      ),
    );
  }, []);
  const reset = useCallback((next: V) => {
    setStart(next);
    setValues(next);
    setErrors({});
    setFailure(null);
  }, []);
  const rebase = (next: V) => {
    setStart(next);
    setValues(rebased(start, values, next));
    setErrors({});
    setFailure(null);
  };

  const submit = async () => {
    if (saving.current) return false;
    const found: FieldErrors = Object.fromEntries(
      Object.entries(check(values)).filter((entry): entry is [string, string] => !!entry[1]),
    );
    if (Object.keys(found).length > 0) {
      setErrors(found);
      focusFirstError();
      return false;
    }
    saving.current = true;
    setSaving(true);
    setErrors({});
    setFailure(null);
    try {
      await save(values);
      setStart(values);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailure(error);
      setErrors(fieldErrors(error.problems));
      focusFirstError();
      return false;
    } finally {
      saving.current = false;
      setSaving(false);
    }
  };
  return {
    ...{ values, errors, isDirty, isSaving, failure },
    ...{ set, change, setAt, reset, rebase, submit },
  };
}

function focusFirstError(): void {
  window.setTimeout(() => {
    const wrong = document.querySelector<HTMLElement>(
      'form [aria-invalid="true"], form [data-invalid], [data-form-error]',
    );
    wrong?.focus();
    wrong?.scrollIntoView({ block: 'center' });
  }, 0);
}

// Asks before a page with unsaved changes is left: by a link, the back button, or the tab's end.
export function useUnsavedGuard(isDirty: boolean) {
  return useBlocker({
    shouldBlockFn: () => isDirty,
    enableBeforeUnload: () => isDirty,
    withResolver: true,
  });
}
