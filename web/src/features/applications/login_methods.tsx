// Which login methods an application accepts: all there are, or each switched on or off.
import { $api, at } from '../../api/client';
import { Link, SkeletonLine, Switch } from '../../parts/kumo';
import { methodKind } from '../authentication/methods.ts';

export interface LoginDraft {
  all_idps: boolean;
  allowed_idps: string[];
}
export const toLoginDraft = (allowed: string[] | undefined): LoginDraft => ({
  all_idps: (allowed ?? []).length === 0,
  allowed_idps: allowed ?? [],
});
export const toAllowed = ({ all_idps, allowed_idps }: LoginDraft) =>
  all_idps ? [] : allowed_idps;
export const checkLogin = ({ all_idps, allowed_idps }: LoginDraft) => ({
  allowed_idps:
    all_idps || allowed_idps.length > 0
      ? undefined
      : 'Switch at least one on: otherwise nobody could sign in',
});

export function LoginMethods({
  value: { all_idps, allowed_idps },
  onChange,
  error,
}: {
  value: LoginDraft;
  onChange: (value: LoginDraft) => void;
  error?: string | undefined;
}) {
  const methods = $api.useQuery('get', '/accounts/{account_id}/access/identity_providers', {
    params: { path: at(), query: { per_page: 1000 } },
  });
  const known = methods.data?.result;
  const all = known?.map(({ id }) => id) ?? [];
  // A method that is gone stays in the list until it is switched off.
  const gone = known ? allowed_idps.filter((id) => !all.includes(id)) : [];
  const rows = [
    ...(known ?? []).map(({ id, name, type }) => ({
      ...{ id, name },
      kind: methodKind(type)?.name ?? type,
    })),
    ...gone.map((id) => ({ id, name: id, kind: 'deleted' })),
  ];
  const turn = (id: string, on: boolean) => {
    const chosen = all_idps ? all : allowed_idps;
    onChange({
      all_idps: false,
      allowed_idps: on ? [...chosen, id] : chosen.filter((one) => one !== id),
    });
  };
  return (
    <div className="flex flex-col gap-4">
      <Switch
        label="Accept all login methods, also those that are added later"
        checked={all_idps}
        onCheckedChange={(on) =>
          onChange({ all_idps: on, allowed_idps: on ? [] : all_idps ? all : allowed_idps })
        }
      />
      {!known && !methods.error && <SkeletonLine />}
      {methods.error && (
        <p role="alert" className="m-0 text-kumo-danger">
          The login methods could not be read.
        </p>
      )}
      {known?.length === 0 && (
        <p className="m-0 text-kumo-strong">
          There is no login method yet.{' '}
          <Link href="/access/authentication/login-methods">Add a login method</Link>, so that people
          can sign in.
        </p>
      )}
      <ul className="m-0 flex list-none flex-col gap-3 p-0" aria-label="Login methods">
        {rows.map(({ id, name, kind }) => (
          <li key={id} className="flex flex-wrap items-center gap-x-3">
            <Switch
              label={name}
              checked={all_idps || allowed_idps.includes(id)}
              onCheckedChange={(on) => turn(id, on)}
            />
            <span className="text-sm text-kumo-subtle">{kind}</span>
          </li>
        ))}
      </ul>
      {error && (
        <p role="alert" tabIndex={-1} data-form-error className="m-0 text-sm text-kumo-danger">
          {error}
        </p>
      )}
    </div>
  );
}
