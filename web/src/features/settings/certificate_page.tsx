// One authority of client certificates.
import { useNavigate, useParams } from '@tanstack/react-router';
import { at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { Details } from '../../parts/details';
import { useEdit } from '../../parts/edit';
import { TextField } from '../../parts/fields';
import { useForm, type Form } from '../../parts/form';
import { ClipboardText } from '../../parts/kumo';
import { Page } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { toInstant } from '../../parts/time.ts';
import { EditFormBody, NewFormBody } from '../named_forms';
import { CertificateField } from '../authentication/certificate_field';
import { authorityProblem } from '../authentication/certificate.ts';
import { nameProblem } from '../authentication/posture.ts';
import {
  kAuthoritiesPath,
  RemoveAuthority,
  useAuthorities,
  useRefreshAuthorities,
} from './certificates';

const kOne = `${kAuthoritiesPath}/{certificate_id}` as const;
const kCrumbs = [{ label: 'Client certificates', href: '/settings/certificates' }];
const kShown = ['name', 'certificate', 'associated_hostnames', 'crl', 'revoked_serial_numbers'];
type Authority = Schemas['Certificate'];

interface Values {
  name: string;
  certificate: string;
  associated_hostnames: string;
  crl: string;
  revoked_serial_numbers: string;
}
const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);
const kHost = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/i;

const checkWith =
  (names: string[], isNew: boolean) =>
  (values: Values): Record<string, string | undefined> => {
    const badHost = words(values.associated_hostnames).find((host) => !kHost.test(host));
    const badSerial = words(values.revoked_serial_numbers).find(
      (serial) => !/^[0-9a-f]{1,2}(:?[0-9a-f]{1,2})*$/i.test(serial),
    );
    return {
      name: nameProblem(values.name, names, 'certificate authority'),
      certificate: isNew ? authorityProblem(values.certificate, new Date()) : undefined,
      associated_hostnames: badHost && `${badHost} is not a host name such as wiki.example.com`,
      crl:
        values.crl.trim() && !values.crl.includes('-----BEGIN X509 CRL-----')
          ? 'This is not a revocation list: it begins with -----BEGIN X509 CRL-----'
          : undefined,
      revoked_serial_numbers: badSerial && `${badSerial} is not a serial number in hex`,
    };
  };
const toBody = (values: Values) => ({
  name: values.name.trim(),
  associated_hostnames: words(values.associated_hostnames),
  crl: values.crl.trim() ? values.crl : '',
  revoked_serial_numbers: words(values.revoked_serial_numbers),
});

export function NewCertificate() {
  const authorities = useAuthorities();
  return (
    <Page
      title="New authority"
      description="Certificates that it has issued count on the hosts you name."
      crumbs={kCrumbs}
    >
      {authorities.data ? (
        <NewForm names={(authorities.data.result ?? []).map(({ name }) => name)} />
      ) : (
        <Pending query={authorities} />
      )}
    </Page>
  );
}

function NewForm({ names }: { names: string[] }) {
  const refresh = useRefreshAuthorities();
  const form = useForm<Values>({
    initial: { name: '', certificate: '', associated_hostnames: '', crl: '', revoked_serial_numbers: '' },
    check: checkWith(names, true),
    save: async (values) => {
      const { crl, ...body } = toBody(values);
      await client.POST(kAuthoritiesPath, {
        params: { path: at() },
        body: { ...body, certificate: values.certificate, ...(crl ? { crl } : {}) },
      });
      await refresh();
    },
  });
  return (
    <NewFormBody
      form={form}
      shown={kShown}
      list="/settings/certificates"
      next="Ask for a valid certificate in a policy."
    >
      <TextField form={form} path="name" label="Name" autoFocus />
      <CertificateField
        form={form}
        path="certificate"
        label="Certificate of the authority"
        description="Of the authority itself, without its key. Several, one after the other: each is trusted."
        problem={(text) => authorityProblem(text, new Date())}
      />
      <OtherFields form={form} />
    </NewFormBody>
  );
}

export function CertificatePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const read = () => client.GET(kOne, { params: { path: at({ certificate_id: id }) } });
  const authority = useResource(['certificate authority', id], read);
  const authorities = useAuthorities();
  const found = authority.data?.value;
  return (
    <Page
      title={found?.name ?? 'Certificate authority'}
      description="Certificates that it has issued count on the hosts you name."
      crumbs={kCrumbs}
      actions={
        mayWrite &&
        found && (
          <RemoveAuthority
            authority={found}
            onRemoved={() => void navigate({ to: '/settings/certificates' })}
          />
        )
      }
    >
      {authority.data && authorities.data ? (
        <>
          <Details
            items={[
              ['Expires', found?.expires_on ? toInstant(found.expires_on) : 'not known'],
              [
                'Fingerprint',
                found?.fingerprint ? <ClipboardText key="fingerprint" text={found.fingerprint} /> : 'not known',
              ],
            ]}
          />
          <EditForm
            key={id}
            read={authority.data}
            reload={() => toRead(read())}
            names={(authorities.data.result ?? []).filter((one) => one.id !== id).map(({ name }) => name)}
          />
        </>
      ) : (
        <Pending query={authority.error ? authority : authorities} />
      )}
    </Page>
  );
}

function EditForm({
  read,
  reload,
  names,
}: {
  read: Read<Authority>;
  reload: () => Promise<Read<Authority>>;
  names: string[];
}) {
  const refresh = useRefreshAuthorities();
  const edit = useEdit<Authority, Values>({
    read,
    reload,
    toValues: (one) => ({
      name: one.name,
      certificate: one.certificate ?? '',
      associated_hostnames: (one.associated_hostnames ?? []).join('\n'),
      crl: one.crl ?? '',
      revoked_serial_numbers: (one.revoked_serial_numbers ?? []).join('\n'),
    }),
    check: checkWith(names, false),
    save: async (values, base) => {
      const saved = await toRead(
        client.PUT(kOne, {
          params: { path: at({ certificate_id: base.value.id }), header: ifMatch(base.etag) },
          body: toBody(values),
        }),
      );
      await refresh();
      return saved;
    },
  });
  return (
    <EditFormBody edit={edit} shown={kShown}>
      <TextField form={edit.form} path="name" label="Name" />
      <OtherFields form={edit.form} />
    </EditFormBody>
  );
}

function OtherFields({ form }: { form: Form<Values> }) {
  return (
    <>
      <TextField
        form={form}
        path="associated_hostnames"
        label="Hosts"
        description="One a line: wiki.example.com, or *.example.com. Browsers ask for a certificate on these."
        lines={3}
      />
      <TextField
        form={form}
        path="crl"
        label="Revocation list (optional)"
        description="PEM. When its next update is overdue, no certificate of the authority counts."
        lines={3}
      />
      <TextField
        form={form}
        path="revoked_serial_numbers"
        label="Revoked serial numbers (optional)"
        description="In hex, one a line: dead at once, without a list."
        lines={2}
      />
    </>
  );
}
