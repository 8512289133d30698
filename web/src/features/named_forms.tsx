// Forms about one thing that has a name: a new one, and one that is there.
import type { ComponentProps } from 'react';
import { useNavigate } from '@tanstack/react-router';
import type { Form } from '../parts/form';
import { FormBody } from '../parts/form_page';
import { useSay } from '../parts/say';
import { useMayWrite } from '../shell/me';

type Rest<V extends object> = Omit<ComponentProps<typeof FormBody<V>>, 'form' | 'onSaved'>;

// Saved or left, the list at `list` follows. `next`: what to do with it then.
export function NewFormBody<V extends { name: string }>({
  form,
  list,
  said = 'Added',
  next,
  ...rest
}: Rest<V> & { form: Form<V>; list: string; said?: string; next?: string }) {
  const navigate = useNavigate();
  const say = useSay();
  const leave = () => void navigate({ to: list });
  return (
    <FormBody
      {...rest}
      form={form}
      cancel={leave}
      onSaved={() => {
        say.done(`${said}: ${form.values.name}`, next);
        leave();
      }}
    />
  );
}

// `edit`: of useEdit.
export function EditFormBody<V extends { name: string }>({
  edit,
  ...rest
}: Rest<V> & { edit: { form: Form<V>; reload: () => Promise<unknown> } }) {
  const mayWrite = useMayWrite();
  const say = useSay();
  return (
    <FormBody
      {...rest}
      form={edit.form}
      reload={edit.reload}
      mayWrite={mayWrite}
      onSaved={() => say.done(`Saved: ${edit.form.values.name}`)}
    />
  );
}
