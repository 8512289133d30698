// What an administrator should look at first, and what a fresh installation still needs. Pure.
import type { components } from '../../api/schema';

type Schemas = components['schemas'];

export interface Concern {
  key: string;
  tone: 'error' | 'alert';
  title: string;
  description: string;
  href?: string;
  link?: string;
}

const kSoonMs = 14 * 86_400_000;
const kHeartbeatMs = 60_000;

export function healthConcerns(health: Schemas['Health'], now: number): Concern[] {
  const found: Concern[] = [];
  const add = (key: string, title: string, description: string) =>
    found.push({
      key,
      tone: 'error',
      title,
      description,
      href: '/settings/health',
      link: 'Health',
    });
  const { node_state, nginx, store } = health;
  if (!store.reachable) {
    add(
      'store',
      'The store cannot be reached',
      'Nobody can sign in and nothing can be changed until it answers. Those who are signed in go on.',
    );
  }
  if (!nginx.serving) {
    add('nginx', 'nginx does not serve requests', 'Applications cannot be opened.');
  }
  if (!node_state.readable) {
    add('state', 'The workers have no rules', 'Every request is refused until they can be read.');
  } else {
    const beat = Date.parse(node_state.heartbeat_at ?? '');
    if (!Number.isNaN(beat) && now - beat > kHeartbeatMs) {
      add(
        'heartbeat',
        'The workers have had no sign of life for a minute',
        'They refuse everything when it gets older.',
      );
    } else if (node_state.sequence !== undefined && node_state.sequence < health.sequence) {
      add(
        'sequence',
        'The workers have older rules than the configuration',
        'What was saved last is not enforced yet.',
      );
    }
  }
  if (found.length === 0 && health.status !== 'ok')
    add('degraded', 'Something is wrong with this gateway', 'See which part on its page.');
  return found;
}

interface Ending {
  kind: string;
  name: string;
  ends: string | null | undefined;
  href: string;
}

// What ends within two weeks, or has ended; the first to end first.
export function endingConcerns(things: Ending[], now: number): Concern[] {
  return things
    .map((thing) => ({ ...thing, at: Date.parse(thing.ends ?? '') }))
    .filter(({ at }) => !Number.isNaN(at) && at > 0 && at - now < kSoonMs)
    .toSorted((one, other) => one.at - other.at)
    .map(({ kind, name, at, href }) => {
      const isOver = at <= now;
      const days = Math.ceil((at - now) / 86_400_000);
      return {
        key: `${kind} ${name}`,
        tone: isOver ? 'error' : 'alert',
        title: isOver
          ? `The ${kind} ${name} has expired`
          : `The ${kind} ${name} expires ${days <= 1 ? 'within a day' : `in ${days} days`}`,
        description: isOver
          ? 'What uses it is refused.'
          : 'Renew or replace it before what uses it is refused.',
        href,
        link: 'Look at it',
      };
    });
}

type Application = Schemas['Application'];
interface OpenPolicy {
  name?: string;
  decision?: string;
  include?: object[];
  require?: object[];
  exclude?: object[];
}

const isEverybody = (rules: object[] | undefined) =>
  (rules ?? []).some((rule) => 'everyone' in rule);

// Applications that are open to everybody: without a sign-in, or with any.
export function openConcerns(applications: Application[]): Concern[] {
  const found: Concern[] = [];
  for (const { id = '', name = '', policies } of applications) {
    for (const policy of (policies ?? []) as OpenPolicy[]) {
      const isOpen =
        isEverybody(policy.include) && !policy.require?.length && !policy.exclude?.length;
      const isBypass = policy.decision === 'bypass' && isEverybody(policy.include);
      if (!isBypass && !(isOpen && policy.decision === 'allow')) continue;
      found.push({
        key: `${id} ${policy.name}`,
        tone: 'alert',
        title: isBypass
          ? `${name} is open to everybody without signing in`
          : `${name} lets in everybody who can sign in`,
        description: `Because of its policy “${policy.name ?? ''}”. That may be meant; if not, name who is let in.`,
        href: `/access/applications/${id}/policies`,
        link: 'Its policies',
      });
      break;
    }
  }
  return found;
}

export interface Step {
  key: string;
  title: string;
  description: string;
  href: string;
  link: string;
  isDone: boolean;
}

export function firstSteps(have: {
  loginMethods: number;
  postureProviders: number;
  applications: number;
}): Step[] {
  return [
    {
      key: 'login',
      title: 'Add a login method',
      description: 'How people prove who they are: Azure AD, OpenID Connect, or a code by mail.',
      href: '/access/authentication/login-methods',
      link: 'Login methods',
      isDone: have.loginMethods > 0,
    },
    {
      key: 'posture',
      title: 'Let devices prove themselves',
      description: 'Add Tanium, so that policies can require a managed device.',
      href: '/access/authentication/device-posture',
      link: 'Device posture',
      isDone: have.postureProviders > 0,
    },
    {
      key: 'application',
      title: 'Protect the first application',
      description: 'Its address, where its requests go, and who is let in.',
      href: '/access/applications/new',
      link: 'Add an application',
      isDone: have.applications > 0,
    },
  ];
}
