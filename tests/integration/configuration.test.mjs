// A changed policy file: obeyed at the next request, or refused whole with file, line and field.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  startLab,
  kApp,
  kOther,
  application,
  domain,
  email,
  everyone,
  policy,
} from '../harness/lab.mjs';
import { byProvider, mustSignIn } from '../harness/signin.mjs';
import { eventually, freePort, listens, runProgram, sleep } from '../harness/process.mjs';
import { isSanitized, program } from '../harness/build.mjs';
import { once } from '../harness/http.mjs';
import { toYaml } from '../harness/yaml.mjs';

let lab;
let browser;
before(async () => {
  lab = await startLab({ idp: true });
  browser = lab.browser({ keepAlive: true });
  await mustSignIn(lab, browser, kApp, byProvider('alice'));
});
after(() => lab?.stop());

const status = async (host = kApp) => (await browser.fetch(lab.gateway.url(host))).status;
// Changes the file with `edit`, puts it into force with `enforce` and answers how many
// milliseconds it took until a request was answered with `expected`.
async function change(edit, enforce, expected, host = kApp) {
  edit(lab.gateway.configuration);
  lab.gateway.write();
  let began = Date.now();
  await enforce();
  if (enforce === apply) began = Date.now();
  await eventually(async () => (await status(host)) === expected, {
    ms: 5000,
    every: 2,
    what: `status ${expected}`,
  });
  return Date.now() - began;
}
const hangUp = () => lab.gateway.hangUp();
const apply = async () => {
  const result = await lab.gateway.apply();
  assert.equal(result.code, 0, result.output);
};
const limit = () => (isSanitized() ? 1500 : 200);

describe('a changed policy', () => {
  const first = (c) => c.applications.find(({ domain: name }) => name === kApp);
  for (const [name, enforce] of [
    ['SIGHUP', hangUp],
    ['gatehouse apply', apply],
  ]) {
    test(`${name}: obeyed by the next requests`, async (t) => {
      const times = [];
      times.push(
        await change(
          (c) => {
            first(c).policies[0].include = [email('nobody@corp.example')];
          },
          enforce,
          403,
        ),
      );
      times.push(
        await change(
          (c) => {
            first(c).policies[0].include = [domain('corp.example')];
          },
          enforce,
          200,
        ),
      );
      times.push(
        await change(
          (c) => {
            first(c).policies.unshift(policy('deny', 'Nobody', { include: [everyone()] }));
          },
          enforce,
          403,
        ),
      );
      times.push(
        await change(
          (c) => {
            first(c).policies.shift();
          },
          enforce,
          200,
        ),
      );
      t.diagnostic(`enforced after ${times.join(', ')} ms`);
      for (const time of times) assert.ok(time < limit(), `${time} ms`);
    });
  }
  test('a new application on a new host is served without a restart', async () => {
    const pid = lab.gateway.child.pid;
    await change(
      (c) => {
        c.applications.push(
          application('New', 'open.gateway.test', [
            policy('bypass', 'Anyone', { include: [everyone()] }),
          ]),
        );
      },
      hangUp,
      200,
      'open.gateway.test',
    );
    assert.equal(lab.gateway.child.pid, pid);
    await change(
      (c) => {
        c.applications.pop();
      },
      hangUp,
      403,
      'open.gateway.test',
    );
  });
  test('a changed origin is used', async () => {
    const rule = lab.gateway.configuration.ingress.find(({ hostname }) => hostname === kApp);
    const service = rule.service;
    rule.service = 'http_status:404';
    lab.gateway.write();
    hangUp();
    await eventually(async () => (await status()) === 404, { what: 'the new origin' });
    rule.service = service;
    lab.gateway.write();
    hangUp();
    await eventually(async () => (await status()) === 200, { what: 'the old origin' });
  });
  test('an unchanged file changes nothing and the session stays', async () => {
    hangUp();
    await apply();
    await sleep(200);
    assert.equal(await status(), 200);
  });
  test('requests in flight during reloads get no wrong decision', async () => {
    const nobody = lab.browser();
    const seen = { mine: new Set(), nobodys: new Set() };
    let going = true;
    const ask = async (who, set) => {
      while (going) {
        await who.fetch(lab.gateway.url(kApp)).then(
          (answer) => set.add(answer.status),
          () => {},
        );
      }
    };
    const loops = [ask(browser, seen.mine), ask(nobody, seen.nobodys)];
    for (let i = 0; i < 4; i++) {
      lab.gateway.configuration.ingress.push({
        hostname: 'old.gateway.test',
        path: `/x${i}`,
        service: lab.origin.service,
      });
      lab.gateway.write();
      hangUp();
      await sleep(250);
    }
    going = false;
    await Promise.all(loops);
    lab.gateway.configuration.ingress.splice(-4);
    lab.gateway.write();
    hangUp();
    assert.deepEqual([...seen.mine], [200]);
    assert.deepEqual([...seen.nobodys], [401]);
  });
});

