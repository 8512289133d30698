// What would happen? Choose who, with which device, from where; see each rule's outcome and why. The
// question stands in the address, so that an answer can be sent to a colleague.
import { useRef, useState, type FormEvent, type ReactNode } from 'react';
import { useQuery } from '@tanstack/react-query';
import { FlaskIcon, PushPinIcon, XIcon } from '@phosphor-icons/react';
import { $api, ApiError, at } from '../../api/client';
import { useAddress } from '../../parts/address';
import { Failed } from '../../parts/failed';
import { Badge, Banner, Button, Empty, Input, LayerCard, Radio, Select } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { searchApplications, searchUsers, Suggest } from '../../parts/suggest';
import { ageOf } from '../../parts/time.ts';
import { Inputs, TraceTree, Verdict } from '../logs/trace_tree';
import { verdictOf, type Explained } from '../logs/trace.ts';
import { useSessions } from '../users/sessions';
import { BulkTest } from './bulk_test';
import { explain } from './explain';
import {
  checkValues,
  kFields,
  saysEvidence,
  toFieldError,
  usesSession,
  type FieldName,
  type Values,
} from './question.ts';

// Folded away unless they say something.
const kSeldom = ['country', 'token', 'certificate', 'at'] as const;

type Errors = Partial<Record<FieldName | '', string>>;

const Block = ({ title, children }: { title: string; children: ReactNode }) => (
  <fieldset className="m-0 flex min-w-0 flex-col gap-4 border-0 p-0">
    <legend className="mb-3 p-0 text-sm font-semibold text-kumo-strong">{title}</legend>
    {children}
  </fieldset>
);

function Choice({
  label,
  value,
  onChange,
  items,
  error,
  description,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  items: { value: string; label: string }[];
  error?: string | undefined;
  description?: string;
}) {
  return (
    <Select
      label={label}
      value={value}
      onValueChange={(next) => onChange((next as string | null) ?? '')}
      items={items}
      error={error}
      description={description}
      className="w-full"
    >
      {items.map((one) => (
        <Select.Option key={one.value} value={one.value}>
          {one.label}
        </Select.Option>
      ))}
    </Select>
  );
}

// What can say something about a device: checks, by the name that policies use.
function useSources() {
  const rules = $api.useQuery('get', '/accounts/{account_id}/devices/posture', {
    params: { path: at() },
  });
  return (rules.data?.result ?? [])
    .filter(({ type }) => type === 'tanium')
    .map(({ id, name }) => ({ value: id, label: name }));
}

function useMethods() {
  const methods = $api.useQuery('get', '/accounts/{account_id}/access/identity_providers', {
    params: { path: at() },
  });
  return (methods.data?.result ?? []).map(({ id = '', name = '' }) => ({ value: id, label: name }));
}

