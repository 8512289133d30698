// The administration API, typed by api/openapi.yaml. Every call carries the header that other
// sites cannot send, and a refusal is thrown as an ApiError.
import createClient, { type Middleware } from 'openapi-fetch';
import createHooks from 'openapi-react-query';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

export interface Problem {
  code: number;
  message: string;
  // RFC 6901, into the body that was sent; empty: not about a field.
  pointer: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly problems: Problem[];
  // Of the request, for support.
  readonly reference: string;

  constructor(status: number, problems: Problem[], reference = '') {
    super(problems.map(({ message }) => message).join('; ') || `the gateway answered ${status}`);
    this.status = status;
    this.problems = problems;
    this.reference = reference;
  }
  // The person has to sign in again.
  get isSignedOut(): boolean {
    return this.status === 401;
  }
  get isForbidden(): boolean {
    return this.status === 403;
  }
  // Somebody else changed it since it was read (If-Match).
  get isOutdated(): boolean {
    return this.status === 412;
  }
}

interface Failure {
  errors?: { code?: number; message?: string; source?: { pointer?: string } }[];
}

// What the API says is for programs too; people need the sentence only.
const plain = (message: string) => message.replace(/^access\.api\.error\.\w+: /, '');

async function toError(response: Response): Promise<ApiError> {
  const reference = response.headers.get('cf-ray') ?? '';
  let failure: Failure = {};
  try {
    failure = (await response.clone().json()) as Failure;
  } catch {
    // Not from the API: nginx or something before it.
  }
  const problems = (failure.errors ?? []).map((error) => ({
    code: error.code ?? 0,
    message: plain(error.message ?? ''),
    pointer: error.source?.pointer ?? '',
  }));
  return new ApiError(response.status, problems, reference);
}

const middleware: Middleware = {
  onRequest({ request }) {
    request.headers.set('X-Requested-With', 'gatehouse-dashboard');
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await toError(response);
    return undefined;
  },
  onError() {
    return new ApiError(0, [
      { code: 0, message: 'the gateway cannot be reached', pointer: '' },
    ]);
  },
};

export const client = createClient<paths>({
  baseUrl: `${window.location.origin}/client/v4`,
  credentials: 'same-origin',
  redirect: 'error',
});
client.use(middleware);

// $api.useQuery('get', '/accounts/{account_id}/access/apps', { params: { path: at() } })
export const $api = createHooks(client);

let account = '';
export function setAccount(id: string): void {
  account = id;
}
// The path parameters of an operation; the account is always the one of this gateway.
export function at(): { account_id: string };
export function at<T extends object>(rest: T): T & { account_id: string };
export function at(rest: object = {}): object {
  return { account_id: account, ...rest };
}
