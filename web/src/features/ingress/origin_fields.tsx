// Where requests go, and how the gateway speaks to what is there.
import type { Form } from '../../parts/form';
import { Collapsible } from '../../parts/kumo';
import { SwitchField, TextField } from '../../parts/fields';
import { parseDuration } from '../../parts/time.ts';
import { checkService, type OriginRequest, type Rule } from './rules.ts';

// As text, so that what is typed stays.
export interface OriginDraft {
  service: string;
  origin: {
    httpHostHeader: string;
    originServerName: string;
    caPool: string;
    connectTimeout: string;
    keepAliveConnections: string;
    noTLSVerify: boolean;
    http2Origin: boolean;
  };
}

export const toOriginDraft = (rule?: Rule): OriginDraft => ({
  service: rule?.service ?? '',
  origin: {
    httpHostHeader: rule?.originRequest?.httpHostHeader ?? '',
    originServerName: rule?.originRequest?.originServerName ?? '',
    caPool: rule?.originRequest?.caPool ?? '',
    connectTimeout: rule?.originRequest?.connectTimeout ?? '',
    keepAliveConnections: String(rule?.originRequest?.keepAliveConnections ?? ''),
    noTLSVerify: rule?.originRequest?.noTLSVerify ?? false,
    http2Origin: rule?.originRequest?.http2Origin ?? false,
  },
});

export function toIngressRule(hostname: string, { service, origin }: OriginDraft) {
  const originRequest: OriginRequest = {};
  for (const name of ['httpHostHeader', 'originServerName', 'caPool', 'connectTimeout'] as const) {
    const value = origin[name].trim();
    if (value) originRequest[name] = value;
  }
  if (origin.keepAliveConnections.trim())
    originRequest.keepAliveConnections = Number(origin.keepAliveConnections);
  if (origin.noTLSVerify) originRequest.noTLSVerify = true;
  if (origin.http2Origin) originRequest.http2Origin = true;
  const rule: Rule & { hostname: string } = { hostname, service: service.trim() };
  if (Object.keys(originRequest).length > 0) rule.originRequest = originRequest;
  return rule;
}

export const checkOrigin = ({ service, origin }: OriginDraft) => ({
  service: checkService(service),
  'origin.connectTimeout':
    origin.connectTimeout && !parseDuration(origin.connectTimeout)
      ? 'Must be a duration such as 5s'
      : undefined,
  'origin.keepAliveConnections': /^(\d{1,4}|10000|)$/.test(origin.keepAliveConnections.trim())
    ? undefined
    : 'Must be 0 to 10000',
});

export const kOriginFields = ['service', 'origin'] as const;

export function OriginFields<V extends OriginDraft>({ form }: { form: Form<V> }) {
  return (
    <>
      <TextField
        form={form}
        path="service"
        label="Service URL"
        placeholder="http://127.0.0.1:8080"
        description="Where allowed requests go: http://host:port, https://host:port or unix:/path."
      />
      <Collapsible.Root>
        <Collapsible.DefaultTrigger>Advanced: how the gateway connects to it</Collapsible.DefaultTrigger>
        <Collapsible.DefaultPanel>
          <div className="flex flex-col gap-4">
            <div className="grid items-start gap-4 md:grid-cols-2">
              <TextField
                form={form}
                path="origin.httpHostHeader"
                label="Host header (optional)"
                description="Sent instead of the host that was asked for."
              />
              <TextField
                form={form}
                path="origin.originServerName"
                label="Name in its certificate (optional)"
                description="The service's host when left empty."
              />
              <TextField
                form={form}
                path="origin.caPool"
                label="Authorities file (optional)"
                description="On the gateway: CA certificates, PEM."
              />
              <TextField
                form={form}
                path="origin.connectTimeout"
                label="Connection timeout (optional)"
                placeholder="5s"
              />
              <TextField
                form={form}
                path="origin.keepAliveConnections"
                label="Idle connections kept (optional)"
                placeholder="100"
                inputMode="numeric"
              />
            </div>
            <SwitchField
              form={form}
              path="origin.http2Origin"
              label="It speaks HTTP/2"
              description="As gRPC needs it. No WebSocket there."
            />
            <SwitchField
              form={form}
              path="origin.noTLSVerify"
              label="Do not verify its certificate"
              description="Whoever is between the gateway and the service can then read and change everything."
            />
          </div>
        </Collapsible.DefaultPanel>
      </Collapsible.Root>
    </>
  );
}
