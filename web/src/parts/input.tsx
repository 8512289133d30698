// Text fields of the library. One with an error says so to a screen reader as well, and is where the
// focus goes when a form is refused.
import type { ComponentProps } from 'react';
import { Input as Field, InputArea as Area } from '@cloudflare/kumo/components/input';

export const Input = (properties: ComponentProps<typeof Field>) => (
  <Field aria-invalid={properties.error ? true : undefined} {...properties} />
);
export const InputArea = (properties: ComponentProps<typeof Area>) => (
  <Area aria-invalid={properties.error ? true : undefined} {...properties} />
);
