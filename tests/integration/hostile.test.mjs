// The shared lists that no other suite sends: tokens forged by the test kit's own program, and the
// requests of llhttp's tests through nginx.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, application, everyone, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { once, sendRaw } from '../harness/http.mjs';
import { kNoTestkit, testkitData, testkitFile } from '../harness/build.mjs';

const kOpen = 'open.gateway.test';
let lab;
before(async () => {
  lab = await startLab({
    idp: true,
    config(c) {
      c.applications.push(
        application('Open', kOpen, [policy('bypass', 'Anyone', { include: [everyone()] })]),
      );
    },
  });
});
after(() => lab?.stop());

async function send(host, raw, timing) {
  lab.origin.clear();
  const { responses } = await sendRaw(lab.gateway.port, host, raw, { ms: 4000, ...timing });
  return { statuses: responses.map(({ status }) => status), seen: [...lab.origin.requests] };
}

describe('tokens of the shared forge', () => {
  const forge = testkitFile('hostile/forge.mjs');
  test(
    'every forged one is refused, the control is not',
    { skip: forge ? false : kNoTestkit, timeout: 200_000 },
    async () => {
      const browser = lab.browser();
      await mustSignIn(lab, browser, kApp, byProvider('carol'));
      const token = browser.cookie(kApp, 'CF_Authorization');
      const keys = path.join(lab.directory, 'keys.json');
      fs.writeFileSync(keys, (await once(`${lab.gateway.issuer}/cdn-cgi/access/certs`)).text);
      const lines = execFileSync(process.execPath, [forge, '--jwks', keys], {
        input: token,
        maxBuffer: 64 * 1024 * 1024,
      })
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.ok(lines.length > 100, `${lines.length}`);
      for (const { id, token: forged, expect } of lines) {
        for (const carry of ['Cookie: CF_Authorization=', 'cf-access-token: ']) {
          const { statuses, seen } = await send(
            kApp,
            [
              'GET / HTTP/1.1',
              `Host: ${kApp}`,
              'Accept: application/json',
              `${carry}${forged}`,
              'Connection: close\r\n\r\n',
            ].join('\r\n'),
            { quiet: 300 },
          );
          if (expect === 'accept') {
            assert.deepEqual(statuses, [200], id);
            assert.equal(seen.length, 1, id);
          } else {
            assert.equal(seen.length, 0, `${id}: reached the application`);
            assert.ok(!statuses.includes(200), `${id}: ${statuses}`);
          }
        }
      }
    },
  );
});

describe("the requests of llhttp's tests", () => {
  const rows = testkitData('hostile/http1-parser.json');
  test(
    'no body becomes a request, and nothing that is refused reaches the application',
    { skip: rows ? false : kNoTestkit, timeout: 200_000 },
    async () => {
      for (const { name, base64, strict_parser: strict } of rows) {
        // Addressed to an application that is open to all, where a Host is missing or foreign.
        const raw = Buffer.from(base64, 'base64')
          .toString('latin1')
          .replace(/^Host:[^\r\n]*\r\n/im, '')
          .replace(/^([A-Z-]+ \S+ HTTP\/1\.1)\r\n/, `$1\r\nHost: ${kOpen}\r\n`);
        const { statuses, seen } = await send(kOpen, Buffer.from(raw, 'latin1'), { quiet: 150 });
        const announced = raw.split(/ HTTP\/1\./).length - 1;
        assert.ok(seen.length <= announced, `${name}: ${seen.length} of ${announced}`);
        assert.ok(seen.length <= statuses.length + 1, `${name}: ${seen.length}, ${statuses}`);
        assert.ok(!statuses.includes(500), `${name}: ${statuses}`);
        for (const { url, method } of seen) {
          assert.match(method, /^[A-Z-]+$/, name);
          assert.ok(raw.includes(url) || raw.includes(encodeURI(url)), `${name}: ${url}`);
        }
        if (/Content-Length|Transfer-Encoding|chunk/.test(strict))
          for (const { body } of seen)
            assert.ok(!/HTTP\/1\./.test(body), `${name}: a request inside a body`);
      }
    },
  );
});
