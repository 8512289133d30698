// Several values that are typed, as chips. What was typed and not confirmed with Enter counts when
// the field is left: it is seen there, so it must not be lost.
import type { ComponentProps } from 'react';
import { TagInput } from './kumo';

export function Tags(properties: ComponentProps<typeof TagInput>) {
  return (
    <TagInput
      autoComplete="off"
      spellCheck={false}
      {...properties}
      onBlur={({ target }) => {
        if (target.value.trim())
          target.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
      }}
    />
  );
}
