// A form about one thing that was read: saved only while it is still what was read; when somebody
// else was quicker, it is read anew and what was typed stays.
import { useState } from 'react';
import type { Read } from './resource';
import { useForm, type Check } from './form';

export function useEdit<T, V extends object>({
  read,
  reload,
  toValues,
  check,
  save,
}: {
  read: Read<T>;
  reload: () => Promise<Read<T>>;
  toValues: (value: T) => V;
  check?: Check<V>;
  // Answers what is in force afterwards.
  save: (values: V, base: Read<T>) => Promise<Read<T>>;
}) {
  const [base, setBase] = useState(read);
  const form = useForm<V>({
    initial: toValues(base.value),
    ...(check ? { check } : {}),
    save: async (values) => setBase(await save(values, base)),
  });
  return {
    form,
    base: base.value,
    reload: async () => {
      const fresh = await reload();
      setBase(fresh);
      form.rebase(toValues(fresh.value));
    },
  };
}
