// What stops working without a login method, a provider or a check, by name.
import { $api, at } from '../../api/client';
import { Loader } from '../../parts/kumo';
import { UsedBy } from '../usage/used_by';
import type { LoginMethod } from './methods.ts';
import type { Provider } from './posture.ts';

export function MethodUsers({ method }: { method: LoginMethod }) {
  return (
    <div className="flex flex-col gap-2">
      <p className="m-0">
        Nobody can sign in with {method.name} any more, to any application. These name it, in their
        login methods or their rules:
      </p>
      <UsedBy
        used="login_method"
        id={method.id}
        nobody="None names it. Applications that allow all login methods lose it as well."
      />
    </div>
  );
}

export function ProviderUsers({ provider }: { provider: Provider }) {
  const checks = $api.useQuery('get', '/accounts/{account_id}/devices/posture', {
    params: { path: at() },
  });
  if (!checks.data)
    return (
      <span role="status" aria-label="Looking who uses it">
        <Loader size={16} />
      </span>
    );
  const own = checks.data.result?.filter(({ input }) => input?.connection_id === provider.id) ?? [];
  if (own.length === 0)
    return <p className="m-0">No check asks it, so that no policy depends on it.</p>;
  return (
    <div className="flex flex-col gap-2">
      <p className="m-0">These checks ask it; delete them first:</p>
      {own.map((check) => (
        <div key={check.id} className="flex flex-col gap-1">
          <span className="font-medium">{check.name}</span>
          <UsedBy used="posture" id={check.id} nobody="No policy requires it." />
        </div>
      ))}
    </div>
  );
}

export function CheckUsers({ id }: { id: string }) {
  return (
    <div className="flex flex-col gap-2">
      <p className="m-0">Policies that ask for it have to let go of it first:</p>
      <UsedBy used="posture" id={id} nobody="No policy asks for it." />
    </div>
  );
}
