// A browser without a browser: HTTPS with a cookie jar for each host and no redirects of its own;
// and raw bytes over TLS for what no client library would send.
import fs from 'node:fs';
import https from 'node:https';
import tls from 'node:tls';
import './names.mjs';
import { pki } from './pki.mjs';

const authority = () => fs.readFileSync(pki().ca);
export const kNavigation = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
  'upgrade-insecure-requests': '1',
  'user-agent':
    'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
    'Chrome/156.0.0.0 Safari/537.36',
};
export const kFetch = {
  accept: 'application/json',
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
  'sec-fetch-site': 'same-origin',
};

// Every browser has an address of its own (127/8 is all this machine), as the gateway limits what
// one address may ask for.
let browsers = 0;
const ownAddress = () => {
  const number = ++browsers;
  return `127.${100 + (process.pid % 100)}.${number >> 8}.${number & 255 || 1}`;
};

function parseSetCookie(line) {
  const [pair, ...attributes] = line.split(';').map((part) => part.trim());
  const cut = pair.indexOf('=');
  const cookie = { name: pair.slice(0, cut), value: pair.slice(cut + 1), attributes: {} };
  for (const attribute of attributes) {
    const [name, ...value] = attribute.split('=');
    cookie.attributes[name.toLowerCase()] = value.join('=');
  }
  return cookie;
}

export class Response {
  constructor({ url, status, headers, rawHeaders, body }) {
    Object.assign(this, { url, status, headers, rawHeaders, bytes: body });
    this.setCookies = (headers['set-cookie'] ?? []).map(parseSetCookie);
  }
  get text() {
    return this.bytes.toString('utf8');
  }
  get json() {
    return JSON.parse(this.text);
  }
  // Where a browser would go next, absolute; null when it stays.
  get location() {
    return this.headers.location === undefined || this.status < 300 || this.status > 399
      ? null
      : new URL(this.headers.location, this.url).href;
  }
  // The cookie of that name being set, or undefined.
  cookie(name) {
    return this.setCookies.find((cookie) => cookie.name === name);
  }
}

export class Browser {
  constructor({ keepAlive = false, address = ownAddress() } = {}) {
    this.jars = new Map(); // host without port -> Map(name -> cookie)
    this.address = address;
    this.agent = new https.Agent({ keepAlive, maxSockets: 16, ca: authority() });
  }

  jar(host) {
    if (!this.jars.has(host)) this.jars.set(host, new Map());
    return this.jars.get(host);
  }
  // The value of a cookie of `host`, or undefined.
  cookie(host, name) {
    return this.jar(host).get(name)?.value;
  }
  // Another browser with the same cookies.
  clone() {
    const copy = new Browser({ address: this.address });
    for (const [host, jar] of this.jars) copy.jars.set(host, new Map(jar));
    return copy;
  }
  close() {
    this.agent.destroy();
  }

  // `body`: string or Buffer; `form`: object sent as a form; `json`: anything sent as JSON.
  // `cookies: false` sends none and keeps none. Errors of the connection reject.
  request(url, { method, headers = {}, body, form, json, cookies = true, timeout = 20_000 } = {}) {
    const target = new URL(url);
    const sent = { ...headers };
    let payload = body;
    if (form) {
      payload = new URLSearchParams(form).toString();
      sent['content-type'] ??= 'application/x-www-form-urlencoded';
    } else if (json !== undefined) {
      payload = JSON.stringify(json);
      sent['content-type'] ??= 'application/json';
    }
    if (payload !== undefined) sent['content-length'] = Buffer.byteLength(payload);
    const jar = this.jar(target.hostname);
    if (cookies && jar.size > 0 && sent.cookie === undefined) {
      sent.cookie = [...jar].map(([name, cookie]) => `${name}=${cookie.value}`).join('; ');
    }
    return new Promise((resolve, reject) => {
      const request = https.request(
        target,
        {
          method: method ?? (payload === undefined ? 'GET' : 'POST'),
          headers: sent,
          agent: this.agent,
          localAddress: this.address,
          signal: AbortSignal.timeout(timeout),
        },
        (incoming) => {
          const chunks = [];
          incoming.on('data', (chunk) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const response = new Response({
              url: target.href,
              status: incoming.statusCode,
              headers: incoming.headers,
              rawHeaders: incoming.rawHeaders,
              body: Buffer.concat(chunks),
            });
            if (cookies) this.#keep(jar, response.setCookies);
            resolve(response);
          });
        },
      );
      request.on('error', reject);
      request.end(payload);
    });
  }
  get(url, options) {
    return this.request(url, options);
  }
  // As a person's click or typed address does it.
  navigate(url, options = {}) {
    return this.request(url, { ...options, headers: { ...kNavigation, ...options.headers } });
  }
  // As a page's fetch() does it.
  fetch(url, options = {}) {
    return this.request(url, { ...options, headers: { ...kFetch, ...options.headers } });
  }

  #keep(jar, cookies) {
    for (const cookie of cookies) {
      const { 'max-age': age, expires } = cookie.attributes;
      const dead =
        age !== undefined
          ? Number(age) <= 0
          : expires !== undefined && Date.parse(expires) <= Date.now();
      if (dead || cookie.value === '') jar.delete(cookie.name);
      else jar.set(cookie.name, cookie);
    }
  }
}

