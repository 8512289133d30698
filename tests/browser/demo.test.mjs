// `gatehouse demo` as a person meets it (issue 2, "What a person can do"): sign in by the PIN on the
// console, lose the agent, find it again, be unmanaged, change the policy, make a mistake in it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { launch } from './browser.mjs';
import { arrive, picture, refusalShown, visit } from './visit.mjs';
import {
  Child,
  eventually,
  freePort,
  isAlive,
  listens,
  runProgram,
  signal,
} from '../harness/process.mjs';
import { program } from '../harness/build.mjs';

const kPerson = 'ada@corp.example';
let directory; // the demo's
let said; // the page of text that the start ends with
let browser;
let agent; // once it was started by hand
let port;
let agentPort;

const gatehouse = (...args) => runProgram(program('gatehouse'), args, { name: 'gatehouse' });
const setManaged = (value) =>
  runProgram(
    program('gatehouse-agent'),
    ['set', '--state', path.join(directory, 'agent'), '--managed', value],
    { name: 'gatehouse-agent' },
  );
const readConsole = () => fs.readFileSync(path.join(directory, 'console.log'), 'utf8');
const demoProcess = () => Number(fs.readFileSync(path.join(directory, 'demo.pid'), 'utf8'));

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-demo-'));
  fs.chmodSync(directory, 0o711); // nginx's workers pass through
  [port, agentPort] = [await freePort(), await freePort()];
  process.on('exit', () => {
    if (fs.existsSync(path.join(directory, 'demo.pid'))) signal(demoProcess(), 'SIGTERM');
  });
  const started = await gatehouse(
    ...['demo', '--state', directory, '--port', String(port)],
    ...['--agent-port', String(agentPort), '--detach'],
  );
  assert.equal(started.code, 0, started.output);
  said = started.stdout;
  // The authority is imported, as the page of text says.
  const home = path.join(directory, 'home');
  const store = path.join(home, '.pki/nssdb');
  fs.mkdirSync(store, { recursive: true });
  execFileSync('certutil', ['-N', '-d', `sql:${store}`, '--empty-password']);
  const authority = said.match(/import\s+(\S+\.crt)/)[1];
  const trusted = ['-n', 'demo', '-t', 'C,,', '-i', authority];
  execFileSync('certutil', ['-A', '-d', `sql:${store}`, ...trusted]);
  browser = await launch({ home });
});
after(async () => {
  await browser?.close();
  await agent?.end();
  const pid = demoProcess();
  const stopped = await gatehouse('demo', '--stop', '--state', directory);
  assert.equal(stopped.code, 0, stopped.output);
  assert.ok(!isAlive(pid), 'the demo goes on');
  assert.ok(!(await listens(port)), 'nginx goes on');
  assert.doesNotMatch(readConsole(), /AddressSanitizer|LeakSanitizer|runtime error:/);
  fs.rmSync(directory, { recursive: true, force: true });
});

