// Debian's HAProxy in the foreground, unprivileged, on ports that its configuration names.
import fs from 'node:fs';
import path from 'node:path';
import { Child, eventually, listens } from './process.mjs';

// `files`: {name: text}, written to `directory`; `haproxy.cfg` is the configuration.
export async function startHaproxy({ directory, files, port }) {
  for (const [name, text] of Object.entries(files))
    fs.writeFileSync(path.join(directory, name), text);
  const child = new Child('/usr/sbin/haproxy', ['-db', '-f', path.join(directory, 'haproxy.cfg')], {
    name: 'haproxy',
  });
  await eventually(() => listens(port), { what: 'haproxy' }).catch((error) => {
    throw new Error(child.output, { cause: error });
  });
  return { said: () => child.output, stop: () => child.end('SIGTERM') };
}
