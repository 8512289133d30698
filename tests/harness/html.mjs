// Reads the gateway's pages as far as the suites need it.
const kEntities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
export const unescapeHtml = (text) =>
  text.replace(/&(#x[0-9a-f]+|#\d+|[a-z]+);/gi, (all, name) => {
    if (/^#x/i.test(name)) return String.fromCodePoint(parseInt(name.slice(2), 16));
    if (name[0] === '#') return String.fromCodePoint(Number(name.slice(1)));
    return kEntities[name.toLowerCase()] ?? all;
  });

function attributesOf(tag) {
  const attributes = {};
  for (const [, name, , double, single, bare] of tag.matchAll(
    /\s([^\s=>"'/]+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g,
  )) {
    attributes[name.toLowerCase()] = unescapeHtml(double ?? single ?? bare ?? '');
  }
  return attributes;
}

export const textOf = (html) =>
  unescapeHtml(html.replace(/<(script|style)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]+>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();

// [{action, method, fields: {name: value}, buttons: [{name, value, text}]}], fields without buttons.
export function formsOf(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, open, inner]) => {
    const { action = '', method = 'get' } = attributesOf(` ${open}`);
    const fields = {};
    const buttons = [];
    for (const [tag] of inner.matchAll(/<input\b[^>]*>/gi)) {
      const input = attributesOf(tag);
      if (input.type === 'submit')
        buttons.push({ name: input.name, value: input.value, text: input.value });
      else if (input.name) fields[input.name] = input.value ?? '';
    }
    for (const [, open2, text] of inner.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)) {
      const button = attributesOf(` ${open2}`);
      buttons.push({ name: button.name, value: button.value, text: textOf(text) });
    }
    return { action, method: method.toLowerCase(), fields, buttons };
  });
}

// What a page's data attribute tells the posture script: the exchange with the agent (candidates,
// method, path, body, ...) and the transaction to send back. Null: not a posture page.
export function instructionsOf(html) {
  for (const [tag] of html.matchAll(/<[a-z]+\b[^>]*\sdata-[a-z-]+\s*=[^>]*>/gi)) {
    for (const [name, value] of Object.entries(attributesOf(tag))) {
      if (!name.startsWith('data-') || !value.startsWith('{')) continue;
      try {
        const { exchange, ...rest } = JSON.parse(value);
        const all = { ...rest, ...exchange };
        return { ...all, body: all.body ?? JSON.stringify(all.fields) };
      } catch {
        /* some other attribute */
      }
    }
  }
  return null;
}
