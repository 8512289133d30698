// A real sign-in, or a real exchange with the client on this device, in a tab of its own: nobody is
// signed in by it, and what came of it is shown here.
import { useEffect, useState, type ReactNode } from 'react';
import { useQuery } from '@tanstack/react-query';
import { CheckCircleIcon, FlaskIcon, XCircleIcon } from '@phosphor-icons/react';
import { ApiError, at, client, type Schemas } from '../../api/client';
import { Banner, Button, Dialog, LinkButton, Loader } from '../../parts/kumo';
import { Details } from '../../parts/details';
import { Failed } from '../../parts/failed';
import { toDuration } from '../../parts/time.ts';
import { CheckList } from '../devices/evidence';

const kPath = '/accounts/{account_id}/gatehouse/tests' as const;
const kPollMs = 1000;
type Started = Schemas['TestStarted'];
type Test = Schemas['Test'];
type Subject = { kind: 'login' | 'device'; id: string };

const bodyOf = ({ kind, id }: Subject): Schemas['TestRequest'] =>
  kind === 'login' ? { kind, identity_provider_id: id } : { kind, integration_id: id };

export function TestButton({ kind, id, name }: Subject & { name: string }) {
  const [run, setRun] = useState<Run | null>(null);
  const label = kind === 'login' ? 'Test' : 'Test this device';
  return (
    <>
      <Button
        size="sm"
        icon={FlaskIcon}
        aria-label={`${label}: ${name}`}
        onClick={() => {
          // Opened here, where the click is: what is opened later is blocked.
          const tab = window.open('about:blank', '_blank');
          setRun({ kind, id, tab });
        }}
      >
        {label}
      </Button>
      {run && <TestDialog run={run} name={name} again={setRun} onClose={() => setRun(null)} />}
    </>
  );
}

type Run = Subject & { tab: Window | null };

function TestDialog({
  run,
  name,
  again,
  onClose,
}: {
  run: Run;
  name: string;
  again: (run: Run) => void;
  onClose: () => void;
}) {
  const [started, setStarted] = useState<Started>();
  const [isOpened, setOpened] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let isCurrent = true;
    setStarted(undefined);
    setOpened(false);
    setError(undefined);
    client
      .POST(kPath, { params: { path: at() }, body: bodyOf(run) })
      .then(({ data }) => {
        if (!isCurrent || !data?.result) return run.tab?.close();
        setStarted(data.result);
        if (!run.tab || run.tab.closed) return undefined;
        run.tab.opener = null;
        run.tab.location.replace(data.result.url);
        return setOpened(true);
      })
      .catch((failure: unknown) => {
        run.tab?.close();
        if (isCurrent) setError(failure);
      });
    return () => {
      isCurrent = false;
    };
  }, [run]);
  const test = useQuery({
    queryKey: ['test', started?.id],
    enabled: started !== undefined,
    queryFn: async () => {
      const { data } = await client.GET(`${kPath}/{test_id}`, {
        params: { path: at({ test_id: started?.id ?? '' }) },
      });
      if (!data?.result) throw new ApiError(0, []);
      return data.result;
    },
    refetchInterval: ({ state }) => (isOver(state.data) ? false : kPollMs),
    // The test goes on in another tab.
    refetchIntervalInBackground: true,
  });
  const repeat = () => again({ ...run, tab: window.open('about:blank', '_blank') });
  return (
    <Dialog.Root open onOpenChange={(open: boolean) => !open && onClose()}>
      <Dialog size="lg" className="flex max-h-[85vh] flex-col gap-4 overflow-y-auto p-6">
        <Dialog.Title className="m-0 text-xl font-semibold">
          {run.kind === 'login' ? `Test of ${name}` : `Test of this device with ${name}`}
        </Dialog.Title>
        <div aria-live="polite" className="flex flex-col gap-4">
          {error || test.error ? (
            <Failed error={error ?? test.error} what="The test could not be started" />
          ) : test.data && isOver(test.data) ? (
            <Result test={test.data} />
          ) : (
            <Waiting kind={run.kind} started={started} isOpened={isOpened} state={test.data?.state} />
          )}
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          {(error !== undefined || isOver(test.data)) && <Button onClick={repeat}>Test again</Button>}
          <Button variant="primary" onClick={onClose}>
            Close
          </Button>
        </div>
      </Dialog>
    </Dialog.Root>
  );
}

const isOver = (test: Test | undefined) =>
  test !== undefined && test.state !== 'waiting' && test.state !== 'running';

