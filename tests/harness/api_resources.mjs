// Resources as clients of the API write them: at least one body of every kind and type.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { kTanium } from './lab.mjs';

const people = [{ email_domain: { domain: 'corp.example' } }];

// Bodies of identity providers, one a type; `secret` stands wherever a secret does.
export const identityProviders = (secret) => {
  const client = { client_id: 'gatehouse', client_secret: secret };
  const claims = { claims: ['department'], email_claim_name: 'email' };
  return {
    onetimepin: {},
    azureAD: {
      ...client,
      ...claims,
      directory_id: 'f174e90a-fafe-4643-bbbc-4a0ed4fc8415',
      support_groups: true,
      conditional_access_enabled: true,
      prompt: 'login',
    },
    saml: {
      issuer_url: 'https://login.example.com/saml',
      sso_target_url: 'https://login.example.com/sso',
      idp_public_certs: ['MIIBszCCAVmgAwIBAgIU'],
      attributes: ['department'],
      email_attribute_name: 'email',
      sign_request: false,
    },
    centrify: {
      ...client,
      ...claims,
      centrify_account: 'https://a.example.com',
      centrify_app_id: 'app',
    },
    facebook: client,
    github: client,
    'google-apps': { ...client, ...claims, apps_domain: 'example.com' },
    google: { ...client, ...claims },
    linkedin: client,
    oidc: {
      ...client,
      ...claims,
      issuer: 'https://login.example.com',
      auth_url: 'https://login.example.com/auth',
      token_url: 'https://login.example.com/token',
      certs_url: 'https://login.example.com/certs',
      scopes: ['openid', 'email', 'profile'],
      pkce_enabled: true,
    },
    okta: {
      ...client,
      ...claims,
      okta_account: 'https://dev-abc.example.com',
      authorization_server_id: 'aus9o8',
    },
    onelogin: { ...client, ...claims, onelogin_account: 'https://corp.example.com' },
    pingone: { ...client, ...claims, ping_env_id: '342b5660-0c32-4936-a5a4-ce21fae57b0a' },
    yandex: client,
    cloudflare: {},
  };
};

// Bodies of posture integrations, one a type.
export const postureIntegrations = (secret) => {
  const api = { api_url: 'https://posture.example.com' };
  const client = { client_id: 'gatehouse', client_secret: secret };
  return {
    workspace_one: { ...api, ...client, auth_url: 'https://auth.example.com' },
    crowdstrike_s2s: { ...api, ...client, customer_id: 'customer' },
    uptycs: { ...api, client_key: 'key', client_secret: secret, customer_id: 'customer' },
    intune: { ...client, customer_id: 'tenant' },
    kolide: client,
    tanium_s2s: {
      ...api,
      client_secret: secret,
      access_client_id: 'id',
      access_client_secret: `${secret}-2`,
    },
    sentinelone_s2s: { ...api, client_secret: secret },
    custom_s2s: { ...api, access_client_id: 'id', access_client_secret: secret },
  };
};

// Inputs of posture rules, one a type: connections[type] is the id of an integration.
export const postureInputs = (connections, certificate, list) => {
  const file = { operating_system: 'windows', path: 'C:\\agent.exe' };
  const connection = (type) => ({ connection_id: connections[type] });
  return {
    file: { ...file, exists: true },
    application: file,
    tanium: { connection_id: kTanium, managed: true },
    gateway: {},
    warp: {},
    disk_encryption: { checkDisks: ['C', 'D'], requireAll: true },
    serial_number: { id: list },
    sentinelone: file,
    carbonblack: file,
    firewall: { operating_system: 'windows', enabled: true },
    os_version: { operating_system: 'windows', operator: '>=', version: '10.0.1' },
    domain_joined: { operating_system: 'windows', domain: 'corp.example' },
    client_certificate: { certificate_id: certificate, cn: 'device' },
    client_certificate_v2: {
      certificate_id: certificate,
      check_private_key: true,
      operating_system: 'linux',
      extended_key_usage: ['clientAuth'],
      locations: { paths: ['/etc/ssl'], trust_stores: ['system'] },
    },
    antivirus: { update_window_days: 3 },
    unique_client_id: { operating_system: 'ios', id: 'f174e90a-fafe-4643-bbbc-4a0ed4fc8415' },
    kolide: { ...connection('kolide'), countOperator: '<', issue_count: '2' },
    tanium_s2s: connection('tanium_s2s'),
    crowdstrike_s2s: { ...connection('crowdstrike_s2s'), operator: '>', overall: '90' },
    intune: { ...connection('intune'), compliance_status: 'compliant' },
    workspace_one: { ...connection('workspace_one'), compliance_status: 'compliant' },
    sentinelone_s2s: { ...connection('sentinelone_s2s'), infected: false },
    custom_s2s: { ...connection('custom_s2s'), operator: '>=', score: 80 },
  };
};

