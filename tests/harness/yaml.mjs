// Plain values -> YAML in block style, one key a line, so that errors have lines to name.
const scalar = (value) => (typeof value === 'string' ? JSON.stringify(value) : String(value));
const isPlain = (value) => value === null || typeof value !== 'object';

export function toYaml(value, indent = '') {
  if (isPlain(value)) return `${indent}${scalar(value)}\n`;
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}[]\n`;
    return value
      .map((item) => {
        if (isPlain(item)) return `${indent}- ${scalar(item)}\n`;
        return `${indent}- ${toYaml(item, `${indent}  `).slice(indent.length + 2)}`;
      })
      .join('');
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return `${indent}{}\n`;
  return entries
    .map(([key, item]) => {
      if (isPlain(item)) return `${indent}${key}: ${scalar(item)}\n`;
      const empty = Array.isArray(item) ? item.length === 0 : Object.keys(item).length === 0;
      if (empty) return `${indent}${key}: ${Array.isArray(item) ? '[]' : '{}'}\n`;
      return `${indent}${key}:\n${toYaml(item, `${indent}  `)}`;
    })
    .join('');
}