function Waiting({
  kind,
  started,
  isOpened,
  state,
}: {
  kind: Subject['kind'];
  started: Started | undefined;
  isOpened: boolean;
  state: Test['state'] | undefined;
}) {
  return (
    <>
      <p className="m-0 flex items-center gap-3">
        <Loader size={16} />
        {state === 'running'
          ? kind === 'login'
            ? 'Sign in in the other tab. The result appears here.'
            : 'The other tab asks the client on this device. The result appears here.'
          : 'Waiting for the other tab to open.'}
      </p>
      {started && !isOpened && (
        <div>
          <LinkButton href={started.url} target="_blank" rel="noopener" variant="primary">
            Open the test
          </LinkButton>
        </div>
      )}
      <p className="m-0 text-sm text-kumo-subtle">
        {kind === 'login'
          ? 'It is a real sign-in with the provider. No session is made by it.'
          : 'It is the exchange that people’s browsers make. What it says is shown here, and counts for nobody.'}
      </p>
    </>
  );
}

const yes = (value: boolean | null | undefined) =>
  value === null || value === undefined ? 'not said' : value ? 'yes' : 'no';
const list = (values: readonly string[]) => (values.length > 0 ? values.join(', ') : 'none');

function Result({ test }: { test: Test }) {
  if (test.failure)
    return (
      <>
        <Heading isGood={false}>
          {test.kind === 'login' ? 'The sign-in failed' : 'The device was not verified'}
        </Heading>
        <Banner
          variant="error"
          title={test.failure.message}
          description={test.failure.hint || 'Nothing more is known about it.'}
        />
        <Details
          items={[
            ['Code', <code key="code">{test.failure.code}</code>],
            ...(test.failure.detail
              ? ([['Detail', <span key="detail" className="break-all">{test.failure.detail}</span>]] as [string, ReactNode][])
              : []),
          ]}
        />
      </>
    );
  if (test.state === 'expired')
    return (
      <>
        <Heading isGood={false}>The test was not finished</Heading>
        <p className="m-0">It has to be finished within its 15 minutes.</p>
      </>
    );
  return test.login ? <Login login={test.login} /> : <Device device={test.device} />;
}

function Heading({ isGood, children }: { isGood: boolean; children: string }) {
  const Icon = isGood ? CheckCircleIcon : XCircleIcon;
  return (
    <p className="m-0 flex items-center gap-2 font-semibold">
      <Icon
        size={24}
        weight="fill"
        aria-hidden
        className={isGood ? 'text-kumo-success' : 'text-kumo-danger'}
      />
      {children}
    </p>
  );
}

function Login({ login }: { login: NonNullable<Test['login']> }) {
  return (
    <>
      <Heading isGood>The sign-in works</Heading>
      <Details
        items={[
          ['Email', login.email],
          ['Name', login.name || 'not said'],
          ['Subject', <code key="subject" className="break-all">{login.subject}</code>],
          ['Groups', login.groups_known ? list(login.groups) : login.groups.length > 0 ? `${list(login.groups)} (not all are known)` : 'not said'],
          ['Authentication methods', list(login.amr)],
          ...(login.auth_contexts.length > 0
            ? ([['Authentication contexts', list(login.auth_contexts)]] as [string, string][])
            : []),
          ...Object.entries(login.claims).map(([name, values]): [string, string] => [`Claim ${name}`, list(values)]),
        ]}
      />
    </>
  );
}

function Device({ device }: { device: Test['device'] }) {
  if (!device) return <p className="m-0">Nothing was said about the device.</p>;
  const { signals } = device;
  const checkin = signals.last_checkin
    ? `${toDuration((Date.now() - Date.parse(signals.last_checkin)) / 1000)} ago`
    : 'not said';
  return (
    <>
      <Heading isGood>The client’s answer was verified</Heading>
      <Details
        items={[
          ['Device', device.hostname || device.device_id],
          ['Device id', <code key="id" className="break-all">{device.device_id}</code>],
          ['Serial number', device.serial_number || 'not said'],
          ['Managed', yes(signals.managed)],
          ['Last check-in', checkin],
          ['Patched', yes(signals.patch_compliant)],
          ['Vulnerability score', signals.vulnerability_score === null ? 'not said' : String(signals.vulnerability_score)],
          ['Age of the answer', toDuration(device.age_seconds)],
        ]}
      />
      <h3 className="m-0 text-base font-semibold">Checks</h3>
      {device.checks.length === 0 ? (
        <p className="m-0 text-kumo-strong">No check looks at this provider yet.</p>
      ) : (
        <CheckList checks={device.checks} />
      )}
    </>
  );
}
