// What is wrong with which field of a form.
export type FieldErrors = Record<string, string>;

// A JSON pointer as the name of a field: /config/client_id is config.client_id.
export function toFieldName(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
}

export function fieldErrors(problems: { pointer: string; message: string }[]): FieldErrors {
  const found: FieldErrors = {};
  for (const { pointer, message } of problems) {
    const name = toFieldName(pointer);
    // The field stands beside the message already: `policies.0.name`, or `policies[0].name`.
    const [said = ''] = message.split(': ', 1);
    const isName = name !== '' && said.replaceAll('[', '.').replaceAll(']', '') === name;
    const text = isName ? message.slice(said.length + 2) : message;
    found[name] = found[name] ? `${found[name]}; ${text}` : text;
  }
  return found;
}

// What is wrong with a field or anything in it.
export function errorOf(errors: FieldErrors, name: string): string | undefined {
  if (errors[name]) return errors[name];
  const within = Object.entries(errors).find(([key]) => key.startsWith(`${name}.`));
  return within?.[1];
}

// Messages of fields that the form does not show: they must not be lost.
export function otherErrors(errors: FieldErrors, shown: readonly string[]): string[] {
  return Object.entries(errors)
    .filter(([name]) => !shown.some((one) => name === one || name.startsWith(`${one}.`)))
    .map(([name, message]) => (name ? `${name}: ${message}` : message));
}
