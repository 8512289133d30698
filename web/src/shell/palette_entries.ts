// What the search finds besides what the gateway is asked for: pages by their names, and a pasted
// reference of a refusal page. Pure.
export interface Entry {
  key: string;
  title: string;
  note?: string;
  href: string;
}
export interface Group {
  label: string;
  items: Entry[];
}

// As refusal pages show it: 32 hexadecimal digits; logs show the first 16 of them too.
const kReference = /^[0-9a-f]{16,32}$/i;

export function referenceEntry(search: string): Entry | undefined {
  const text = search.trim();
  if (!kReference.test(text)) return undefined;
  return {
    key: `reference ${text}`,
    title: `Why was this refused: ${text}`,
    href: `/logs/decisions/${text.toLowerCase()}`,
  };
}

// Every word that was typed is in the title or the group's name.
export function matching(groups: readonly Group[], search: string): Group[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return groups
    .map(({ label, items }) => ({
      label,
      items: items.filter(({ title }) => {
        const text = `${label} ${title}`.toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter(({ items }) => items.length > 0);
}
