// Asks the gateway which decision somebody would get.
import { ApiError, at, client } from '../../api/client';
import type { Explained } from '../logs/trace.ts';
import { kNothing, toQuestion, usesSession, type Values } from './question.ts';

// The newest session of a person; undefined: not signed in now.
async function newestSession(user: string): Promise<string | undefined> {
  const { data } = await client.GET('/accounts/{account_id}/gatehouse/sessions', {
    params: { path: at(), query: { user, per_page: 1 } },
  });
  return data?.result?.[0]?.nonce;
}

async function ask(values: Values, session?: string): Promise<Explained> {
  const { data } = await client.POST('/accounts/{account_id}/gatehouse/explain', {
    params: { path: at() },
    body: toQuestion(values, session),
  });
  if (!data?.result) throw new Error('the gateway gave no answer');
  return data.result.explanation;
}

export async function explain(values: Values): Promise<Explained> {
  if (!usesSession(values)) return ask(values);
  const user = values.user.trim();
  const session = values.session || (await newestSession(user));
  if (session) return ask(values, session);
  throw new ApiError(404, [
    {
      code: 0,
      message: `--user: ${user} is not signed in now; choose other evidence`,
      pointer: '',
    },
  ]);
}

// As it would be now: with the live session of the person, or, without one, with nothing but who
// they are.
export async function explainNow(question: {
  app: string;
  user: string;
  ip: string;
}): Promise<{ explained: Explained; hasSession: boolean }> {
  const session = question.user ? await newestSession(question.user) : undefined;
  const values: Values = {
    ...kNothing,
    ...question,
    evidence: session ? 'session' : '',
  };
  return { explained: await ask(values, session), hasSession: session !== undefined };
}