// An authority whose client certificates may count: PEM.
export function newAuthority(name = 'Devices') {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-authority-'));
  const [key, certificate] = ['ca.key', 'ca.crt'].map((file) => path.join(directory, file));
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', key, '-out', certificate, '-days', '30', '-subj', `/CN=${name}`],
    ],
    { stdio: 'ignore' },
  );
  const pem = fs.readFileSync(certificate, 'utf8');
  fs.rmSync(directory, { recursive: true });
  return pem;
}

export const policyBody = (name, more = {}) => ({
  name,
  decision: 'allow',
  include: people,
  ...more,
});

// One of everything, for what stands in paths: the names of path parameters and their values.
export async function makeEverything(api, host = 'admin.gateway.test') {
  const tag = `tag-${api.made ?? 0}`;
  api.made = (api.made ?? 0) + 1;
  const n = api.made;
  const base = '/accounts/{account_id}';
  await api.post(`${base}/access/tags`, { name: tag });
  const policy = await api.post(`${base}/access/policies`, policyBody(`Reusable ${n}`));
  const app = await api.post(`${base}/access/apps`, {
    ...{ name: `Application ${n}`, type: 'self_hosted', domain: `${host}/everything-${n}` },
    policies: [policyBody(`Own ${n}`)],
  });
  const [own] = await api.get(`${base}/access/apps/${app.id}/policies`);
  const group = await api.post(`${base}/access/groups`, { name: `Group ${n}`, include: people });
  const provider = await api.post(`${base}/access/identity_providers`, {
    ...{ name: `Provider ${n}`, type: 'github' },
    config: { client_id: 'gatehouse', client_secret: `secret-${n}` },
  });
  const token = await api.post(`${base}/access/service_tokens`, { name: `Token ${n}` });
  const certificate = await api.post(`${base}/access/certificates`, {
    ...{ name: `Authority ${n}`, certificate: newAuthority(`Authority ${n}`) },
  });
  const page = await api.post(`${base}/access/custom_pages`, {
    ...{ name: `Page ${n}`, type: 'forbidden', custom_html: '<!doctype html><title>No</title>' },
  });
  const bookmark = crypto.randomUUID();
  await api.post(`${base}/access/bookmarks/${bookmark}`, {
    ...{ name: `Bookmark ${n}`, domain: 'handbook.example.com' },
  });
  const user = await api.post(`${base}/access/users`, {
    ...{ email: `person-${n}@corp.example`, name: `Person ${n}` },
  });
  const integration = await api.post(`${base}/devices/posture/integration`, {
    ...{ name: `Integration ${n}`, type: 'kolide', interval: '10m' },
    config: { client_id: 'gatehouse', client_secret: `secret-${n}` },
  });
  const rule = await api.post(`${base}/devices/posture`, {
    ...{ name: `Rule ${n}`, type: 'disk_encryption', input: { requireAll: true } },
  });
  const list = await api.post(`${base}/gateway/lists`, {
    ...{ name: `List ${n}`, type: 'EMAIL', items: [{ value: 'a@corp.example' }] },
  });
  const test = await api.post(`${base}/access/policy-tests`, { policies: [policy.id] });
  return {
    account_id: api.account,
    app_id: app.id,
    own_policy_id: own.id,
    policy_id: policy.id,
    policy_test_id: test.id,
    group_id: group.id,
    identity_provider_id: provider.id,
    service_token_id: token.id,
    certificate_id: certificate.id,
    tag_name: tag,
    custom_page_id: page.uid,
    bookmark_id: bookmark,
    user_id: user.id,
    rule_id: rule.id,
    integration_id: integration.id,
    list_id: list.id,
    device_id: 'device-of-nobody',
    nonce: '0'.repeat(32),
    knock_request_id: 'nobody',
    token_id: '0'.repeat(32),
  };
}
// The path of an operation with these values in it. A policy of an application has an id of its own.
export const fill = (template, values) =>
  template.replaceAll(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(
      name === 'policy_id' && template.includes('/apps/') ? values.own_policy_id : values[name],
    ),
  );
