// A real SMTP server (STARTTLS demanded, the suites' own certificate) that keeps what it is given.
import fs from 'node:fs';
import { SMTPServer } from 'smtp-server';
import { simpleParser } from 'mailparser';
import { pki } from './pki.mjs';
import { eventually } from './process.mjs';

export class TestSmtp {
  static async start({ refuse = false } = {}) {
    const smtp = new TestSmtp();
    smtp.refuse = refuse;
    await new Promise((resolve, reject) => {
      smtp.server.once('error', reject);
      smtp.server.listen(0, '127.0.0.1', resolve);
    });
    smtp.port = smtp.server.server.address().port;
    return smtp;
  }

  constructor() {
    this.mails = []; // {from, to, subject, text, secure}
    const { key, certificate } = pki();
    this.server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['AUTH'],
      disableReverseLookup: true,
      key: fs.readFileSync(key),
      cert: fs.readFileSync(certificate),
      onMailFrom: (address, session, done) =>
        done(
          session.secure
            ? null
            : Object.assign(new Error('Must issue a STARTTLS command first'), {
                responseCode: 530,
              }),
        ),
      onData: (stream, session, done) => {
        simpleParser(stream).then((mail) => {
          if (this.refuse) return done(Object.assign(new Error('no'), { responseCode: 554 }));
          this.mails.push({
            from: session.envelope.mailFrom.address,
            to: session.envelope.rcptTo.map((recipient) => recipient.address),
            subject: mail.subject,
            text: mail.text,
            secure: session.secure,
          });
          return done();
        }, done);
      },
    });
    this.server.on('error', () => {});
  }
  clear() {
    this.mails.length = 0;
  }
  to(address) {
    return this.mails.filter((mail) =>
      mail.to.some((to) => to.toLowerCase() === address.toLowerCase()),
    );
  }
  // The newest mail to `address`, waiting until there are `count`.
  async mailTo(address, count = 1) {
    return eventually(() => this.to(address).length >= count && this.to(address).at(-1), {
      what: `mail ${count} to ${address}`,
    });
  }
  async codeFor(address, count = 1) {
    const mail = await this.mailTo(address, count);
    const code = /(?<!\d)(\d{6})(?!\d)/.exec(mail.text)?.[1];
    if (!code) throw new Error(`no code in the mail:\n${mail.text}`);
    return code;
  }
  stop() {
    return new Promise((resolve) => this.server.close(resolve));
  }
}