function QuestionForm({
  start,
  refused,
  isAsking,
  ask,
}: {
  start: Values;
  refused: Errors;
  isAsking: boolean;
  ask: (values: Values) => void;
}) {
  const [values, setValues] = useState(start);
  const [found, setFound] = useState<Errors>({});
  // The address says something else: a link, the back button.
  const [shown, setShown] = useState(JSON.stringify(start));
  if (shown !== JSON.stringify(start)) {
    setShown(JSON.stringify(start));
    setValues(start);
    setFound({});
  }
  const sources = useSources();
  const methods = useMethods();
  const errors = { ...refused, ...found };
  const set = (name: FieldName) => (value: string) => {
    setValues((before) => ({ ...before, [name]: value }));
    setFound((before) => ({ ...before, [name]: undefined }));
  };
  const text = (
    name: FieldName,
    label: string,
    rest: { placeholder?: string; description?: string } = {},
  ) => (
    <Input
      label={label}
      value={values[name]}
      onChange={(event) => set(name)(event.target.value)}
      error={errors[name]}
      autoComplete="off"
      {...rest}
    />
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const said = saysEvidence(values)
      ? {
          ...values,
          managed: values.managed || 'managed',
          source: values.source || (sources[0]?.value ?? ''),
        }
      : values;
    const wrong = checkValues(said);
    setFound(wrong);
    if (Object.keys(wrong).length === 0) ask(said);
    else
      window.setTimeout(() =>
        document.querySelector<HTMLElement>('form [aria-invalid="true"]')?.focus(),
      );
  };
  const isSession = usesSession(values);
  return (
    <LayerCard className="p-4">
      <form className="flex flex-col gap-6" noValidate onSubmit={submit}>
        <Block title="What">
          <Suggest
            label="Application"
            placeholder="Name or address"
            description="An address may have a path, such as wiki.example.com/admin."
            queryKey="applications"
            search={searchApplications}
            value={values.app}
            onChange={set('app')}
            error={errors.app}
          />
        </Block>
        <Block title="Who">
          <Suggest
            label="User"
            placeholder="Nobody is signed in"
            queryKey="users"
            search={searchUsers}
            value={values.user}
            onChange={set('user')}
            error={errors.user}
          />
          {!isSession && values.user.trim() !== '' && (
            <>
              <Choice
                label="Login method"
                value={values.login}
                onChange={set('login')}
                error={errors.login}
                items={[{ value: '', label: 'The first that is allowed' }, ...methods]}
              />
              {text('groups', 'Groups', {
                placeholder: 'Staff, Research',
                description: 'As the login method says them, with commas.',
              })}
            </>
          )}
        </Block>
        <Block title="Device">
          <Radio.Group
            legend="Evidence"
            value={values.evidence || 'none'}
            onValueChange={(next) => set('evidence')(next === 'none' ? '' : String(next))}
          >
            <Radio.Item label="None: the device was not checked" value="none" />
            <Radio.Item label="Of the user’s live session" value="session" />
            <Radio.Item label="As I say" value="said" />
          </Radio.Group>
          {isSession && errors.session && (
            <p role="alert" className="m-0 text-sm text-kumo-danger">
              {errors.session}
            </p>
          )}
          {saysEvidence(values) && (
            <>
              <Choice
                label="Check"
                value={values.source || (sources[0]?.value ?? '')}
                onChange={set('source')}
                error={errors.source}
                items={sources}
              />
              <Choice
                label="State"
                value={values.managed || 'managed'}
                onChange={set('managed')}
                items={[
                  { value: 'managed', label: 'Managed' },
                  { value: 'unmanaged', label: 'Not managed' },
                ]}
              />
              {text('checkin', 'Checked in so long ago', {
                placeholder: '2h',
                description: 'When the device last reported to its management: 30m, 2h, 168h.',
              })}
              {text('age', 'Age of the evidence', {
                placeholder: 'Just now',
                description: 'When the browser last asked the device.',
              })}
              <Choice
                label="Updates"
                value={values.patched}
                onChange={set('patched')}
                items={[
                  { value: '', label: 'Not said' },
                  { value: 'patched', label: 'Installed' },
                  { value: 'unpatched', label: 'Missing' },
                ]}
              />
            </>
          )}
        </Block>
        <Block title="From where">
          {text('ip', 'Client address', { placeholder: '192.0.2.1' })}
        </Block>
        <details
          className="flex flex-col"
          open={kSeldom.some((name) => values[name] !== '' || errors[name]) || undefined}
        >
          <summary className="cursor-pointer text-sm text-kumo-link">
            Country, service token, certificate, time
          </summary>
          <div className="mt-4 flex flex-col gap-4">
            {text('country', 'Country', {
              placeholder: 'DE',
              description: 'Left out: as the address says, if a country database is set up.',
            })}
            {text('token', 'Service token', { placeholder: 'None' })}
            {text('certificate', 'Client certificate', {
              placeholder: 'None',
              description: 'Its common name.',
            })}
            <Input
              type="datetime-local"
              label="At"
              description="Left out: now."
              value={values.at}
              error={errors.at}
              onChange={(event) => set('at')(event.target.value)}
            />
          </div>
        </details>
        {errors[''] && (
          <div role="alert">
            <Banner variant="error" title="This could not be asked" description={errors['']} />
          </div>
        )}
        <Button type="submit" variant="primary" icon={FlaskIcon} loading={isAsking}>
          Test
        </Button>
      </form>
    </LayerCard>
  );
}

const refusalOf = (error: unknown): Errors => {
  if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500) return {};
  return Object.fromEntries(error.problems.map(({ message }) => toFieldError(message)));
};

