// Fields of a form by the path of their value: label, what it is for, what is wrong with it.
import { useState, type ReactNode } from 'react';
import { Input, InputArea, Select, SensitiveInput, Switch } from './kumo';
import {
  joinDuration,
  kDurationUnits,
  splitDuration,
  type DurationUnit,
} from './duration_value.ts';
import { errorOf } from './field_errors.ts';
import type { Form } from './form';
import { valueAt } from './values.ts';

// A form of any values; these fields know the path only.
type AnyForm = Pick<Form<any>, 'values' | 'errors' | 'setAt'>;

interface Common {
  form: AnyForm;
  path: string;
  label: string;
  description?: ReactNode;
}
const textAt = (form: AnyForm, path: string) => String(valueAt(form.values, path) ?? '');

export function TextField({
  form,
  path,
  label,
  description,
  lines,
  ...rest
}: Common & {
  placeholder?: string;
  autoFocus?: boolean;
  inputMode?: 'numeric' | 'email' | 'url' | 'decimal';
  // More than one: a text of several lines.
  lines?: number;
  className?: string;
}) {
  const shared = {
    label,
    description,
    value: textAt(form, path),
    error: errorOf(form.errors, path),
    autoComplete: 'off',
    spellCheck: false,
    ...rest,
  };
  return lines ? (
    <InputArea
      {...shared}
      rows={lines}
      onChange={(event) => form.setAt(path, event.target.value)}
    />
  ) : (
    <Input {...shared} onChange={(event) => form.setAt(path, event.target.value)} />
  );
}

// Write-only: what is there already is never shown.
export function SecretField({ form, path, label, description, isKept }: Common & { isKept: boolean }) {
  return (
    <SensitiveInput
      label={label}
      description={
        isKept ? <>{description} Kept as it is unless you type a new one.</> : description
      }
      value={textAt(form, path)}
      error={errorOf(form.errors, path)}
      autoComplete="off"
      onValueChange={(value) => form.setAt(path, value)}
    />
  );
}

export function ChoiceField({
  form,
  path,
  label,
  description,
  choices,
  placeholder,
}: Common & {
  choices: readonly { value: string; label: string }[];
  placeholder?: string;
}) {
  return (
    <Select
      label={label}
      description={description}
      error={errorOf(form.errors, path)}
      placeholder={placeholder}
      value={textAt(form, path)}
      onValueChange={(value) => form.setAt(path, value)}
      items={choices}
    >
      {choices.map((choice) => (
        <Select.Option key={choice.value} value={choice.value}>
          {choice.label}
        </Select.Option>
      ))}
    </Select>
  );
}

export function SwitchField({ form, path, label, description }: Common) {
  const error = errorOf(form.errors, path);
  return (
    <div className="flex flex-col gap-1">
      <Switch
        label={label}
        checked={valueAt(form.values, path) === true}
        onCheckedChange={(value) => form.setAt(path, value)}
      />
      {description && <p className="m-0 ps-11 text-sm text-kumo-subtle">{description}</p>}
      {error && (
        <p role="alert" className="m-0 ps-11 text-sm text-kumo-danger">
          {error}
        </p>
      )}
    </div>
  );
}

// A number and its unit; the value is as the API writes it (`168h`).
export function DurationField({ form, path, label, description }: Common) {
  const value = textAt(form, path);
  const [typed, setTyped] = useState(() => splitDuration(value));
  // Read anew, or reset: not what was typed here.
  const shown = joinDuration(typed.amount, typed.unit) === value ? typed : splitDuration(value);
  const change = (amount: string, unit: DurationUnit) => {
    setTyped({ amount, unit });
    form.setAt(path, joinDuration(amount, unit));
  };
  return (
    <div className="flex flex-col gap-1">
      <div className="flex items-start gap-2">
        <Input
          label={label}
          error={errorOf(form.errors, path)}
          inputMode="numeric"
          className="w-28"
          autoComplete="off"
          value={shown.amount}
          onChange={(event) => change(event.target.value, shown.unit)}
        />
        <Select
          aria-label={`Unit of ${label.toLowerCase()}`}
          className="mt-7"
          value={shown.unit}
          onValueChange={(unit) => change(shown.amount, unit as DurationUnit)}
          items={kDurationUnits.map(({ value: unit, label: text }) => ({ value: unit, label: text }))}
        >
          {kDurationUnits.map((unit) => (
            <Select.Option key={unit.value} value={unit.value}>
              {unit.label}
            </Select.Option>
          ))}
        </Select>
      </div>
      {description && <p className="m-0 text-sm text-kumo-subtle">{description}</p>}
    </div>
  );
}
