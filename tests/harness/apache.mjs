// Debian's Apache in the foreground, on ports that its configuration names. The modules that
// Debian always loads are added; whatever else it needs, the configuration says.
import fs from 'node:fs';
import path from 'node:path';
import { Child, eventually, listens } from './process.mjs';

const kModules = ['mpm_event', 'authz_core', 'setenvif', 'env', 'mime'];

// `files`: {name: text}, written to `directory`; `gatehouse.conf` is the site.
export async function startApache({ directory, files, port }) {
  for (const [name, text] of Object.entries(files))
    fs.writeFileSync(path.join(directory, name), text);
  const error = path.join(directory, 'error.log');
  fs.mkdirSync(path.join(directory, 'htdocs'), { recursive: true });
  const main = path.join(directory, 'apache2.conf');
  fs.writeFileSync(
    main,
    [
      `ServerRoot "${directory}"`,
      `DefaultRuntimeDir "${directory}"`,
      `PidFile "${path.join(directory, 'apache2.pid')}"`,
      `ErrorLog "${error}"`,
      `DocumentRoot "${path.join(directory, 'htdocs')}"`,
      'ServerName localhost',
      ...(process.getuid() === 0 ? ['User www-data', 'Group www-data'] : []),
      ...kModules.map(
        (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
      ),
      `TypesConfig /etc/mime.types`,
      `Include "${path.join(directory, 'gatehouse.conf')}"`,
      '',
    ].join('\n'),
  );
  const child = new Child('/usr/sbin/apache2', ['-f', main, '-DFOREGROUND'], { name: 'apache2' });
  const said = () =>
    `${child.output}${fs.existsSync(error) ? fs.readFileSync(error, 'utf8') : ''}`;
  await eventually(() => listens(port), { what: 'apache2' }).catch((cause) => {
    throw new Error(said(), { cause });
  });
  return { said, stop: () => child.end('SIGTERM') };
}
