// A form about some members of an application; the others stay as they were read.
import { useQueryClient } from '@tanstack/react-query';
import { at, client } from '../../api/client';
import type { Check } from '../../parts/form';
import { useEdit } from '../../parts/edit';
import { ifMatch, toRead, type Read } from '../../parts/resource';
import { toRequest, type Application } from './application.ts';
import { kApplications } from './applications';

export interface TabProperties {
  read: Read<Application>;
  reload: () => Promise<Read<Application>>;
}
export const applicationKey = (id: string) => ['resource', 'application', id];

export function useSaveApplication() {
  const queries = useQueryClient();
  return async (change: Parameters<typeof toRequest>[1], base: Read<Application>) => {
    const { id } = base.value;
    const saved = await toRead(
      client.PUT(`${kApplications}/{app_id}`, {
        params: { path: at({ app_id: id }), header: ifMatch(base.etag) },
        body: toRequest(base.value, change),
      }),
    );
    queries.setQueryData(applicationKey(id), saved);
    void queries.invalidateQueries({ queryKey: ['get', kApplications] });
    return saved;
  };
}

export function useApplicationForm<V extends object>({
  read,
  reload,
  toValues,
  check,
  toChange,
  around = (_values, save) => save(),
}: TabProperties & {
  toValues: (application: Application) => V;
  check?: Check<V>;
  toChange: (values: V, application: Application) => Parameters<typeof toRequest>[1];
  // What else has to be done with it.
  around?: (
    values: V,
    save: () => Promise<Read<Application>>,
  ) => Promise<Read<Application>>;
}) {
  const save = useSaveApplication();
  return useEdit<Application, V>({
    read,
    reload,
    toValues,
    ...(check ? { check } : {}),
    save: (values, base) => around(values, () => save(toChange(values, base.value), base)),
  });
}
