// Chromium for tests:  import { launch, allowLoopback } from './browser.mjs'
//   const b = await launch({ home: 'DIR/home', hosts: { 'team.gateway.test': '127.0.0.1' }, publicPorts: [8443] });
// hosts: name -> address, no /etc/hosts needed. publicPorts: pages served on 127.0.0.1:PORT count as coming from the
// public internet, so that a call to the agent on 127.0.0.1:17472 needs the visitor's permission as in real life.
import { chromium } from 'playwright-core';

export async function launch({
  home,
  hosts = {},
  publicPorts = [],
  headless = true,
  args = [],
} = {}) {
  const map = Object.entries(hosts)
    .map(([n, a]) => `MAP ${n} ${a}`)
    .join(', ');
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless,
    env: { ...process.env, ...(home ? { HOME: home } : {}) },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(map ? [`--host-resolver-rules=${map}`] : []),
      ...(publicPorts.length
        ? [
            `--ip-address-space-overrides=${publicPorts.map((p) => `127.0.0.1:${p}=public`).join(',')}`,
          ]
        : []),
      ...args,
    ],
  });
}
// The visitor has pressed Allow (headless Chromium refuses at once without this; a real window asks).
export const allowLoopback = (context, origin) =>
  context.grantPermissions(['local-network-access'], { origin });