test('what a person can do with the demo', async (t) => {
  const page = await visit(browser);
  const app = said.match(/Open\s+(https:\S+)/)[1];
  assert.equal(app, `https://app.gatehouse.localhost:${port}/`);
  const auth = app.replace('//app.', '//auth.');
  const shown = async () => {
    await arrive(page, app);
    const text = async (id) => page.locator(`#${id}`).innerText();
    return { user: await text('user'), device: await text('device'), policy: await text('policy') };
  };
  // The device's answer is good for three seconds, so a reload may still be let through.
  const reloadUntilRefused = (reason) =>
    eventually(
      async () => {
        await page.goto(app);
        await page.waitForURL(({ pathname }) => pathname !== '/cdn-cgi/access/posture');
        return page.url() !== app && (await refusalShown(page)) === reason;
      },
      { ms: 15_000, every: 200, what: `refused: ${reason}` },
    );
  const opensAgain = async () => {
    await page.goto(app);
    assert.equal((await shown()).user, kPerson); // no sign-in on the way: nobody answers one
  };

  await t.test('signs in by PIN; the application shows user, device and policy', async () => {
    await page.goto(app);
    await page.locator('input[name=email]').fill(kPerson);
    await page.locator('form:has(input[name=email]) button').first().click();
    await page.locator('input[name=code]').waitFor();
    const announced = /One-time PIN for ada@corp\.example:\s+(\d{6})/;
    const [, code] = await eventually(() => announced.exec(readConsole()), { what: 'PIN' });
    await page.locator('input[name=code]').fill(code);
    await page.locator('form:has(input[name=code]) button').first().click();
    const { user, device, policy } = await shown();
    assert.equal(user, kPerson);
    assert.match(device, /^[0-9a-f-]{36}$/);
    assert.equal(policy, 'Everyone with a managed device');
    assert.deepEqual(page.violations, []);
    await picture(page, 'demo-application');
    await page.locator('summary').first().click();
    assert.match(await page.locator('#claims').innerText(), /"email":\s*"ada@corp\.example"/);
  });

  await t.test('the auth domain shows who is signed in and the applications', async () => {
    await page.goto(auth);
    await page.getByRole('link', { name: 'Demo application' }).waitFor();
    assert.match(await page.locator('main').innerText(), /ada@corp\.example/);
    await picture(page, 'home');
  });

  await t.test('the agent stops: refused; it starts: opens without a new sign-in', async () => {
    signal(Number(said.match(/kill (\d+)/)[1]), 'SIGTERM');
    await eventually(async () => !(await listens(agentPort)), { what: 'agent stops' });
    await reloadUntilRefused('agent_unreachable');
    assert.match(await page.locator('main').innerText(), /agent.*installed and running/s);
    await picture(page, 'demo-agent-unreachable');
    await page.goto(auth);
    await page.getByText('No answer').or(page.getByText('check')).first().waitFor();
    await picture(page, 'home-device-needed');
    agent = new Child(
      program('gatehouse-agent'),
      ['run', '--state', path.join(directory, 'agent'), '--port', String(agentPort)],
      { name: 'gatehouse-agent' },
    );
    await agent.waitFor(/^ready/m);
    await opensAgain();
  });

  await t.test('the device is unmanaged: refused for that; managed again: opens', async () => {
    assert.equal((await setManaged('false')).code, 0);
    await reloadUntilRefused('posture_not_managed');
    assert.match(await page.locator('main').innerText(), /not managed/);
    await picture(page, 'demo-not-managed');
    assert.equal((await setManaged('true')).code, 0);
    await opensAgain();
  });

  const file = path.join(directory, 'gatehouse.yaml');
  const good = fs.readFileSync(file, 'utf8');
  const apply = () => gatehouse('apply', file, '--yes');

  await t.test('another policy is applied: the next request obeys it; and back', async () => {
    fs.writeFileSync(file, good.replace('- everyone: {}', '- email: { email: root@corp.example }'));
    const applied = await apply();
    assert.equal(applied.code, 0, applied.output);
    await page.goto(app);
    assert.equal(await refusalShown(page), 'identity_not_permitted');
    await picture(page, 'demo-refused-by-policy');
    fs.writeFileSync(file, good);
    assert.equal((await apply()).code, 0);
    await opensAgain();
  });

  await t.test('a mistake is named by file, line and field, and the old policy stays', async () => {
    const broken = good.replace('decision: allow', 'decision: alow');
    const line = broken.slice(0, broken.indexOf('alow')).split('\n').length;
    fs.writeFileSync(file, broken);
    const named = `${file}:${line}: applications[0].policies[0].decision: `;
    const refused = await apply();
    assert.equal(refused.code, 2);
    assert.ok(refused.output.includes(named), refused.output);
    assert.match(refused.output, /must be one of: allow, /);
    await opensAgain();
    signal(demoProcess(), 'SIGHUP');
    await eventually(() => readConsole().includes(named), { what: 'SIGHUP names the mistake' });
    await opensAgain();
  });

  await t.test('signs out of the application, then of the gateway', async () => {
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await picture(page, 'application-signed-out');
    await opensAgain(); // still signed in to the gateway
    await page.goto(auth);
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.goto(app);
    await page.locator('input[name=email]').waitFor();
  });

  assert.deepEqual(page.violations, []);
  await page.context().close();
});
