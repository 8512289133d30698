// Include, Require and Exclude: lists of rules, each a selector with its values.
import { useRef } from 'react';
import { PlusIcon, TrashIcon } from '@phosphor-icons/react';
import type { FieldErrors } from '../../parts/field_errors.ts';
import { Button, Input, Link, Select } from '../../parts/kumo';
import { Tags } from '../../parts/tags';
import { Choose } from '../../parts/choose';
import { ChoicePicker } from './choice_picker';
import { useChoices, useProviders } from './choices';
import {
  checkEntries,
  entryErrors,
  kSelectors,
  newEntry,
  selectorOf,
  toRules,
  type Entry,
  type RuleField,
  type Rule,
  type Selector,
} from './selectors.ts';

export interface RuleLists {
  include: Entry[];
  require: Entry[];
  exclude: Entry[];
}
export const kRuleLists = ['include', 'require', 'exclude'] as const;
type ListName = (typeof kRuleLists)[number];

export const toRuleLists = (lists: RuleLists) => ({
  include: toRules(lists.include),
  require: toRules(lists.require),
  exclude: toRules(lists.exclude),
});
export type WrittenRules = { include: Rule[]; require: Rule[]; exclude: Rule[] };

export function checkRuleLists(lists: RuleLists, prefix = ''): Record<string, string> {
  return {
    ...(lists.include.length === 0
      ? { [`${prefix}include`]: 'Add at least one rule: without one it matches nobody' }
      : {}),
    ...Object.assign(
      {},
      ...kRuleLists.map((name) => checkEntries(`${prefix}${name}`, lists[name])),
    ),
  };
}

const kLists: Record<ListName, { title: string; text: string }> = {
  include: { title: 'Include', text: 'Whoever matches at least one of these.' },
  require: { title: 'Require', text: 'And all of these as well.' },
  exclude: { title: 'Exclude', text: 'But nobody who matches one of these.' },
};
const kSections = [...new Set(kSelectors.map(({ section }) => section))];
const kItems = kSelectors.map(({ kind, label }) => ({ value: kind, label }));

export function RulesEditor({
  lists,
  onChange,
  errors,
  prefix = '',
}: {
  lists: RuleLists;
  onChange: (list: ListName, entries: Entry[]) => void;
  errors: FieldErrors;
  // Of the names in `errors`.
  prefix?: string;
}) {
  return (
    <div className="flex flex-col gap-6">
      {kRuleLists.map((name) => (
        <RuleList
          key={name}
          name={name}
          entries={lists[name]}
          onChange={(entries) => onChange(name, entries)}
          errors={entryErrors(errors, `${prefix}${name}`, lists[name])}
        />
      ))}
    </div>
  );
}

function RuleList({
  name,
  entries,
  onChange,
  errors,
}: {
  name: ListName;
  entries: Entry[];
  onChange: (entries: Entry[]) => void;
  errors: ReturnType<typeof entryErrors>;
}) {
  const { title, text } = kLists[name];
  const add = useRef<HTMLButtonElement>(null);
  return (
    <fieldset className="m-0 flex min-w-0 flex-col gap-3 border-0 p-0">
      <legend className="p-0 font-medium text-kumo-default">{title}</legend>
      <p className="m-0 text-sm text-kumo-subtle">{text}</p>
      {errors.whole && (
        <p role="alert" tabIndex={-1} data-form-error className="m-0 text-sm text-kumo-danger">
          {errors.whole}
        </p>
      )}
      {entries.length > 0 && (
        <ol className="m-0 flex list-none flex-col gap-3 p-0">
          {entries.map((entry, index) => (
            <li
              key={entry.key}
              className="rounded-lg border border-kumo-hairline bg-kumo-base p-3"
            >
              <EntryRow
                label={`${title} rule ${index + 1}`}
                entry={entry}
                error={errors.each[index]}
                isAll={name === 'require'}
                onChange={(next) =>
                  onChange(entries.map((one) => (one.key === entry.key ? next : one)))
                }
                onRemove={() => {
                  onChange(entries.filter((one) => one.key !== entry.key));
                  add.current?.focus();
                }}
              />
            </li>
          ))}
        </ol>
      )}
      <div>
        <Button
          ref={add}
          type="button"
          variant="secondary"
          size="sm"
          icon={PlusIcon}
          onClick={() =>
            onChange([...entries, newEntry(name === 'require' ? 'device_posture' : 'email_domain')])
          }
        >
          Add {name}
        </Button>
      </div>
    </fieldset>
  );
}

