// Certificates, pasted or dropped as a file. What was understood of them stands below.
import { useRef, useState, type DragEvent } from 'react';
import { FileArrowUpIcon } from '@phosphor-icons/react';
import { errorOf } from '../../parts/field_errors.ts';
import type { Form } from '../../parts/form';
import { Button, InputArea } from '../../parts/kumo';
import { valueAt } from '../../parts/values.ts';
import { describeKey, readKeys, toPem } from './certificate.ts';

const kMaxBytes = 256 * 1024;

export function CertificateField<V extends object>({
  form,
  path,
  label,
  description,
  problem,
}: {
  form: Pick<Form<V>, 'values' | 'errors' | 'setAt'>;
  path: string;
  label: string;
  description: string;
  // Said at once for what was dropped; pasted text is checked when it is whole.
  problem: (text: string) => string | undefined;
}) {
  const picker = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const [refused, setRefused] = useState<string>();
  const text = String(valueAt(form.values, path) ?? '');
  const read = text.trim() ? readKeys(text) : undefined;
  const isWhole = /-----END [^\n]*-----\s*$/.test(text) || /PRIVATE KEY-----/.test(text);
  const error =
    refused ?? errorOf(form.errors, path) ?? (isWhole ? problem(text) : undefined);
  const take = async (files: FileList | null | undefined) => {
    const file = files?.[0];
    setRefused(undefined);
    if (!file) return;
    if (file.size > kMaxBytes) return setRefused('This file is too large for a certificate');
    form.setAt(path, toPem(new Uint8Array(await file.arrayBuffer())));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files);
  };
  return (
    <div
      className={`flex flex-col gap-2 ${isOver ? 'rounded-lg outline-2 outline-dashed outline-kumo-focus' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <InputArea
        label={label}
        description={description}
        error={error}
        rows={7}
        spellCheck={false}
        autoComplete="off"
        className="font-mono text-sm"
        placeholder={'-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----'}
        value={text}
        onChange={(event) => {
          setRefused(undefined);
          form.setAt(path, event.target.value);
        }}
      />
      <div className="flex flex-wrap items-center gap-3">
        <Button
          type="button"
          size="sm"
          icon={FileArrowUpIcon}
          onClick={() => picker.current?.click()}
        >
          Choose a file
        </Button>
        <span className="text-sm text-kumo-subtle">or drop it here</span>
        <input
          ref={picker}
          type="file"
          hidden
          aria-label={`File of ${label.toLowerCase()}`}
          accept=".pem,.crt,.cer,.der,.pub,.txt"
          onChange={(event) => {
            void take(event.target.files);
            event.target.value = '';
          }}
        />
      </div>
      {read && read.problem === undefined && !error && (
        <div role="status" className="flex flex-col gap-0.5 text-sm text-kumo-strong">
          {read.keys.map((key, index) => (
            <span key={index}>{describeKey(key, new Date())}</span>
          ))}
        </div>
      )}
    </div>
  );
}