describe('a file with an error', () => {
  // name -> [edit of the text, the field, a word of the message]
  const broken = {
    'an unknown key': [
      (text) => text.replace('applications:', 'aplications:'),
      'aplications',
      /applications/,
    ],
    'a wrong decision': [
      (text) => text.replace('decision: "allow"', 'decision: "alow"'),
      'applications[0].policies[0].decision',
      /./,
    ],
    'an unknown selector': [
      (text) => text.replace('- email_domain:', '- email_domian:'),
      'applications[0].policies[0].include[0]',
      /email_domian/,
    ],
    'a wrong type': [
      (text) => text.replace(/session_duration: "24h"/, 'session_duration: [1]'),
      'organization.session_duration',
      /./,
    ],
    'no duration': [
      (text) => text.replace(/session_duration: "24h"/, 'session_duration: "soon"'),
      'organization.session_duration',
      /./,
    ],
    'a missing name': [
      (text) => text.replace(/ name: "App"/, ' name: ""'),
      'applications[0].name',
      /./,
    ],
    'a port out of range': [
      (text) => text.replace(/https_port: \d+/, 'https_port: 99999'),
      'listen.https_port',
      /./,
    ],
    'no YAML': [(text) => text.replace('listen:', 'listen: {'), null, /./],
    'an empty file': [() => '', null, /./],
    'a tab as indentation': [(text) => text.replace('\n  name:', '\n\tname:'), null, /./],
    'a private key where the public one belongs': [
      (text) =>
        text.replace(
          'device_posture_integrations: []',
          'device_posture_integrations:\n  - name: "T"\n    type: "tanium"\n    config:\n      public_certificate: "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n"',
        ),
      'device_posture_integrations[0].config.public_certificate',
      /private/,
    ],
    'an unknown login method': [
      (text) => text.replace(' policies:', ' allowed_idps:\n      - "Nobody"\n    policies:'),
      'applications[0].allowed_idps[0]',
      /Nobody/,
    ],
  };
  // "file.yaml:12: field: message"; a field may be absent when the whole file is meant.
  const named = (output, field, word) => {
    const lines = output.split('\n').filter((text) => text.includes('gatehouse.yaml'));
    assert.ok(lines.length > 0, `no line names the file:\n${output.slice(-2000)}`);
    const line = lines.find((text) => !field || text.includes(`: ${field}`)) ?? lines[0];
    if (field) assert.match(line, /gatehouse\.yaml:\d+: /);
    if (field) assert.ok(line.includes(`: ${field}`), `\`${field}\` is not named in: ${line}`);
    assert.match(line, word);
    return Number(/gatehouse\.yaml:(\d+)/.exec(line)?.[1]);
  };
  for (const [name, [edit, field, word]] of Object.entries(broken)) {
    test(`${name}: refused by check, apply and SIGHUP; the old policy stays`, async () => {
      const good = toYaml(lab.gateway.configuration);
      const text = edit(good);
      assert.notEqual(text, good);
      lab.gateway.write(text);
      try {
        for (const result of [await lab.gateway.check(), await lab.gateway.apply()]) {
          assert.notEqual(result.code, 0, name);
          const line = named(result.output, field, word);
          if (field) {
            const changed =
              text.split('\n').findIndex((after, at) => after !== good.split('\n')[at]) + 1;
            assert.ok(Math.abs(line - changed) <= 5, `line ${line}, the change is at ${changed}`);
          }
        }
        const before = lab.gateway.child.output.length;
        const said = () => lab.gateway.child.output.slice(before);
        hangUp();
        await eventually(() => /gatehouse\.yaml/.test(said()), { what: 'the error in the log' });
        named(said(), field, word);
        assert.equal(await status(), 200);
        assert.equal((await once(lab.gateway.url(kApp))).status, 401);
      } finally {
        lab.gateway.write();
      }
    });
  }
  test('several errors are all named', async () => {
    lab.gateway.write(
      toYaml(lab.gateway.configuration)
        .replace('decision: "allow"', 'decision: "alow"')
        .replace('https_port:', 'https_prot:'),
    );
    const { output } = await lab.gateway.check();
    lab.gateway.write();
    assert.ok(/https_prot/.test(output) && /decision/.test(output), output);
  });
  test('a good file passes the check', async () => {
    const result = await lab.gateway.check();
    assert.equal(result.code, 0, result.output);
  });
  test('after all that a good change is still obeyed', async () => {
    await change(
      (c) => {
        c.applications[1].policies[0].include = [email('nobody@corp.example')];
      },
      hangUp,
      401,
      kOther,
    );
  });
  test('a missing file is named', async () => {
    const result = await lab.gateway.check(path.join(lab.directory, 'absent.yaml'));
    assert.notEqual(result.code, 0);
    assert.match(result.output, /absent\.yaml/);
  });
  test('no secret of the file is in any of the messages', () =>
    assert.ok(!/gateway-secret-0123456789|BEGIN PRIVATE KEY/.test(lab.gateway.logs())));
});

