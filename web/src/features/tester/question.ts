// What the policy tester asks: the fields of its form, which are also its address, as the question
// of the API. Pure.
import type { components } from '../../api/schema';
import { parseDuration } from '../../parts/time.ts';

type Question = components['schemas']['Question'];

export const kFields = [
  'app',
  'user',
  'login',
  'groups',
  'claims',
  'evidence',
  'session',
  'source',
  'managed',
  'checkin',
  'age',
  'patched',
  'ip',
  'country',
  'token',
  'certificate',
  'at',
] as const;
export type FieldName = (typeof kFields)[number];
export type Values = Record<FieldName, string>;

export const kNothing: Values = Object.fromEntries(kFields.map((name) => [name, ''])) as Values;

// '' is nobody's device; `session` what a live session has; `said` what the form says.
export const usesSession = ({ evidence }: Values) => evidence === 'session';
export const saysEvidence = ({ evidence }: Values) => evidence === 'said';

const kCountry = /^[A-Za-z]{2}$/;

export function checkValues(values: Values): Partial<Record<FieldName, string>> {
  const errors: Partial<Record<FieldName, string>> = {};
  if (!values.app.trim()) errors.app = 'Choose an application, or type its address';
  if (usesSession(values) && !values.user.trim())
    errors.user = 'Choose a person who is signed in, or other evidence';
  if (saysEvidence(values)) {
    if (!values.user.trim())
      errors.user = 'A device says something only of somebody who is signed in';
    if (!values.source) errors.source = 'Choose what said it';
    for (const name of ['checkin', 'age'] as const) {
      if (values[name] && parseDuration(values[name]) === null)
        errors[name] = 'Write it as 30m, 2h or 168h';
    }
  }
  if (values.country && !kCountry.test(values.country.trim()))
    errors.country = 'Two letters, such as DE';
  if (values.at && Number.isNaN(Date.parse(values.at))) errors.at = 'This is not a date and time';
  return errors;
}

const words = (text: string) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);

function posture(values: Values): string {
  const parts = [
    values.managed,
    values.checkin && `checkin=${values.checkin.trim()}`,
    values.age && `age=${values.age.trim()}`,
    values.patched,
  ].filter(Boolean);
  return `${values.source}=${parts.join(',')}`;
}

// `session`: the nonce that stands for the person, when their live session is asked about.
export function toQuestion(values: Values, session?: string): Question {
  const question: Question = { app: values.app.trim() };
  const put = (name: 'ip' | 'country' | 'service-token' | 'certificate', text: string) => {
    if (text.trim()) question[name] = text.trim();
  };
  put('ip', values.ip);
  put('country', values.country.toUpperCase());
  put('service-token', values.token);
  put('certificate', values.certificate);
  if (values.at) question.at = new Date(values.at).toISOString().replace(/\.\d+Z$/, 'Z');
  if (usesSession(values)) {
    if (session) question.session = session;
    return question;
  }
  if (!values.user.trim()) return question;
  question.user = values.user.trim();
  if (values.login) question['login-method'] = values.login;
  if (words(values.groups).length > 0) question.group = words(values.groups);
  if (words(values.claims).length > 0) question.claim = words(values.claims);
  if (saysEvidence(values)) question.posture = [posture(values)];
  return question;
}

// The API names what is wrong as its command does: `--ip: ...`.
const kNames: Record<string, FieldName> = {
  app: 'app',
  user: 'user',
  'login-method': 'login',
  group: 'groups',
  claim: 'claims',
  posture: 'source',
  ip: 'ip',
  country: 'country',
  'service-token': 'token',
  certificate: 'certificate',
  session: 'session',
  at: 'at',
};
const kLongest = 240;

// The field and what is wrong with it; '' is about the whole.
export function toFieldError(message: string): [FieldName | '', string] {
  const match = /^--([a-z-]+): (.*)$/s.exec(message);
  const name = match && kNames[match[1] as string];
  const text = name ? (match[2] as string) : message;
  return [name || '', text.length > kLongest ? `${text.slice(0, kLongest)} …` : text];
}
