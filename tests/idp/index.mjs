// Test identity provider: a certified OpenID Provider implementation (oidc-provider) with fixed users,
// an Entra ID ("Azure AD") shape, a small Microsoft Graph, conditional access, and switchable misbehaviour.
// Usage: README.md. For tests only: passwords and secrets are public.
import http from 'node:http';
import https from 'node:https';
import fs from 'node:fs';
import crypto from 'node:crypto';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';
import * as jose from 'jose';

const { values: opt } = parseArgs({
  options: {
    port: { type: 'string', default: '9000' },
    host: { type: 'string', default: '127.0.0.1' },
    mode: { type: 'string', default: 'oidc' },
    issuer: { type: 'string' },
    users: { type: 'string', default: new URL('./users.json', import.meta.url).pathname },
    clients: { type: 'string', default: new URL('./clients.json', import.meta.url).pathname },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
  },
});
const azure = opt.mode === 'azure';
if (!azure && opt.mode !== 'oidc') {
  console.error('--mode oidc|azure');
  process.exit(2);
}
const origin =
  opt.issuer ??
  `${opt['tls-cert'] ? 'https' : 'http'}://${opt.host === '127.0.0.1' ? 'localhost' : opt.host}:${opt.port}`;
const db = JSON.parse(fs.readFileSync(opt.users));
const prefix = azure ? `/${db.tenant}` : '';
const issuer = azure ? `${origin}${prefix}/v2.0` : origin;
const clients = JSON.parse(fs.readFileSync(opt.clients));
const clientOf = (id) => clients.find((c) => c.client_id === id);

// ---- keys: one RSA and one EC key in the JWKS; `next` appears on rotation; `evil` is never published
async function newKey(alg, kid) {
  const k = await jose.generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  return {
    alg,
    kid,
    priv: k.privateKey,
    jwk: { ...(await jose.exportJWK(k.privateKey)), kid, alg, use: 'sig' },
    pub: { ...(await jose.exportJWK(k.publicKey)), kid, alg, use: 'sig' },
  };
}
const keys = {
  main: await newKey('RS256', 'rsa-1'),
  ec: await newKey('ES256', 'ec-1'),
  next: await newKey('RS256', 'rsa-2'),
  evil: await newKey('RS256', 'evil-1'),
};
const state = {
  active: 'main',
  published: ['main', 'ec'],
  tamper: null,
  graph: {},
  journal: [],
  entra: null, // the error that comes next
  acrs: 'grant', // grant, text, withhold
  devices: new Map(), // what each account signed in from, by sub
  revoked: new Set(), // accounts whose grants are gone
};

// ---- users
const userBy = (f, v) => db.users.find((u) => u[f] === v);
const groupIds = (u) => [
  ...(u.groups ?? []).map((g) => db.groups[g].id),
  ...Array.from(
    { length: u.extraGroups ?? 0 },
    (_, i) => `0b0b0b0b-0000-4000-8000-${String(i).padStart(12, '0')}`,
  ),
];
function claimsOf(u) {
  const c = {
    sub: azure ? crypto.createHash('sha256').update(u.sub).digest('base64url') : u.sub,
    name: u.name,
    preferred_username: u.email ?? `${u.login}@corp.example`,
  };
  if (u.email !== undefined) c.email = u.email;
  if (!azure && u.email_verified !== undefined) c.email_verified = u.email_verified;
  Object.assign(c, u.claims);
  if (!azure) {
    c.groups = u.groups ?? [];
    return c;
  }
  Object.assign(c, { oid: u.oid, tid: db.tenant, ver: '2.0' });
  const ids = groupIds(u);
  if (u.hasgroups) c.hasgroups = true;
  else if (ids.length > 200) {
    c._claim_names = { groups: 'src1' };
    c._claim_sources = {
      src1: { endpoint: `https://graph.windows.net/${db.tenant}/users/${u.oid}/getMemberObjects` },
    };
  } else c.groups = ids;
  return c;
}
const findAccount = (ctx, id) => {
  const u = userBy('sub', id);
  return (
    u && {
      accountId: id,
      claims: async (use) => {
        const c = claimsOf(u);
        const cl = clientOf(ctx?.oidc?.client?.clientId);
        return { ...(use === 'id_token' && cl?.minimalIdToken ? { sub: c.sub } : c), sub: id };
      },
    }
  );
};

// ---- misbehaviour of the provider, one at a time (POST /_test/tamper {"mode":..., "times":n})
const now = () => Math.floor(Date.now() / 1000);
const b64 = (o) => Buffer.from(typeof o === 'string' ? o : JSON.stringify(o)).toString('base64url');
const sign = (claims, key, header = {}) =>
  new jose.SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.priv);
