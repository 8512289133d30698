// The shared checklists of OAuth and OpenID Connect, read where the test kit keeps them: every row
// names a test that stands here, or says why it does not concern us.
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { kNoTestkit, repository, testkitData } from '../harness/build.mjs';

// A test by the file below tests/ or src/ and a part of its title; text: why there is none.
const at = (file, title) => ({ file, title });
const oidc = (title) => at('src/identity/oidc/oidc_test.cc', title);
const provider = (title) => at('tests/integration/oidc_misbehaviour.test.mjs', title);
const signIn = (title) => at('tests/integration/sign_in_oidc.test.mjs', title);
const pin = (title) => at('tests/integration/sign_in_pin.test.mjs', title);
const redirects = (title) => at('tests/integration/redirects.test.mjs', title);
const credentials = (title) => at('tests/integration/credentials.test.mjs', title);
const kNoRefresh = 'no refresh token is asked for';
const kNoProviderLogout = 'log-out ends our sessions only: none at the provider, none on its word';

const kOAuth = {
  'exact redirect_uri': signIn('the request carries PKCE S256, state, nonce'),
  'open redirector (client)': redirects('the shared list'),
  'open redirector (logout)': at(
    'tests/integration/logout.test.mjs',
    'on the auth domain ends everything at once',
  ),
  'CSRF on callback': signIn('in a browser that began nothing: refused'),
  'code injection': signIn('state of one sign-in with the code of another'),
  'PKCE downgrade': signIn('the request carries PKCE S256, state, nonce'),
  'mix-up': provider('callback-wrong-iss'),
  'code replay': signIn('a second time, with the same state: refused'),
  'token endpoint redirect': provider('token-redirect'),
  'leak by Referer': pin('cannot be framed, cached or scripted inline'),
  'leak by history/log': at('tests/integration/secrets.test.mjs', 'are in no log line'),
  'fragment/form_post': at(
    'src/adapters/access/session_test.cc',
    'cdn-cgi/access/callback", 405, "GET"',
  ),
  clickjacking: pin('cannot be framed, cached or scripted inline'),
  '307 after login POST': pin('the code opens the application'),
  'refresh tokens': kNoRefresh,
  'client authentication': oidc('AuthenticatesAsAnnouncedOrConfigured'),
  'ID token validation': provider('every mode of the provider is in the table'),
  'JWKS fetch': provider('unknown keys do not make the gateway ask for keys at every sign-in'),
  'SSRF by configuration': oidc('OnlyHttpsOrALoopbackTestProvider'),
  discovery: provider('discovery-issuer'),
  'account linking': signIn('does not sign in'),
  'email claim types': provider('email-array'),
  'group claim types': oidc('GroupsAreKnownOnlyWhenTheyAreAllThere'),
  'session fixation': redirects('in a browser that did not begin: refused'),
  'cookie scope': redirects('opens the application once; cookie as the contract says'),
  'cookie tossing': credentials('the shared list: the person or nobody'),
  logout: at('tests/integration/logout.test.mjs', 'ends everything at once, copies too'),
  revocation: at('tests/integration/logout.test.mjs', 'ends its token, not the others'),
  'step-up and max_age': at(
    'src/selectors/auth_context/auth_context_test.cc',
    'AsksWhatTheSignInSatisfied',
  ),
  'OTP by email': pin('after five failures the right code is refused too'),
  'service tokens': at('tests/integration/policies.test.mjs', 'duplicated headers: refused'),
  clock: oidc('expired'),
  'error page': signIn('does not reach the page as markup'),
};

const kConformance = {
  'oidcc-client-test': signIn('alice signs in and the application is told who she is'),
  'oidcc-client-test-client-secret-basic': oidc('AuthenticatesAsAnnouncedOrConfigured'),
  'oidcc-client-test-discovery-issuer-mismatch': provider('discovery-issuer'),
  'oidcc-client-test-discovery-jwks-uri-keys': oidc('FollowsARotatedKeyAtOnce'),
  'oidcc-client-test-discovery-openid-config': oidc('KeepsDocumentsForAnHour'),
  'oidcc-client-test-distributed-claims': oidc('GroupsAreKnownOnlyWhenTheyAreAllThere'),
  'oidcc-client-test-idtoken-sig-none': provider('alg-none'),
  'oidcc-client-test-idtoken-sig-rs256': provider('control: behaves and signs in'),
  'oidcc-client-test-invalid-athash': provider('wrong-at-hash'),
  'oidcc-client-test-invalid-aud': provider('wrong-aud'),
  'oidcc-client-test-invalid-iss': provider('wrong-iss'),
  'oidcc-client-test-invalid-sig-es256': oidc('bad-signature'),
  'oidcc-client-test-invalid-sig-hs256': provider('hs256-client-secret'),
  'oidcc-client-test-invalid-sig-rs256': provider('bad-signature'),
  'oidcc-client-test-kid-absent-multiple-jwks': provider('an ID token without kid'),
  'oidcc-client-test-kid-absent-single-jwks': provider('kid-absent'),
  'oidcc-client-test-missing-aud': provider('missing-aud'),
  'oidcc-client-test-missing-iat': provider('missing-iat'),
  'oidcc-client-test-missing-sub': provider('missing-sub'),
  'oidcc-client-test-nonce-invalid': provider('wrong-nonce'),
  'oidcc-client-test-nonce-unless-code-flow': provider('missing-nonce'),
  'oidcc-client-test-refresh-token': kNoRefresh,
  'oidcc-client-test-refresh-token-invalid-issuer': kNoRefresh,
  'oidcc-client-test-refresh-token-invalid-sub': kNoRefresh,
  'oidcc-client-test-scope-userinfo-claims': oidc('UserinfoFillsInAndNeverReplaces'),
  'oidcc-client-test-signing-key-rotation': provider('with overlap, then without'),
  'oidcc-client-test-signing-key-rotation-just-before-signing': oidc('FollowsARotatedKeyAtOnce'),
  'oidcc-client-test-userinfo-bearer-header': oidc('UserinfoFillsInAndNeverReplaces'),
  'oidcc-client-test-userinfo-invalid-sub': provider('userinfo-sub'),
};

function check(rows, known, otherwise) {
  assert.ok(rows.length > 20, `${rows.length}`);
  for (const row of rows) {
    const found = known[row] ?? otherwise(row);
    assert.ok(found, `\`${row}\`: no test and no reason why not`);
    if (typeof found === 'string') continue;
    const text = fs.readFileSync(path.join(repository, found.file), 'utf8');
    assert.ok(text.includes(found.title), `${row}: no \`${found.title}\` in ${found.file}`);
  }
}
const table = (name) => testkitData(name)?.slice(1).map((line) => line.split('\t')) ?? null;

describe('checklists', () => {
  const oauth = table('hostile/oauth-checklist.tsv');
  test('OAuth: every obligation has its test', { skip: oauth ? false : kNoTestkit }, () =>
    check(
      oauth.map(([threat]) => threat),
      kOAuth,
      () => null,
    ),
  );
  const conformance = table('hostile/oidc-rp-conformance.tsv');
  test(
    'OpenID Connect: every certification test that concerns us has its own',
    { skip: conformance ? false : kNoTestkit },
    () =>
      check(
        conformance.filter(([, concerns]) => concerns !== 'no').map(([name]) => name),
        kConformance,
        (name) => (/logout/.test(name) ? kNoProviderLogout : null),
      ),
  );
});
