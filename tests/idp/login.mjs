// Drives the provider's login form without a browser.
//   import { login } from './login.mjs'; const callbackUrl = await login(authorizeUrl, { user: 'alice' })
//   node login.mjs '<authorize url>' --user alice [--password p] [--device id] [--cancel]     prints the URL the browser would be sent to
import { parseArgs } from 'node:util';

export async function login(
  authorizeUrl,
  { user, password = user, device = '', cancel = false, jar = new Map() } = {},
) {
  const provider = new URL(authorizeUrl).origin;
  let url = authorizeUrl;
  let init = {};
  for (let i = 0; i < 12; i++) {
    const res = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: { ...init.headers, cookie: [...jar].map(([k, v]) => `${k}=${v}`).join('; ') },
    });
    for (const c of res.headers.getSetCookie()) {
      const [kv] = c.split(';');
      const k = kv.slice(0, kv.indexOf('='));
      const v = kv.slice(k.length + 1);
      if (v === '' || /expires=thu, 01 jan 1970/i.test(c)) jar.delete(k);
      else jar.set(k, v);
    }
    init = {};
    const loc = res.headers.get('location');
    if (loc) {
      const next = new URL(loc, url);
      if (next.origin !== provider) return next.href;
      url = next.href;
      continue;
    }
    const html = await res.text();
    const m = /<form method="post" action="([^"]+)"/.exec(html);
    if (!m || res.status !== 200)
      throw Object.assign(
        new Error(
          `${res.status} ${html
            .replace(/<[^>]+>/g, ' ')
            .trim()
            .slice(0, 200)}`,
        ),
        { status: res.status, html },
      );
    url = new URL(m[1], url).href;
    init = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        login: user ?? '',
        password: password ?? '',
        device,
        ...(cancel ? { cancel: '1' } : {}),
      }).toString(),
    };
  }
  throw new Error('too many redirects');
}
if (process.argv[1]?.endsWith('login.mjs')) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      user: { type: 'string' },
      password: { type: 'string' },
      device: { type: 'string' },
      cancel: { type: 'boolean' },
    },
  });
  login(positionals[0], values).then(console.log, (e) => {
    console.error(e.message);
    process.exit(1);
  });
}
