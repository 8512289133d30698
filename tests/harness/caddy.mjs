// Debian's Caddy in the foreground, unprivileged, with data directories of its own.
import fs from 'node:fs';
import path from 'node:path';
import { Child, eventually, listens } from './process.mjs';

// `files`: {name: text}, written to `directory`; `Caddyfile` is the configuration.
export async function startCaddy({ directory, files, port }) {
  for (const [name, text] of Object.entries(files))
    fs.writeFileSync(path.join(directory, name), text);
  const child = new Child(
    '/usr/bin/caddy',
    ['run', '--adapter', 'caddyfile', '--config', path.join(directory, 'Caddyfile')],
    {
      name: 'caddy',
      env: { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    },
  );
  await eventually(() => listens(port), { ms: 10_000, what: 'caddy' }).catch((error) => {
    throw new Error(child.output, { cause: error });
  });
  return { said: () => child.output, stop: () => child.end('SIGTERM') };
}
