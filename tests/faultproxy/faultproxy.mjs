// TCP proxy with switchable faults, for upstream, database and provider failures. No dependencies.
//   node faultproxy.mjs --listen 9600 --to 127.0.0.1:5432 --control 9601
//   curl -X POST 127.0.0.1:9601 -d '{"latency_ms":200,"rate_bps":20000}'      faults apply to new data at once
//   {"down":true}       refuse new connections (reset)     {"blackhole":true}   accept, never forward
//   {"reset_after":N}   reset after N bytes to the client  {"truncate_after":N} half-close after N bytes to the client
//   {"corrupt_every":N} flip one bit every N bytes         {"slice":N}          forward in pieces of N bytes
//   {"reset_all":true}  drop every open connection now     {} with DELETE       clear; GET shows state and counters
import net from 'node:net';
import http from 'node:http';
import { parseArgs } from 'node:util';

const { values: o } = parseArgs({
  options: { listen: { type: 'string' }, to: { type: 'string' }, control: { type: 'string' } },
});
const [toHost, toPort] = o.to.split(':');
let f = {};
const stats = { accepted: 0, bytesUp: 0, bytesDown: 0 };
const open = new Set();
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

async function pump(from, to, down) {
  let sent = 0;
  try {
    for await (const chunk of from) {
      if (f.blackhole) {
        await new Promise((r) => from.once('close', r));
        return;
      }
      const size = f.slice ?? chunk.length;
      for (let i = 0; i < chunk.length; i += size) {
        let part = chunk.subarray(i, i + size);
        if (f.latency_ms) await sleep(f.latency_ms);
        if (f.rate_bps) await sleep((part.length / f.rate_bps) * 1000);
        if (f.corrupt_every) {
          part = Buffer.from(part);
          for (let j = 0; j < part.length; j++)
            if ((sent + j + 1) % f.corrupt_every === 0) part[j] ^= 1;
        }
        if (down && f.truncate_after !== undefined && sent + part.length >= f.truncate_after) {
          to.end(part.subarray(0, Math.max(0, f.truncate_after - sent)));
          return;
        }
        if (down && f.reset_after !== undefined && sent + part.length >= f.reset_after) {
          to.write(part.subarray(0, Math.max(0, f.reset_after - sent)), () => to.resetAndDestroy());
          return;
        }
        if (!to.write(part))
          await new Promise((r) => {
            to.once('drain', r);
            to.once('close', r);
          });
        sent += part.length;
        stats[down ? 'bytesDown' : 'bytesUp'] += part.length;
      }
    }
    to.end();
  } catch {
    to.destroy();
  }
}
net
  .createServer({ allowHalfOpen: true }, (c) => {
    stats.accepted++;
    if (f.down) return c.resetAndDestroy();
    const u = net.connect({ host: toHost, port: Number(toPort), allowHalfOpen: true });
    const pair = [c, u];
    open.add(pair);
    for (const s of pair) {
      s.setNoDelay(true);
      s.on('error', () => {
        pair.forEach((x) => x.destroy());
      });
      s.on('close', () => open.delete(pair));
    }
    pump(c, u, false);
    pump(u, c, true);
  })
  .listen(Number(o.listen), '127.0.0.1', () => console.log(`ready ${o.listen} -> ${o.to}`));
if (o.control)
  http
    .createServer(async (q, s) => {
      let b = '';
      for await (const x of q) b += x;
      if (q.method === 'POST') {
        f = { ...f, ...JSON.parse(b || '{}') };
        if (f.reset_all) {
          delete f.reset_all;
          for (const p of open) p.forEach((x) => x.resetAndDestroy());
        }
      }
      if (q.method === 'DELETE') f = {};
      s.end(JSON.stringify({ faults: f, open: open.size, ...stats }) + '\n');
    })
    .listen(Number(o.control), '127.0.0.1');
for (const s of ['SIGINT', 'SIGTERM']) process.on(s, () => process.exit(0));
