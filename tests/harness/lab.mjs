// A whole installation for one suite: gateway, applications, provider, mail, device. Start what the
// suite needs, change the configuration, stop everything at the end.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import crypto from 'node:crypto';
import { TestAgent, OwnDevice } from './agent.mjs';
import { TestGateway } from './gateway.mjs';
import { TestIdp } from './idp.mjs';
import { TestOrigin } from './origin.mjs';
import { TestPostgres } from './postgres.mjs';
import { TestSmtp } from './smtp.mjs';
import { Browser } from './http.mjs';
import { freePort } from './process.mjs';
import { kHosts, pki } from './pki.mjs';

export const kAuth = 'auth.gateway.test';
export const kApp = 'app.gateway.test'; // needs the device, when there is one
export const kOther = 'other.gateway.test'; // needs only a person of corp.example
export const kPin = 'E-mail code';
export const kProvider = 'Test provider';
export const kRule = 'Managed device';
export const kTanium = 'Tanium';

// Selectors and resources in the authored form, short enough for tables.
export const domain = (name) => ({ email_domain: { domain: name } });
export const email = (address) => ({ email: { email: address } });
export const everyone = () => ({ everyone: {} });
export const ip = (range) => ({ ip: { ip: range } });
export const group = (name) => ({ group: { id: name } });
export const loginMethod = (name) => ({ login_method: { id: name } });
export const serviceToken = (name) => ({ service_token: { token_id: name } });
export const posture = (rule = kRule) => ({ device_posture: { integration_uid: rule } });
export const policy = (decision, name, lists) => ({ name, decision, ...lists });
export const application = (name, domainName, policies, more = {}) => ({
  name,
  domain: domainName,
  ...more,
  policies,
});

export const newServiceToken = (name, more = {}) => {
  const secret = crypto.randomBytes(32).toString('hex');
  const entry = {
    name,
    client_id: `${crypto.randomBytes(16).toString('hex')}.access`,
    client_secret_hash: crypto.createHash('sha256').update(secret).digest('hex'),
    ...more,
  };
  return {
    entry,
    headers: { 'cf-access-client-id': entry.client_id, 'cf-access-client-secret': secret },
    secret,
  };
};

// Options:
//   idp, smtp, agent   start the provider ('azure': as Entra ID), the mail server, the real agent (true)
//   device             a device whose answers the suite writes itself (OwnDevice)
//   store              'sqlite' or 'postgres'; default $GATEHOUSE_TEST_STORE, else sqlite
//   config(c, lab)     changes the configuration before the start
//   start: false       writes the configuration only
export async function startLab({
  idp = false,
  smtp = false,
  agent = false,
  device = false,
  store = process.env.GATEHOUSE_TEST_STORE ?? 'sqlite',
  config = () => {},
  start = true,
} = {}) {
  const lab = new Lab();
  try {
    lab.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-lab-'));
    fs.chmodSync(lab.directory, 0o711);
    const port = await freePort();
    [lab.origin, lab.idp, lab.smtp, lab.agent] = await Promise.all([
      TestOrigin.start(),
      idp ? TestIdp.start(idp === true ? 'oidc' : idp) : null,
      smtp ? TestSmtp.start() : null,
      agent
        ? TestAgent.init({ directory: lab.directory, origins: [`https://${kAuth}:${port}`] })
        : null,
    ]);
    if (lab.agent) await lab.agent.start();
    if (device) lab.device = new OwnDevice();
    if (store === 'postgres') lab.postgres = await TestPostgres.start();
    const configuration = await lab.base(port);
    if (lab.postgres) configuration.store = await lab.postgres.database();
    config(configuration, lab);
    lab.gateway = new TestGateway({ directory: lab.directory, configuration });
    if (start) await lab.gateway.start();
    return lab;
  } catch (error) {
    await lab.stop().catch(() => {});
    throw error;
  }
}

export class Lab {
  browsers = [];

  async base(port) {
    const { ca, certificate, key } = pki();
    const withDevice = this.agent || this.device;
    const methods = [];
    if (this.smtp) methods.push({ name: kPin, type: 'onetimepin', config: {} });
    if (this.idp)
      methods.push(
        this.idp.mode === 'azure' ? this.idp.azure(kProvider) : this.idp.entry(kProvider),
      );
    return {
      organization: { name: 'Corp', auth_domain: kAuth, session_duration: '24h' },
      listen: { address: '127.0.0.1', https_port: port, http_port: 0 },
      certificates: [{ hosts: kHosts, certificate_file: certificate, key_file: key }],
      state_directory: path.join(this.directory, 'state'),
      outbound_ca_file: ca,
      nginx: { workers: 2 },
      ...(this.smtp
        ? {
            smtp: {
              host: '127.0.0.1',
              port: this.smtp.port,
              security: 'starttls',
              from: 'Corp <access@corp.example>',
            },
          }
        : {}),
      identity_providers: methods,
      device_posture_integrations: withDevice
        ? [
            {
              name: kTanium,
              type: 'tanium',
              config: {
                port: this.agent?.port ?? (await freePort()),
                public_certificate: (this.agent ?? this.device).publicKey,
              },
            },
          ]
        : [],
      device_posture_rules: withDevice
        ? [
            {
              name: kRule,
              type: 'tanium',
              input: { connection_id: kTanium, managed: true },
              expiration: '1h',
            },
          ]
        : [],
      groups: [],
      service_tokens: [],
      applications: [
        application(
          'App',
          kApp,
          [
            policy('allow', 'Corp people', {
              include: [domain('corp.example')],
              ...(withDevice ? { require: [posture()] } : {}),
            }),
          ],
          { decision_headers: true },
        ),
        application('Other', kOther, [
          policy('allow', 'Corp people', { include: [domain('corp.example')] }),
        ]),
      ],
      ingress: kHosts
        .filter((host) => host !== kAuth)
        .map((hostname) => ({ hostname, service: this.origin.service })),
    };
  }

  browser(options) {
    const browser = new Browser(options);
    this.browsers.push(browser);
    return browser;
  }

  async stop() {
    for (const browser of this.browsers) browser.close();
    const results = await Promise.allSettled([this.gateway?.stop(), this.agent?.stop()]);
    await Promise.allSettled([
      ...[this.idp?.stop(), this.smtp?.stop(), this.origin?.stop()],
      this.postgres?.stop(),
    ]);
    const failure = results.find(({ status }) => status === 'rejected')?.reason;
    // What failed is kept to look at.
    if (failure || process.env.GATEHOUSE_TEST_KEEP || process.exitCode) {
      console.error(`kept: ${this.directory}`);
      if (this.gateway)
        fs.writeFileSync(path.join(this.directory, 'output.log'), this.gateway.output);
    } else {
      fs.rmSync(this.directory, { recursive: true, force: true });
    }
    if (failure) throw failure;
    return results[0].value;
  }
}