function EntryRow({
  label,
  entry,
  error,
  isAll,
  onChange,
  onRemove,
}: {
  label: string;
  entry: Entry;
  error: string | undefined;
  // Each of several values has to hold.
  isAll: boolean;
  onChange: (entry: Entry) => void;
  onRemove: () => void;
}) {
  const selector = selectorOf(entry.kind);
  const remove = (
    <Button
      type="button"
      variant="ghost"
      shape="square"
      icon={TrashIcon}
      aria-label={`Remove the rule ${selector?.label ?? entry.kind}`}
      onClick={onRemove}
    />
  );
  if (entry.kept || !selector)
    return (
      <div
        role="group"
        aria-label={label}
        className="flex items-start justify-between gap-2"
      >
        <div className="flex min-w-0 flex-col gap-1">
          <span className="text-sm">A rule that this page does not know; it is kept as it is.</span>
          <code className="break-all text-sm">{JSON.stringify(entry.kept)}</code>
        </div>
        {remove}
      </div>
    );
  return (
    <div role="group" aria-label={label} className="flex flex-col gap-2">
      <div className="flex items-start gap-2">
        <div className="grid min-w-0 flex-1 items-start gap-3 md:grid-cols-[minmax(0,16rem)_minmax(0,1fr)]">
          <Select
            label="Selector"
            className="w-full"
            value={entry.kind}
            items={kItems}
            onValueChange={(kind) =>
              kind && kind !== entry.kind && onChange({ ...newEntry(kind as string), key: entry.key })
            }
          >
            {kSections.map((section) => (
              <Select.Group key={section}>
                <Select.GroupLabel>{section}</Select.GroupLabel>
                {kSelectors
                  .filter((one) => one.section === section)
                  .map(({ kind, label }) => (
                    <Select.Option key={kind} value={kind}>
                      {label}
                    </Select.Option>
                  ))}
              </Select.Group>
            ))}
          </Select>
          <Values selector={selector} entry={entry} error={error} onChange={onChange} />
        </div>
        <div className="pt-6">{remove}</div>
      </div>
      <p className="m-0 text-sm text-kumo-subtle">
        {selector.hint}
        {isAll && entry.values.length > 1 && ' Required means each of them.'}
      </p>
    </div>
  );
}

function Values({
  selector,
  entry,
  error,
  onChange,
}: {
  selector: Selector;
  entry: Entry;
  error: string | undefined;
  onChange: (entry: Entry) => void;
}) {
  switch (selector.form) {
    case 'none':
      return null;
    case 'texts':
      return (
        <Tags
          label={selector.valueLabel}
          placeholder={selector.placeholder}
          value={entry.values}
          onValueChange={(values: string[]) => onChange({ ...entry, values })}
          error={error}
        />
      );
    case 'choices':
      return <Choices selector={selector} entry={entry} error={error} onChange={onChange} />;
    case 'fields':
      return <Fields fields={selector.fields} entry={entry} error={error} onChange={onChange} />;
  }
}

const kWhere: Partial<Record<string, { href: string; text: string }>> = {
  group: { href: '/access/groups/new', text: 'Make an access group' },
  email_list: { href: '/access/lists', text: 'Make a list' },
  ip_list: { href: '/access/lists', text: 'Make a list' },
  service_token: { href: '/access/service-tokens', text: 'Make a service token' },
  login_method: { href: '/access/authentication/login-methods', text: 'Add a login method' },
  posture: { href: '/access/authentication/device-posture', text: 'Add a device posture provider' },
};

function Choices({
  selector,
  entry,
  error,
  onChange,
}: {
  selector: Extract<Selector, { form: 'choices' }>;
  entry: Entry;
  error: string | undefined;
  onChange: (entry: Entry) => void;
}) {
  const choices = useChoices(selector.choices);
  const where = kWhere[selector.choices];
  return (
    <div className="flex flex-col gap-1">
      <ChoicePicker
        label={selector.valueLabel}
        choices={choices}
        values={entry.values}
        onChange={(values) => onChange({ ...entry, values })}
        error={error}
      />
      {choices?.length === 0 && where && (
        <p className="m-0 text-sm text-kumo-strong">
          There is none yet.{' '}
          <Link href={where.href} target="_blank">
            {where.text}
          </Link>
        </p>
      )}
    </div>
  );
}

function Fields({
  fields,
  entry,
  error,
  onChange,
}: {
  fields: readonly RuleField[];
  entry: Entry;
  error: string | undefined;
  onChange: (entry: Entry) => void;
}) {
  const providers = useProviders(fields.some((field) => field.providers));
  const set = (name: string, value: string) =>
    onChange({ ...entry, fields: { ...entry.fields, [name]: value } });
  return (
    <div className="flex min-w-0 flex-col gap-3">
      {fields.map(({ name, label, placeholder, isOptional, providers: types }) =>
        types ? (
          <Choose
            key={name}
            label={label}
            value={entry.fields[name] ?? ''}
            options={(providers ?? [])
              .filter(({ type }) => types.length === 0 || types.includes(type))
              .map(({ id, name: shown }) => ({ value: id, label: shown }))}
            onChange={(value) => set(name, value)}
            placeholder={
              providers?.some(({ type }) => types.length === 0 || types.includes(type)) === false
                ? 'No login method of this kind yet'
                : 'Choose'
            }
          />
        ) : (
          <Input
            key={name}
            label={isOptional ? `${label} (optional)` : label}
            placeholder={placeholder}
            value={entry.fields[name] ?? ''}
            onChange={(event) => set(name, event.target.value)}
            autoComplete="off"
            spellCheck={false}
          />
        ),
      )}
      {error && (
        <p role="alert" tabIndex={-1} data-form-error className="m-0 text-sm text-kumo-danger">
          {error}
        </p>
      )}
    </div>
  );
}
