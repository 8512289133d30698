// Authorities for client certificates, as an administrator runs one with `openssl ca`.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

const kConfiguration = `[ca]
default_ca = this
[this]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
policy = policy
unique_subject = no
[policy]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
`;
const kNewKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

// YYYYMMDDHHMMSSZ of `days` from now.
const day = (days) =>
  new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');

export class ClientAuthority {
  constructor(directory, name) {
    this.directory = path.join(directory, name);
    fs.mkdirSync(this.directory, { recursive: true });
    fs.writeFileSync(path.join(this.directory, 'ca.cnf'), kConfiguration);
    fs.writeFileSync(path.join(this.directory, 'index.txt'), '');
    fs.writeFileSync(path.join(this.directory, 'crlnumber'), '01\n');
    this.#openssl('req', '-x509', '-config', 'ca.cnf', ...kNewKey, '-extensions', 'authority',
      '-subj', `/CN=${name}`, '-days', '30', '-keyout', 'ca.key', '-out', 'ca.pem'); // prettier-ignore
    this.pem = this.#read('ca.pem');
    this.issued = 0;
  }
  #openssl(...parameters) {
    execFileSync('openssl', parameters, {
      cwd: this.directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }
  #read(name) {
    return fs.readFileSync(path.join(this.directory, name), 'utf8');
  }

  // {cert, key, serial}: PEM as Node's TLS takes it, and the number in hex.
  issue(commonName, { serial, from = -1, until = 30, use = 'client' } = {}) {
    const id = `client${++this.issued}`;
    const number = serial ?? (4096 + this.issued).toString(16);
    fs.writeFileSync(path.join(this.directory, 'serial'), `${number}\n`);
    this.#openssl('req', '-config', 'ca.cnf', ...kNewKey, '-subj', `/CN=${commonName}`,
      '-keyout', `${id}.key`, '-out', `${id}.csr`); // prettier-ignore
    this.#openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-extensions', use,
      '-startdate', day(from), '-enddate', day(until), '-in', `${id}.csr`, '-out', `${id}.pem`); // prettier-ignore
    return { cert: this.#read(`${id}.pem`), key: this.#read(`${id}.key`), serial: number, id };
  }
  // The revocation list with these certificates on it.
  revoke(...certificates) {
    for (const { id } of certificates)
      this.#openssl('ca', '-config', 'ca.cnf', '-revoke', `${id}.pem`);
    this.#openssl('ca', '-config', 'ca.cnf', '-gencrl', '-crldays', '30', '-out', 'crl.pem');
    return this.#read('crl.pem');
  }
}
