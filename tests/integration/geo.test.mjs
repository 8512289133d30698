// Countries: of the address that asks, from a database file; what is not known permits nothing.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startLab, kApp, application, domain, policy } from '../harness/lab.mjs';
import { byProvider, mustSignIn, signIn } from '../harness/signin.mjs';
import { countryDatabase } from '../harness/mmdb.mjs';
import { eventually } from '../harness/process.mjs';
import { Browser } from '../harness/http.mjs';

const kHost = 'paths.gateway.test';
const kGerman = '127.49.0.1';
const kFrench = '127.33.0.1';
const kUnknown = '127.99.0.1';
const geo = (code) => ({ geo: { country_code: code } });
const networks = { '127.49.0.0/16': 'DE', '127.33.0.0/16': 'FR' };

let lab;
let file;
const configure = (c, { directory }) => {
  file = path.join(directory, 'countries.mmdb');
  c.country_database = file;
  c.applications.push(
    application('Bypass', `${kHost}/germany`, [
      policy('bypass', 'From Germany', { include: [geo('DE')] }),
      policy('allow', 'Corp people', { include: [domain('corp.example')], require: [geo('DE')] }),
    ]),
    application('People', `${kHost}/people`, [
      policy('allow', 'Corp people', { include: [domain('corp.example')], require: [geo('DE')] }),
    ]),
    application('Anywhere', `${kHost}/anywhere`, [
      policy('allow', 'Corp people', { include: [domain('corp.example')], exclude: [geo('FR')] }),
    ]),
  );
};
before(async () => {
  lab = await startLab({
    idp: true,
    start: false,
    config: configure,
  });
  fs.writeFileSync(file, countryDatabase(networks), { mode: 0o644 });
  await lab.gateway.start();
});
after(() => lab?.stop());

async function from(address, target) {
  const browser = new Browser({ address });
  try {
    const answer = await browser.fetch(lab.gateway.url(kHost, target));
    return answer.status === 200 ? 'allowed' : answer.json.reason;
  } finally {
    browser.close();
  }
}

describe('with a database', () => {
  test('a permitted country passes', async () => {
    assert.equal(await from(kGerman, '/germany'), 'allowed');
  });
  test('another one and an unknown one do not', async () => {
    assert.notEqual(await from(kFrench, '/germany'), 'allowed');
    assert.notEqual(await from(kUnknown, '/germany'), 'allowed');
  });
  test('with a person, and where the token says they are', async () => {
    const browser = lab.browser({ address: kGerman });
    const answer = await mustSignIn(lab, browser, kHost, { target: '/people', ...byProvider('alice') });
    assert.equal(answer.json.email, 'alice@corp.example');
    const [, claims] = browser.cookie(kHost, 'CF_Authorization').split('.');
    assert.equal(JSON.parse(Buffer.from(claims, 'base64url')).country, 'DE');
    const identity = await browser.fetch(lab.gateway.url(kHost, '/people').replace(/\/people$/, '/cdn-cgi/access/get-identity')); // prettier-ignore
    assert.equal(identity.json.geo.country, 'DE');
  });
  test('the same person from elsewhere is refused, with the reason', async () => {
    for (const [address, reason] of [
      [kFrench, 'country_not_permitted'],
      [kUnknown, 'country_unknown'],
    ]) {
      const browser = lab.browser({ address: kGerman });
      await mustSignIn(lab, browser, kHost, { target: '/people', ...byProvider('alice') });
      const elsewhere = lab.browser({ address });
      elsewhere.jars = browser.jars;
      const answer = await elsewhere.fetch(lab.gateway.url(kHost, '/people'));
      assert.equal(answer.status, 403);
      assert.equal(answer.json.reason, reason);
    }
  });
  test('who signs in from elsewhere is refused there', async () => {
    const browser = lab.browser({ address: kFrench });
    const answer = await signIn(lab, browser, kHost, { target: '/people', ...byProvider('alice') });
    assert.equal(answer.status, 403);
    assert.match(answer.text, /country_not_permitted/);
  });
  test('an excluded country and an unknown one are refused, others pass', async () => {
    const expected = { [kGerman]: 200, [kFrench]: 403, [kUnknown]: 403 };
    for (const [address, status] of Object.entries(expected)) {
      const browser = lab.browser({ address });
      const answer = await signIn(lab, browser, kHost, { target: '/anywhere', ...byProvider('alice') });
      assert.equal(answer.status, status, `${address}: ${answer.text.slice(0, 300)}`);
    }
  });
});

// These change what is in force, so they come last.
describe('the file', () => {
  test('one that replaces it counts after SIGHUP', async () => {
    fs.writeFileSync(`${file}.new`, countryDatabase({ ...networks, '127.99.0.0/16': 'DE' }));
    fs.renameSync(`${file}.new`, file);
    assert.notEqual(await from(kUnknown, '/germany'), 'allowed');
    lab.gateway.hangUp();
    await eventually(async () => (await from(kUnknown, '/germany')) === 'allowed');
  });
  test('one that is not there makes every country unknown, and is said', async () => {
    const signedIn = lab.browser({ address: kGerman });
    await mustSignIn(lab, signedIn, kHost, { target: '/people', ...byProvider('alice') });
    fs.rmSync(file);
    lab.gateway.hangUp();
    await lab.gateway.logged(/cannot use the country database `.*`: No such file or directory/);
    await eventually(async () => (await from(kGerman, '/germany')) !== 'allowed');
    const answer = await signedIn.fetch(lab.gateway.url(kHost, '/people'));
    assert.equal(answer.status, 403);
    assert.equal(answer.json.reason, 'country_unknown');
    const browser = lab.browser({ address: kGerman });
    const refused = await signIn(lab, browser, kHost, { target: '/anywhere', ...byProvider('alice') });
    assert.match(refused.text, /country_unknown/);
    await mustSignIn(lab, browser, kApp, byProvider('alice'));
  });
  test('rubbish in its place is no database', async () => {
    fs.writeFileSync(file, 'rubbish');
    lab.gateway.hangUp();
    await lab.gateway.logged(/cannot use the country database `.*`: .*invalid|contains/i);
    assert.notEqual(await from(kGerman, '/germany'), 'allowed');
  });
});
