// One of a few, in a list that opens.
import type { ReactNode } from 'react';
import { Select } from './kumo';

export interface Option<T extends string> {
  value: T;
  label: string;
}

export function Choose<T extends string>({
  label,
  value,
  options,
  onChange,
  description,
  error,
  disabled = false,
  placeholder = 'Choose',
}: {
  label: string;
  // '' : nothing is chosen yet.
  value: T | '';
  options: readonly Option<T>[];
  onChange: (value: T) => void;
  description?: ReactNode;
  error?: string | undefined;
  disabled?: boolean;
  placeholder?: string;
}) {
  return (
    <Select
      label={label}
      className="w-full"
      value={value || null}
      onValueChange={(next) => next !== null && onChange(next as T)}
      items={[...options]}
      description={description}
      error={error}
      disabled={disabled}
      placeholder={placeholder}
    >
      {options.map((option) => (
        <Select.Option key={option.value} value={option.value}>
          {option.label}
        </Select.Option>
      ))}
    </Select>
  );
}
