// Withdrawing a device, and accepting it again.
import { useQueryClient } from '@tanstack/react-query';
import { at, client, type Schemas } from '../../api/client';
import { useMayRevoke } from '../../shell/me';
import { Remove } from '../../parts/remove';
import { kDevices, kSessions } from './paths.ts';

export function DeviceRevocation({ device }: { device: Schemas['Device'] }) {
  const queries = useQueryClient();
  const mayRevoke = useMayRevoke();
  if (!mayRevoke) return null;
  const name = device.name || device.id;
  const refresh = () =>
    Promise.all(
      [kDevices, kSessions].map((path) => queries.invalidateQueries({ queryKey: ['get', path] })),
    );
  const checks = [
    ...new Set(device.evidence.flatMap((one) => one.checks.map((check) => check.name))),
  ];
  return device.revoked ? (
    <Remove
      key="restore"
      label="Restore"
      what="device"
      name={name}
      consequence="What this device says about itself is accepted again, from its next check on."
      remove={async () => {
        await client.DELETE('/accounts/{account_id}/gatehouse/revocations/devices/{device_id}', {
          params: { path: at({ device_id: device.id }) },
        });
        await refresh();
      }}
    />
  ) : (
    <Remove
      key="revoke"
      label="Revoke"
      what="device"
      name={name}
      consequence={
        <>
          <p className="m-0">
            {device.sessions > 0 &&
              `${device.sessions === 1 ? 'The session' : `The ${device.sessions} sessions`} with evidence of it ${device.sessions === 1 ? 'ends' : 'end'} at once. `}
            What this device says about itself is not accepted until it is restored.
          </p>
          {checks.length > 0 && (
            <p className="mt-2 mb-0">
              Applications with a policy that requires {checks.join(', ')} are closed to it.
            </p>
          )}
        </>
      }
      remove={async () => {
        await client.POST('/accounts/{account_id}/gatehouse/revocations', {
          params: { path: at() },
          body: { device: device.id },
        });
        await refresh();
      }}
    />
  );
}