const rawSign = (header, body, key) => {
  const i = `${b64(header)}.${b64(body)}`;
  return `${i}.${crypto.sign('sha256', Buffer.from(i), crypto.createPrivateKey({ key: key.jwk, format: 'jwk' })).toString('base64url')}`;
};
const edit = (f) => async (c, k) => {
  f(c);
  return sign(c, k);
};
export const tampers = {
  'bad-signature': async (c, k) => {
    const t = await sign(c, k);
    const p = t.split('.');
    const s = Buffer.from(p[2], 'base64url');
    s[10] ^= 0xff;
    return `${p[0]}.${p[1]}.${s.toString('base64url')}`;
  },
  'alg-none': async (c) => `${b64({ alg: 'none', typ: 'JWT' })}.${b64(c)}.`,
  'alg-none-mixed-case': async (c) => `${b64({ alg: 'nOnE', typ: 'JWT' })}.${b64(c)}.`,
  'hs256-public-key': async (c, k) => {
    const pem = await jose.exportSPKI(await jose.importJWK(k.pub, k.alg, { extractable: true }));
    const i = `${b64({ alg: 'HS256', kid: k.kid, typ: 'JWT' })}.${b64(c)}`;
    return `${i}.${crypto.createHmac('sha256', pem).update(i).digest('base64url')}`;
  },
  'hs256-client-secret': async (c, k, sec) => {
    const i = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64(c)}`;
    return `${i}.${crypto
      .createHmac('sha256', sec ?? '')
      .update(i)
      .digest('base64url')}`;
  },
  'unknown-kid': async (c) => sign(c, keys.evil),
  'stolen-kid': async (c, k) => sign(c, keys.evil, { kid: k.kid }),
  'embedded-jwk': async (c) => sign(c, keys.evil, { kid: undefined, jwk: keys.evil.pub }),
  jku: async (c) => sign(c, keys.evil, { jku: `${origin}/_test/evil-jwks` }),
  'kid-traversal': async (c) => sign(c, keys.evil, { kid: '../../../../dev/null' }),
  'kid-absent': async (c, k) => sign(c, k, { kid: undefined }),
  crit: async (c, k) =>
    rawSign({ alg: k.alg, kid: k.kid, crit: ['x-unknown'], 'x-unknown': 1 }, c, k),
  'wrong-iss': edit((c) => {
    c.iss = 'https://other.example';
  }),
  'missing-iss': edit((c) => {
    delete c.iss;
  }),
  'iss-trailing-slash': edit((c) => {
    c.iss += '/';
  }),
  'foreign-tenant': edit((c) => {
    c.iss = `${origin}/${db.foreignTenant}/v2.0`;
    c.tid = db.foreignTenant;
  }),
  'wrong-aud': edit((c) => {
    c.aud = 'someone-else';
  }),
  'missing-aud': edit((c) => {
    delete c.aud;
  }),
  'aud-extra-no-azp': edit((c) => {
    c.aud = [c.aud, 'someone-else'];
  }),
  'wrong-azp': edit((c) => {
    c.aud = [c.aud, 'x'];
    c.azp = 'x';
  }),
  'missing-sub': edit((c) => {
    delete c.sub;
  }),
  'empty-sub': edit((c) => {
    c.sub = '';
  }),
  expired: edit((c) => {
    c.iat = now() - 7200;
    c.exp = now() - 3600;
  }),
  'missing-exp': edit((c) => {
    delete c.exp;
  }),
  'string-exp': edit((c) => {
    c.exp = String(c.exp);
  }),
  'huge-exp': edit((c) => {
    c.exp = 1e300;
  }),
  'future-iat': edit((c) => {
    c.iat = now() + 86400;
    c.exp = now() + 90000;
  }),
  'missing-iat': edit((c) => {
    delete c.iat;
  }),
  'nbf-future': edit((c) => {
    c.nbf = now() + 3600;
  }),
  'wrong-nonce': edit((c) => {
    c.nonce = 'x';
  }),
  'missing-nonce': edit((c) => {
    delete c.nonce;
  }),
  'wrong-at-hash': edit((c) => {
    c.at_hash = 'AAAAAAAAAAAAAAAAAAAAAA';
  }),
  'email-array': edit((c) => {
    c.email = [c.email, 'root@corp.example'];
  }),
  'email-object': edit((c) => {
    c.email = { a: 1 };
  }),
  'email-null': edit((c) => {
    c.email = null;
  }),
  'email-nul-byte': edit((c) => {
    c.email = `${c.email}\u0000@evil.example`;
  }),
  'email-crlf': edit((c) => {
    c.email = `${c.email}\r\nX-Injected: 1`;
  }),
  'groups-string': edit((c) => {
    c.groups = 'admins';
  }),
  huge: edit((c) => {
    c.padding = 'x'.repeat(1 << 20);
  }),
  deep: async (c, k) =>
    rawSign(
      { alg: k.alg, kid: k.kid },
      JSON.stringify(c).replace(/\}$/, `,"deep":${'['.repeat(20000)}${']'.repeat(20000)}}`),
      k,
    ),
  'duplicate-email': async (c, k) =>
    rawSign(
      { alg: k.alg, kid: k.kid },
      JSON.stringify(c).replace(/\}$/, ',"email":"root@corp.example"}'),
      k,
    ),
  'payload-array': async (c, k) => rawSign({ alg: k.alg, kid: k.kid }, [c], k),
  'not-a-jwt': async () => 'abc',
  'no-id-token': async () => undefined,
  'signed-by-ec': async (c) => sign(c, keys.ec),
};
const endpointTampers = [
  'token-html',
  'token-500',
  'token-redirect',
  'token-hang',
  'token-slow',
  'token-huge',
  'userinfo-sub',
  'userinfo-500',
  'jwks-500',
  'jwks-empty',
  'jwks-noise',
  'jwks-huge',
  'discovery-issuer',
  'discovery-html',
  'callback-error',
  'callback-no-state',
  'callback-wrong-state',
  'callback-wrong-iss',
  'callback-double-code',
];
const takeTamper = (test) => {
  const t = state.tamper;
  if (!t || !test(t.mode)) return null;
  if (t.times && --t.times <= 0) state.tamper = null;
  return t.mode;
};
const takeEntra = () => {
  const error = state.entra;
  if (--error.times <= 0) state.entra = null;
  return error;
};
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// ---- provider
const conf = {
  clients: clients.map(({ note, pkceRequired, minimalIdToken, conditionalAccess, ...c }) => ({
    redirect_uris: ['https://gateway.test/cdn-cgi/access/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    post_logout_redirect_uris: ['https://gateway.test/'],
    id_token_signed_response_alg: 'RS256',
    ...c,
  })),
  jwks: { keys: [keys.main.jwk, keys.ec.jwk] },
  findAccount,
  claims: {
    openid: [
      'sub',
      'acr',
      'amr',
      'auth_time',
      ...(azure ? ['tid', 'oid', 'ver', 'groups', 'hasgroups', 'roles'] : []),
    ],
    email: azure ? ['email'] : ['email', 'email_verified'],
    profile: ['name', 'preferred_username', 'hd', 'department', 'roles', 'employee_id', 'clearance'],
    groups: ['groups'],
    sid: null,
  },
  scopes: [
    'openid',
    'offline_access',
    'email',
    'profile',
    'groups',
    ...[
      'User.Read',
      'GroupMember.Read.All',
      'Group.Read.All',
      'Directory.Read.All',
      'DeviceManagementManagedDevices.Read.All',
      '.default',
    ].flatMap((s) => [s, `https://graph.microsoft.com/${s}`]),
  ],
  conformIdTokenClaims: false,
  acrValues: ['urn:test:pwd', 'urn:test:mfa'],
  pkce: { required: (ctx, client) => Boolean(clientOf(client.clientId)?.pkceRequired) },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    claimsParameter: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (ctx, form) => {
        ctx.body = `<!doctype html><title>Sign out</title><h1>Sign out?</h1>${form}<button id="logout" type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
      },
    },
  },
  interactions: { url: (ctx, i) => `${prefix}/interaction/${i.uid}` },
  cookies: { keys: ['test-cookie-key'] },
  ttl: {
    AccessToken: 3600,
    IdToken: 3600,
    AuthorizationCode: 60,
    Session: 86400,
    Interaction: 3600,
    Grant: 86400,
    RefreshToken: 86400,
    ClientCredentials: 3600,
  },
  routes: azure
    ? {
        authorization: '/oauth2/v2.0/authorize',
        token: '/oauth2/v2.0/token',
        jwks: '/discovery/v2.0/keys',
        end_session: '/oauth2/v2.0/logout',
        userinfo: '/oidc/userinfo',
      }
    : {},
  renderError: async (ctx, out) => {
    ctx.type = 'json';
    ctx.body = out;
  },
  issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access'),
  rotateRefreshToken: true,
  loadExistingGrant: async (ctx) => {
    // consent is always given
    const { client, session, params, provider } = ctx.oidc;
    const id = session.grantIdFor(client.clientId);
    const grant =
      (id && (await provider.Grant.find(id))) ||
      new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
    grant.addOIDCScope(conf.scopes.join(' '));
    grant.addOIDCClaims(['acr', 'amr', 'auth_time', 'email', 'groups']);
    await grant.save();
    return grant;
  },
};
const provider = new Provider(issuer, conf);
const okRedirect = (uri) => {
  try {
    const u = new URL(uri);
    return (
      opt['redirect-uri'].includes(uri) ||
      (u.pathname === '/cdn-cgi/access/callback' &&
        !u.hash &&
        /^(localhost|127\.0\.0\.1|.*\.(localhost|test|example))$/.test(u.hostname))
    );
  } catch {
    return false;
  }
};
provider.Client.prototype.redirectUriAllowed = okRedirect;
provider.Client.prototype.postLogoutRedirectUriAllowed = (uri) => {
  try {
    return /^(localhost|127\.0\.0\.1|.*\.(localhost|test|example))$/.test(new URL(uri).hostname);
  } catch {
    return false;
  }
};
provider.on('server_error', (ctx, e) => console.error('server_error', e));

provider.use(async (ctx, next) => {
  const route = {
    [conf.routes.token ?? '/token']: 'token',
    [conf.routes.jwks ?? '/jwks']: 'jwks',
    [conf.routes.userinfo ?? '/me']: 'userinfo',
    '/.well-known/openid-configuration': 'discovery',
    [conf.routes.authorization ?? '/auth']: 'authorize',
  }[ctx.path];
  if (route === 'token' && azure && state.entra?.at === 'token') {
    const { error, code, suberror, claims } = takeEntra();
    ctx.status = 400;
    ctx.body = {
      error,
      error_description: `AADSTS${code}: made up.`,
      error_codes: [code],
      error_uri: `${origin}/error?code=${code}`,
      suberror,
      claims: claims && JSON.stringify(claims),
    };
    return;
  }
  if (route === 'token') {
    // before the provider consumes the code
    const m = takeTamper((x) => x.startsWith('token-'));
    if (m === 'token-html') {
      ctx.type = 'html';
      ctx.body = '<html>proxy login</html>';
      return;
    }
    if (m === 'token-500') {
      ctx.status = 500;
      ctx.body = { error: 'server_error' };
      return;
    }
    if (m === 'token-redirect') {
      ctx.redirect(`${origin}/_test/canary`);
      ctx.status = 307;
      return;
    }
    if (m === 'token-huge') {
      ctx.type = 'json';
      ctx.body = `{"id_token":"${'A'.repeat(64 << 20)}"}`;
      return;
    }
    if (m === 'token-hang') {
      await sleep(600000);
      return;
    }
    if (m === 'token-slow') await sleep(5000);
  }
  if (route === 'jwks' && takeTamper((x) => x === 'jwks-500')) {
    ctx.status = 500;
    return;
  }
  if (route === 'discovery' && takeTamper((x) => x === 'discovery-html')) {
    ctx.type = 'html';
    ctx.body = '<html>captive portal</html>';
    return;
  }
  if (route === 'userinfo' && takeTamper((x) => x === 'userinfo-500')) {
    ctx.status = 500;
    return;
  }
  await next();
  if (route === 'token' && azure && ctx.oidc?.params?.grant_type === 'refresh_token') {
    const sub = ctx.oidc.entities.Account?.accountId;
    const user = sub && userBy('sub', sub);
    const denied = state.revoked.has(sub)
      ? aad(50173)
      : user?.disabled
        ? aad(50057)
        : conditionalAccess(ctx.oidc.client.clientId, state.devices.get(sub));
    if (user && denied) {
      ctx.status = 400;
      ctx.body = { error: 'invalid_grant', error_description: denied, suberror: 'message_only' };
    }
  }
  if (route === 'token' && ctx.body?.id_token) {
    const claims = jose.decodeJwt(ctx.body.id_token);
    const alg = jose.decodeProtectedHeader(ctx.body.id_token).alg;
    const key = alg === 'ES256' ? keys.ec : keys[state.active];
    const mode = takeTamper((x) => x in tampers);
    if (azure) {
      const u = db.users.find((x) => x.sub === claims.sub);
      claims.sub = claimsOf(u).sub;
      claims.rh = '0.AAAA.';
      claims.uti = crypto.randomBytes(16).toString('base64url');
      delete claims.at_hash;
      claims.nbf = claims.iat;
      const { AuthorizationCode, RefreshToken } = ctx.oidc.entities;
      const asked = (AuthorizationCode ?? RefreshToken)?.claims?.id_token?.acrs;
      const contexts = asked?.values ?? (asked?.value ? [asked.value] : []);
      if (contexts.length && state.acrs !== 'withhold')
        claims.acrs = state.acrs === 'text' ? contexts[0] : contexts;
      ctx.body.ext_expires_in = ctx.body.expires_in;
    }
    if (mode)
      ctx.body.id_token = await tampers[mode](claims, key, clientOf(claims.aud)?.client_secret);
    else if (azure || key.kid !== jose.decodeProtectedHeader(ctx.body.id_token).kid)
      ctx.body.id_token = await sign(claims, key);
  }
  if (route === 'jwks') {
    let ks = state.published.map((k) => ({ ...keys[k].pub }));
    if (azure) ks = ks.filter((k) => k.kty === 'RSA').map(({ alg, ...k }) => ({ ...k, issuer })); // no "alg" member, as at the real service
    if (takeTamper((x) => x === 'jwks-empty')) ks = [];
    else if (takeTamper((x) => x === 'jwks-noise'))
      ks = [
        { kty: 'OKP', crv: 'Ed448', x: 'AA', kid: 'n1' },
        { kty: 'oct', k: 'c2VjcmV0', kid: 'n2' },
        { kty: 'RSA', n: '!!!', e: 'AQAB', kid: 'n3' },
        { kid: 'n4' },
        { ...keys.evil.pub, use: 'enc', kid: 'n5' },
        ...ks,
      ];
    else if (takeTamper((x) => x === 'jwks-huge'))
      ks = [
        ...Array.from({ length: 20000 }, (_, i) => ({ ...keys.evil.pub, kid: `h${i}` })),
        ...ks,
      ];
    ctx.body = { keys: ks };
  }
  if (route === 'userinfo' && ctx.body?.sub) {
    if (azure)
      ctx.body = {
        sub: claimsOf(userBy('sub', ctx.body.sub)).sub,
        name: ctx.body.name,
        email: ctx.body.email,
        picture: `${origin}/v1.0/me/photo/$value`,
      };
    if (takeTamper((x) => x === 'userinfo-sub'))
      ctx.body = { ...ctx.body, sub: 'u-somebody-else', email: 'root@corp.example' };
  }
  if (route === 'discovery' && ctx.body?.issuer) {
    if (azure) {
      delete ctx.body.code_challenge_methods_supported;
      delete ctx.body.authorization_response_iss_parameter_supported;
      Object.assign(ctx.body, {
        id_token_signing_alg_values_supported: ['RS256'],
        http_logout_supported: true,
        frontchannel_logout_supported: true,
        tenant_region_scope: 'EU',
        cloud_instance_name: 'microsoftonline.com',
        cloud_graph_host_name: 'graph.windows.net',
        msgraph_host: 'graph.microsoft.com',
      });
    }
    if (takeTamper((x) => x === 'discovery-issuer')) ctx.body.issuer = 'https://other.example';
  }
  const loc = ctx.response.get('location');
  if (loc && /[?&](code|error)=/.test(loc)) {
    // response to the relying party
    const u = new URL(loc);
    if (azure) {
      u.searchParams.delete('iss');
      if (u.searchParams.has('code')) u.searchParams.set('session_state', crypto.randomUUID());
    }
    const m = takeTamper((x) => x.startsWith('callback-'));
    if (m === 'callback-error') {
      u.searchParams.delete('code');
      u.searchParams.set('error', 'server_error');
      u.searchParams.set('error_description', '<script>alert(1)</script>');
    }
    if (m === 'callback-no-state') u.searchParams.delete('state');
    if (m === 'callback-wrong-state') u.searchParams.set('state', 'x');
    if (m === 'callback-wrong-iss') u.searchParams.set('iss', 'https://other.example');
    if (m === 'callback-double-code') u.searchParams.append('code', 'second');
    ctx.set('location', u.href);
    ctx.body = '';
  }
});
const callback = provider.callback();

// ---- conditional access
const AADSTS = {
  53000:
    'Device is not in required device state: {state}. Conditional Access policy requires a compliant device, and the device is not compliant. The user must enroll their device with an approved MDM provider like Intune.',
  53001:
    'Device is not in required device state: {state}. Conditional Access policy requires a domain joined device, and the device is not domain joined.',
  53003:
    'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
  50057: 'The user account is disabled.',
  50173: 'The provided grant has expired due to it being revoked, a fresh auth token is needed.',
};
const aad = (n, st) =>
  `AADSTS${n}: ${AADSTS[n].replace('{state}', st)} Trace ID: ${crypto.randomUUID()} Correlation ID: ${crypto.randomUUID()} Timestamp: ${new Date().toISOString().replace('T', ' ').slice(0, 19)}Z`;
const deviceBy = (id) =>
  db.devices.find((d) => d.azureADDeviceId === id || d.id === id || d.deviceName === id);
function conditionalAccess(clientId, deviceId) {
  const rule = clientOf(clientId)?.conditionalAccess;
  const d = deviceBy(deviceId);
  if (rule === 'compliantDevice' && !['compliant', 'inGracePeriod'].includes(d?.complianceState))
    return aad(53000, d?.complianceState ?? 'unregistered');
  if (rule === 'domainJoinedDevice' && !['AzureAd', 'ServerAd'].includes(d?.trustType))
    return aad(53001, d?.trustType ?? 'unregistered');
  return rule === 'block' ? aad(53003) : null;
}

// ---- http plumbing
const esc = (s) => String(s ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const send = (res, code, body, type = 'application/json', h = {}) => {
  res.writeHead(code, {
    'content-type': `${type}; charset=utf-8`,
    'cache-control': 'no-store',
    ...h,
  });
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
};
const read = async (req) => {
  const b = [];
  for await (const c of req) b.push(c);
  return Buffer.concat(b).toString();
};
const form = (
  uid,
  hint,
  msg,
  ca,
) => `<!doctype html><html lang="en"><title>Sign in - test provider</title><h1>Sign in (${opt.mode})</h1>${msg ? `<p id="error" role="alert">${esc(msg)}</p>` : ''}
<form method="post" action="${prefix}/interaction/${uid}"><label>User <input name="login" id="login" value="${esc(hint)}" autofocus></label> <label>Password <input name="password" id="password" type="password"></label>
<label>Device <input name="device" id="device" placeholder="device id or name, empty: unregistered"></label>${ca ? '<p id="ca">This application requires a managed device.</p>' : ''}<button id="submit" name="go" value="1">Sign in</button> <button id="cancel" name="cancel" value="1">Cancel</button></form></html>`;
async function interaction(req, res) {
  const d = await provider.interactionDetails(req, res).catch(() => null);
  if (!d) return send(res, 400, 'no such interaction (cookie missing or expired)', 'text/plain');
  const ca = clientOf(d.params.client_id)?.conditionalAccess;
  if (d.prompt.name === 'consent') {
    // always given, but Conditional Access judges every sign-in
    const denied =
      azure && conditionalAccess(d.params.client_id, state.devices.get(d.session.accountId));
    if (denied)
      return provider.interactionFinished(
        req,
        res,
        { error: 'access_denied', error_description: denied },
        { mergeWithLastSubmission: false },
      );
    const grant =
      (d.grantId && (await provider.Grant.find(d.grantId))) ||
      new provider.Grant({ accountId: d.session.accountId, clientId: d.params.client_id });
    grant.addOIDCScope(conf.scopes.join(' '));
    return provider.interactionFinished(
      req,
      res,
      { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true },
    );
  }
  if (req.method !== 'POST')
    return send(res, 200, form(d.uid, d.params.login_hint, '', ca), 'text/html');
  const f = new URLSearchParams(await read(req));
  const finish = (r) =>
    provider.interactionFinished(req, res, r, { mergeWithLastSubmission: false });
  if (f.get('cancel'))
    return finish({
      error: 'access_denied',
      error_description: azure
        ? 'AADSTS65004: User declined to consent to access the app.'
        : 'End-User aborted interaction',
    });
  const u = userBy('login', f.get('login'));
  if (!u || u.password !== f.get('password'))
    return send(res, 401, form(d.uid, f.get('login'), 'Wrong user or password', ca), 'text/html');
  if (u.disabled)
    return finish({
      error: 'access_denied',
      error_description: azure ? aad(50057) : 'account disabled',
    });
  const device = f.get('device') || req.headers['x-test-device'] || '';
  const denied = conditionalAccess(d.params.client_id, device);
  if (denied) return finish({ error: 'access_denied', error_description: denied });
  state.devices.set(u.sub, device);
  state.revoked.delete(u.sub);
  return finish({ login: { accountId: u.sub, amr: u.amr, acr: u.acr, remember: true, ts: now() } });
}

// ---- Microsoft Graph subset (base URL: this server's origin, in place of https://graph.microsoft.com)
async function graph(req, res, url) {
  const err = (c, code, message, h) =>
    send(
      res,
      c,
      {
        error: {
          code,
          message,
          innerError: {
            date: new Date().toISOString(),
            'request-id': crypto.randomUUID(),
            'client-request-id': crypto.randomUUID(),
          },
        },
      },
      'application/json',
      h,
    );
  if (state.graph.throttle > 0) {
    state.graph.throttle--;
    return err(429, 'TooManyRequests', 'Too many requests', { 'retry-after': '1' });
  }
  if (state.graph.fail > 0) {
    state.graph.fail--;
    return err(503, 'serviceNotAvailable', 'Service unavailable');
  }
  const tok = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1];
  const at =
    tok && ((await provider.AccessToken.find(tok)) ?? (await provider.ClientCredentials.find(tok)));
  if (!at || at.isExpired)
    return err(401, 'InvalidAuthenticationToken', 'Access token is empty or invalid.');
  const scope = at.scope ?? '';
  const app = !at.accountId;
  const p = url.pathname.replace(/^\/v1\.0/, '');
  const base = `${origin}/v1.0`;
  let m;
  let u = at.accountId && userBy('sub', at.accountId);
  if ((m = /^\/users\/([^/]+)(\/.*)?$/.exec(p))) {
    u = db.users.find((x) => x.oid === m[1] || x.email === decodeURIComponent(m[1]));
    if (!u) return err(404, 'Request_ResourceNotFound', `Resource '${m[1]}' does not exist.`);
  }
  const sub = m ? (m[2] ?? '') : p.startsWith('/me') ? p.slice(3) : null;
  const page = (items, key) => {
    const top = Math.min(Number(url.searchParams.get('$top') ?? 100), 999);
    const skip = Number(url.searchParams.get('$skiptoken') ?? 0);
    const o = {
      '@odata.context': `https://graph.microsoft.com/v1.0/$metadata#${key}`,
      value: items.slice(skip, skip + top),
    };
    if (skip + top < items.length) {
      const n = new URL(base + p);
      n.searchParams.set('$top', top);
      n.searchParams.set('$skiptoken', skip + top);
      o['@odata.nextLink'] = n.href;
    }
    return send(res, 200, o);
  };
  if (sub !== null && !u)
    return err(400, 'BadRequest', '/me request is only valid with delegated authentication flow.');
  if (sub === '')
    return send(res, 200, {
      id: u.oid,
      displayName: u.name,
      mail: u.email ?? null,
      userPrincipalName: u.email ?? `${u.login}@corp.example`,
    });
  if (/^\/(memberOf|transitiveMemberOf)(\/microsoft\.graph\.group)?$/.test(sub ?? '')) {
    if (!app && !/GroupMember\.Read|Group\.Read|Directory\.Read|\.default/.test(scope))
      return err(
        403,
        'Authorization_RequestDenied',
        'Insufficient privileges to complete the operation.',
      );
    const names = Object.fromEntries(Object.values(db.groups).map((g) => [g.id, g.displayName]));
    const items = groupIds(u).map((id) => ({
      '@odata.type': '#microsoft.graph.group',
      id,
      displayName: names[id] ?? `Team ${id.slice(-4)}`,
      securityEnabled: true,
      mailEnabled: false,
    }));
    if (!sub.endsWith('group'))
      items.splice(1, 0, {
        '@odata.type': '#microsoft.graph.directoryRole',
        id: '0c0c0c0c-0000-4000-8000-000000000001',
        displayName: 'Engineering',
        roleTemplateId: 'x',
      });
    return page(items, 'directoryObjects');
  }
  if (/^\/(getMemberObjects|getMemberGroups)$/.test(sub ?? '') && req.method === 'POST')
    return send(res, 200, {
      '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#Collection(Edm.String)',
      value: groupIds(u),
    });
  if (
    p === '/deviceManagement/managedDevices' ||
    p === '/devices' ||
    p.startsWith('/deviceManagement/managedDevices/')
  ) {
    if (!app && !/DeviceManagement/.test(scope))
      return err(403, 'Forbidden', 'Application is not authorized to perform this operation.');
    const view = (d) =>
      p === '/devices'
        ? {
            id: d.id,
            deviceId: d.azureADDeviceId,
            displayName: d.deviceName,
            isCompliant: d.complianceState === 'compliant',
            isManaged: true,
            trustType: d.trustType,
            operatingSystem: d.operatingSystem,
            operatingSystemVersion: d.osVersion,
          }
        : { ...d, lastSyncDateTime: d.lastSyncDateTime ?? new Date().toISOString() };
    const id = p.split('/')[3];
    if (id) {
      const d = deviceBy(id);
      return d ? send(res, 200, view(d)) : err(404, 'ResourceNotFound', 'Not found');
    }
    const f = /^\s*(\w+)\s+eq\s+'?([^']*)'?\s*$/.exec(url.searchParams.get('$filter') ?? '');
    const list = db.devices
      .map(view)
      .filter((d) => !f || String(d[f[1]]).toLowerCase() === f[2].toLowerCase());
    return page(list, p.slice(1));
  }
  if (p === '/groups') return page(Object.values(db.groups), 'groups');
  return err(404, 'UnknownError', `no such resource ${p}`);
}

