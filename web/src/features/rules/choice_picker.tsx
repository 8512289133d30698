// Several of many, found by typing: chips, and a list that opens.
import { Combobox } from '../../parts/kumo';
import type { Choice } from './choices';

export function ChoicePicker({
  label,
  choices,
  values,
  onChange,
  error,
}: {
  label: string;
  choices: Choice[] | undefined;
  values: string[];
  onChange: (values: string[]) => void;
  error?: string | undefined;
}) {
  const known = choices ?? [];
  // What is named and is not there (any more) is shown by its id.
  const chosen = values.map(
    (value) => known.find((choice) => choice.value === value) ?? { value, label: value },
  );
  return (
    <Combobox
      multiple
      items={known}
      value={chosen}
      onValueChange={(next) => onChange((next as Choice[]).map(({ value }) => value))}
      isItemEqualToValue={(one: Choice, other: Choice) => one.value === other.value}
      itemToStringLabel={(choice: Choice) => choice.label}
      label={label}
      error={error}
    >
      <Combobox.TriggerMultipleWithInput
        className="w-full"
        placeholder={choices ? 'Search or choose' : 'Loading …'}
        value={chosen}
        renderItem={(choice: Choice) => (
          <Combobox.Chip key={choice.value} removeLabel={`Remove ${choice.label}`}>
            {choice.label}
          </Combobox.Chip>
        )}
      />
      <Combobox.Content>
        <Combobox.Empty>{choices ? 'There is nothing of that name.' : 'Loading …'}</Combobox.Empty>
        <Combobox.List>
          {(choice: Choice) => (
            <Combobox.Item key={choice.value} value={choice}>
              {choice.label}
              {choice.note && <span className="ps-2 text-kumo-subtle">{choice.note}</span>}
            </Combobox.Item>
          )}
        </Combobox.List>
      </Combobox.Content>
    </Combobox>
  );
}