// Which of the live sessions of the person is meant.
function SessionChoice({ values, choose }: { values: Values; choose: (nonce: string) => void }) {
  const sessions = useSessions(values.user.trim());
  const all = sessions.data?.result ?? [];
  if (all.length < 2) return null;
  return (
    <Choice
      label="Session"
      value={values.session}
      onChange={choose}
      items={[
        { value: '', label: 'The newest' },
        ...all.map(({ nonce, created_at, devices }) => ({
          value: nonce,
          label: `Signed in ${ageOf(created_at)}${devices[0] ? `, ${devices[0].hostname || devices[0].device_id}` : ', no device'}`,
        })),
      ]}
    />
  );
}

interface Kept {
  label: string;
  explained: Explained;
}

export function Tester() {
  const { values, set, clear } = useAddress(kFields, { isStep: true });
  const [kept, setKept] = useState<Kept | null>(null);
  const top = useRef<HTMLDivElement>(null);
  const key = JSON.stringify(values);
  const isAsked = values.app !== '' && Object.keys(checkValues(values)).length === 0;
  const answer = useQuery({
    queryKey: ['explain', key],
    queryFn: () => explain(values),
    enabled: isAsked,
    placeholderData: (before) => before,
    staleTime: 0,
    refetchOnWindowFocus: false,
  });
  const refused = isAsked ? refusalOf(answer.error) : {};
  const isRefused = Object.keys(refused).length > 0;
  const explained = isAsked && !answer.error ? answer.data : undefined;
  return (
    <Page
      title="Policy tester"
      description="Which decision somebody would get, and why: every policy and every rule. Nobody is signed in, and nothing is changed."
      actions={isAsked && <Button onClick={clear}>Start anew</Button>}
    >
      <div className="grid grid-cols-1 items-start gap-6 lg:grid-cols-[minmax(0,20rem)_minmax(0,1fr)]">
        <QuestionForm
          start={values}
          refused={refused}
          isAsking={answer.isFetching}
          ask={(next) => {
            if (JSON.stringify(next) === key) void answer.refetch();
            else set(next);
            top.current?.scrollIntoView({ block: 'start' });
          }}
        />
        <div
          ref={top}
          className="flex min-w-0 scroll-mt-4 flex-col gap-6"
          aria-busy={answer.isFetching}
        >
          {usesSession(values) && values.user && (
            <SessionChoice values={values} choose={(session) => set({ session })} />
          )}
          {answer.error && isAsked && !isRefused ? (
            <Failed error={answer.error} retry={() => void answer.refetch()} />
          ) : explained ? (
            <>
              <Verdict
                explained={explained}
                before={kept && kept.explained !== explained ? kept.explained : undefined}
              />
              <div className="flex flex-wrap items-center gap-2">
                {kept ? (
                  <>
                    <Badge variant="secondary">compared with: {kept.label}</Badge>
                    <Button size="sm" variant="ghost" icon={XIcon} onClick={() => setKept(null)}>
                      Stop comparing
                    </Button>
                  </>
                ) : (
                  <Button
                    size="sm"
                    icon={PushPinIcon}
                    onClick={() =>
                      setKept({
                        explained,
                        label: `${values.user || 'nobody'}: ${verdictOf(explained).word.toLowerCase()}`,
                      })
                    }
                  >
                    Compare with the next answer
                  </Button>
                )}
              </div>
              <Section
                title="Policies, in order"
                description={`${explained.application.name} (${explained.application.hostname})`}
              >
                <TraceTree
                  explained={explained}
                  before={kept && kept.explained !== explained ? kept.explained : undefined}
                />
              </Section>
              <Section title="Asked with">
                <Inputs explained={explained} />
              </Section>
            </>
          ) : (
            <Empty
              icon={<FlaskIcon size={40} className="text-kumo-inactive" aria-hidden />}
              title={isRefused ? 'This could not be asked' : 'Ask what would happen'}
              description={
                isRefused
                  ? 'See beside the fields what is wrong.'
                  : 'Choose an application and a user, then press Test. What you leave out was not said: no user, no device, no address.'
              }
            />
          )}
        </div>
      </div>
      <BulkTest />
    </Page>
  );
}
