// A text field that suggests what the gateway knows: the server searches, so that it stays quick
// with many. What is not suggested may be typed all the same.
import { useEffect, useState, type ReactNode } from 'react';
import { useQuery, keepPreviousData } from '@tanstack/react-query';
import { client, at } from '../api/client';
import { Autocomplete } from './kumo';

export interface Suggestion {
  value: string; // what is put into the field
  label: string;
  note?: string;
  id?: string;
}
const kTypingMs = 200;
const kShown = 8;

export function Suggest({
  label,
  value,
  onChange,
  onPick,
  search,
  queryKey,
  placeholder,
  description,
  error,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  // Of what was suggested, when the field holds one of them.
  onPick?: (picked: Suggestion) => void;
  search: (text: string) => Promise<Suggestion[]>;
  queryKey: string;
  placeholder?: string;
  description?: ReactNode;
  error?: string | undefined;
}) {
  const [isOpen, setOpen] = useState(false);
  const [asked, setAsked] = useState('');
  useEffect(() => {
    const timer = window.setTimeout(() => setAsked(value.trim()), kTypingMs);
    return () => window.clearTimeout(timer);
  }, [value]);
  const found = useQuery({
    queryKey: ['suggest', queryKey, asked],
    queryFn: () => search(asked),
    enabled: isOpen,
    placeholderData: keepPreviousData,
  });
  return (
    <Autocomplete
      label={label}
      description={description}
      error={error}
      items={found.data ?? []}
      value={value}
      onValueChange={(text) => {
        onChange(text);
        const picked = found.data?.find((one) => one.value === text);
        if (picked) onPick?.(picked);
      }}
      open={isOpen}
      onOpenChange={setOpen}
      openOnInputClick
      itemToStringValue={(item: Suggestion) => item.value}
      filter={null}
    >
      <Autocomplete.InputGroup placeholder={placeholder} className="w-full" />
      <Autocomplete.Content>
        <Autocomplete.List>
          {(item: Suggestion) => (
            <Autocomplete.Item key={item.value} value={item}>
              <span className="flex min-w-0 flex-col">
                <span className="truncate">{item.label}</span>
                {item.note && (
                  <span className="truncate text-xs text-kumo-subtle">{item.note}</span>
                )}
              </span>
            </Autocomplete.Item>
          )}
        </Autocomplete.List>
      </Autocomplete.Content>
    </Autocomplete>
  );
}

export async function searchUsers(search: string): Promise<Suggestion[]> {
  const { data } = await client.GET('/accounts/{account_id}/access/users', {
    params: { path: at(), query: { search: search || undefined, per_page: kShown } },
  });
  return (data?.result ?? []).map(({ email, name }) =>
    name ? { value: email, label: email, note: name } : { value: email, label: email },
  );
}

// As an address, which is also what `explain` and the decision log understand.
export async function searchApplications(search: string): Promise<Suggestion[]> {
  const { data } = await client.GET('/accounts/{account_id}/access/apps', {
    params: { path: at(), query: { search: search || undefined, per_page: kShown } },
  });
  return (data?.result ?? []).map(({ id, name = '', domain = '' }) => ({
    id,
    value: domain && !domain.includes('*') ? domain : name,
    label: name,
    note: domain,
  }));
}