async function control(req, res, url) {
  const body = ['POST', 'PATCH', 'PUT'].includes(req.method)
    ? JSON.parse((await read(req)) || '{}')
    : {};
  const what = url.pathname.split('/');
  if (what[2] === 'evil-jwks') return send(res, 200, { keys: [keys.evil.pub] });
  if (what[2] === 'tamper') {
    if (req.method === 'DELETE') state.tamper = null;
    else if (req.method === 'POST') {
      if (!(body.mode in tampers) && !endpointTampers.includes(body.mode))
        return send(res, 400, { error: 'unknown mode' });
      state.tamper = { mode: body.mode, times: body.times ?? 1 };
    } else if (!state.tamper)
      return send(res, 200, { modes: [...Object.keys(tampers), ...endpointTampers] });
    return send(res, 200, { tamper: state.tamper });
  }
  if (what[2] === 'canary') {
    state.journal.push({
      at: Date.now(),
      method: req.method,
      path: url.pathname,
      canary: true,
      authorization: (req.headers.authorization ?? '').split(' ')[0],
    });
    return send(res, 200, {});
  }
  if (what[2] === 'rotate') {
    state.active = state.active === 'main' ? 'next' : 'main';
    state.published = body.keepOld === false ? [state.active, 'ec'] : ['main', 'next', 'ec'];
    return send(res, 200, {
      active: keys[state.active].kid,
      published: state.published.map((k) => keys[k].kid),
    });
  }
  if (what[2] === 'devices') {
    const d = deviceBy(what[3]);
    if (!d) return send(res, 404, {});
    Object.assign(d, body);
    return send(res, 200, d);
  }
  if (what[2] === 'users') {
    const u = userBy('login', what[3]);
    if (!u) return send(res, 404, {});
    Object.assign(u, body);
    return send(res, 200, u);
  }
  if (what[2] === 'graph') {
    Object.assign(state.graph, body);
    return send(res, 200, state.graph);
  }
  if (what[2] === 'entra') {
    state.entra = req.method === 'DELETE' ? null : { at: 'callback', times: 1, ...body };
    return send(res, 200, {});
  }
  if (what[2] === 'acrs') {
    state.acrs = body.mode;
    return send(res, 200, {});
  }
  if (what[2] === 'revoke') {
    const u = userBy('login', what[3]);
    if (!u) return send(res, 404, {});
    state.revoked.add(u.sub);
    return send(res, 200, {});
  }
  if (what[2] === 'logout_token') {
    // A logout token with these claims changed; null leaves one out.
    const claims = {
      iss: issuer,
      aud: body.client ?? 'gateway',
      sub: userBy('login', body.user)?.sub,
      iat: now(),
      jti: crypto.randomUUID(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      ...body.claims,
    };
    for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
    const key = keys[body.key ?? state.active];
    return send(res, 200, { token: await sign(claims, key, { typ: 'logout+jwt', ...body.header }) });
  }
  if (what[2] === 'requests') {
    const j = state.journal;
    if (req.method === 'DELETE') state.journal = [];
    return send(res, 200, j);
  }
  return send(res, 404, { error: 'unknown control' });
}

const handler = async (req, res) => {
  try {
    const url = new URL(req.url, origin);
    if (url.pathname.startsWith('/_test/')) return await control(req, res, url);
    if (url.pathname === '/healthz') return send(res, 200, { ok: true, issuer });
    state.journal.push({
      at: Date.now(),
      method: req.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      authorization: (req.headers.authorization ?? '').split(' ')[0],
      userAgent: req.headers['user-agent'] ?? '',
    });
    if (state.journal.length > 2000) state.journal.shift();
    if (url.pathname.startsWith(`${prefix}/interaction/`)) return await interaction(req, res);
    if (azure && url.pathname.startsWith('/v1.0/')) return await graph(req, res, url);
    if (
      azure &&
      /^\/(common|organizations)\/v2\.0\/\.well-known\/openid-configuration$/.test(url.pathname)
    ) {
      // multi-tenant metadata: templated issuer
      const b = `${origin}/${url.pathname.split('/')[1]}`;
      return send(res, 200, {
        issuer: `${origin}/{tenantid}/v2.0`,
        authorization_endpoint: `${b}/oauth2/v2.0/authorize`,
        token_endpoint: `${b}/oauth2/v2.0/token`,
        jwks_uri: `${b}/discovery/v2.0/keys`,
        response_types_supported: ['code', 'id_token', 'code id_token'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    }
    if (azure) {
      let rest = null;
      if (url.pathname.startsWith(`${prefix}/`))
        rest = req.url.slice(prefix.length).replace(/^\/v2\.0\/\.well-known/, '/.well-known');
      else if (url.pathname === '/oidc/userinfo') rest = req.url;
      if (rest === null)
        return send(res, 400, {
          error: 'invalid_tenant',
          error_description: `AADSTS90002: Tenant '${url.pathname.split('/')[1]}' not found.`,
        });
      const authorize = rest.startsWith('/oauth2/v2.0/authorize?');
      if (authorize && state.entra?.at === 'callback') {
        const { error, code } = takeEntra();
        const back = new URL(url.searchParams.get('redirect_uri'));
        back.searchParams.set('error', error);
        back.searchParams.set(
          'error_description',
          `AADSTS${code}: made up. Trace ID: ${crypto.randomUUID()}`,
        );
        back.searchParams.set('state', url.searchParams.get('state'));
        res.writeHead(302, { location: back.href });
        return res.end();
      }
      if (authorize && url.searchParams.has('claims')) {
        // The library knows id_token and userinfo only.
        const { access_token, ...known } = JSON.parse(url.searchParams.get('claims'));
        if (access_token) {
          if (Object.keys(known).length) url.searchParams.set('claims', JSON.stringify(known));
          else url.searchParams.delete('claims');
          rest = `/oauth2/v2.0/authorize?${url.searchParams}`;
        }
      }
      // The real service needs no prompt=consent for a refresh token, and judges silent sign-ins too.
      if (authorize && !url.searchParams.has('prompt')) rest += '&prompt=consent';
      req.originalUrl = prefix + rest;
      req.url = rest;
    }
    return await callback(req, res);
  } catch (e) {
    console.error(e);
    if (!res.headersSent) send(res, 500, { error: 'internal', detail: e.message });
  }
};
const server = opt['tls-cert']
  ? https.createServer(
      { cert: fs.readFileSync(opt['tls-cert']), key: fs.readFileSync(opt['tls-key']) },
      handler,
    )
  : http.createServer(handler);
server.listen(Number(opt.port), opt.host, () =>
  console.log(
    `ready mode=${opt.mode} issuer=${issuer} discovery=${issuer}/.well-known/openid-configuration`,
  ),
);
for (const s of ['SIGINT', 'SIGTERM'])
  process.on(s, () => {
    server.closeAllConnections();
    server.close(() => process.exit(0));
  });