describe('the start', () => {
  const serve = (edit) => {
    const configuration = structuredClone(lab.gateway.configuration);
    configuration.state_directory = path.join(lab.directory, 'second');
    edit(configuration);
    const file = path.join(lab.directory, 'second.yaml');
    fs.writeFileSync(file, toYaml(configuration));
    return runProgram(program('gatehouse'), ['serve', '--config', file], { name: 'gatehouse' });
  };
  test('with a broken file: fails and names it', async () => {
    const result = await serve((c) => {
      c.applications[0].policies[0].decision = 'alow';
    });
    assert.notEqual(result.code, 0);
    assert.match(result.output, /second\.yaml:\d+: applications\[0\]\.policies\[0\]\.decision/);
  });
  test('with a store that cannot be opened: fails and names it', async () => {
    const result = await serve((c) => {
      c.store = 'sqlite:///nowhere/at/all/gatehouse.db';
    });
    assert.notEqual(result.code, 0);
    assert.match(result.output, /\/nowhere\/at\/all\/gatehouse\.db/);
  });
  test('on a port that is taken: fails and says so', async () => {
    const result = await serve(() => {}); // the port of the running gateway
    assert.notEqual(result.code, 0);
    assert.match(result.output, new RegExp(`${lab.gateway.port}`));
    assert.equal(await status(), 200);
  });
  test('with a certificate that is not there: fails and names it', async () => {
    const result = await serve((c) => {
      c.certificates[0].certificate_file = '/nowhere/server.crt';
    });
    assert.notEqual(result.code, 0);
    assert.match(result.output, /\/nowhere\/server\.crt/);
  });
  test('the plain HTTP port only redirects to HTTPS', async () => {
    const second = await freePort();
    const { TestGateway } = await import('../harness/gateway.mjs');
    const configuration = structuredClone(lab.gateway.configuration);
    Object.assign(configuration.listen, { https_port: await freePort(), http_port: second });
    configuration.state_directory = path.join(lab.directory, 'third');
    const directory = path.join(lab.directory, 'third-file');
    fs.mkdirSync(directory);
    const gateway = new TestGateway({ directory, configuration });
    await gateway.start();
    try {
      assert.ok(await listens(second));
      const answer = await fetch(`http://app.gateway.test:${second}/x?y=1`, { redirect: 'manual' });
      assert.ok([301, 302, 307, 308].includes(answer.status));
      assert.equal(answer.headers.get('location'), gateway.url(kApp, '/x?y=1'));
    } finally {
      await gateway.stop();
    }
  });
});