// One request by someone without cookies.
export async function once(url, options = {}) {
  const browser = new Browser();
  try {
    return await browser.request(url, options);
  } finally {
    browser.close();
  }
}

// All complete HTTP/1.x responses in `bytes`: [{status, headers: [[name, value]], body, text}].
// A response to HEAD or CONNECT is not expected here.
export function parseResponses(bytes) {
  const found = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    const status = Number(
      /^HTTP\/1\.[01] (\d{3})/.exec(rest.subarray(0, 16).toString('latin1'))?.[1],
    );
    if (end < 0 || !status) break;
    const headers = rest
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .slice(1)
      .map((line) => {
        const cut = line.indexOf(':');
        return [line.slice(0, cut), line.slice(cut + 1).trim()];
      });
    const header = (name) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
    rest = rest.subarray(end + 4);
    let body = Buffer.alloc(0);
    if (status >= 200 && status !== 204 && status !== 304) {
      if (/chunked/i.test(header('transfer-encoding') ?? '')) {
        const chunks = [];
        for (;;) {
          const line = rest.indexOf('\r\n');
          const size = line < 0 ? NaN : parseInt(rest.subarray(0, line).toString('latin1'), 16);
          if (Number.isNaN(size) || rest.length < line + 2 + size + 2) {
            rest = rest.subarray(rest.length);
            break;
          }
          chunks.push(rest.subarray(line + 2, line + 2 + size));
          rest = rest.subarray(line + 2 + size + 2);
          if (size === 0) break;
        }
        body = Buffer.concat(chunks);
      } else {
        const length = Number(header('content-length') ?? rest.length);
        body = rest.subarray(0, length);
        rest = rest.subarray(length);
      }
    }
    found.push({ status, headers, header, body, text: body.toString('utf8') });
  }
  return found;
}

// Sends `bytes` (a Buffer, or a string taken as latin1) over TLS to 127.0.0.1 and reads until the
// other side closes, `quiet` ms pass without a further byte (`first` before the first), or `ms` are over.
export function sendRaw(port, servername, bytes, { quiet = 400, first = 2000, ms = 5000 } = {}) {
  return new Promise((resolve) => {
    const chunks = [];
    let idle;
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername,
      ca: authority(),
      ALPNProtocols: ['http/1.1'],
    });
    const finish = () => {
      clearTimeout(idle);
      clearTimeout(limit);
      socket.destroy();
      const all = Buffer.concat(chunks);
      resolve({ bytes: all, text: all.toString('latin1'), responses: parseResponses(all) });
    };
    const limit = setTimeout(finish, ms);
    const rearm = () => {
      clearTimeout(idle);
      idle = setTimeout(finish, chunks.length > 0 ? quiet : first);
    };
    socket.on('secureConnect', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      rearm();
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      rearm();
    });
    socket.on('close', finish);
    socket.on('error', () => {});
  });
}

// The bytes of a GET with these exact header lines after Host; ends the connection.
export const rawGet = (host, target, lines = []) =>
  [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...lines, 'Connection: close', '', ''].join('\r\n');
