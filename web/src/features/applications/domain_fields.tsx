// The domain of an application and, where its host has no ingress rule yet, where its requests go.
import type { Form } from '../../parts/form';
import { TextField } from '../../parts/fields';
import { Button, Input } from '../../parts/kumo';
import { errorOf } from '../../parts/field_errors.ts';
import { useIngress } from '../ingress/ingress';
import { OriginFields, toOriginDraft, type OriginDraft } from '../ingress/origin_fields';
import { checkHost, ruleFor, type Rule } from '../ingress/rules.ts';

export interface DomainDraft extends OriginDraft {
  host: string;
  path: string;
  // Whether `service` is to be saved for the host.
  hasRoute: boolean;
}
export const kDomainFields = ['host', 'path', 'domain', 'service', 'origin'] as const;

export function HostFields<V extends DomainDraft>({ form }: { form: Form<V> }) {
  return (
    <div className="grid items-start gap-4 md:grid-cols-2">
      <Input
        label="Host"
        placeholder="wiki.team.com"
        description="A certificate of the gateway has to cover it."
        value={form.values.host}
        onChange={(event) =>
          form.change({ host: event.target.value, domain: undefined } as unknown as Partial<V>)
        }
        error={errorOf(form.errors, 'host') ?? errorOf(form.errors, 'domain')}
        autoComplete="off"
        spellCheck={false}
        inputMode="url"
      />
      <TextField
        form={form}
        path="path"
        label="Path (optional)"
        placeholder="admin"
        description="Protects everything below it; empty: the whole host."
      />
    </div>
  );
}

// Sets `hasRoute` as the host changes.
export function RouteFields<V extends DomainDraft>({ form }: { form: Form<V> }) {
  const ingress = useIngress();
  const host = form.values.host.trim();
  const rules = ingress.data?.value;
  const rule = rules && !checkHost(host) ? ruleFor(rules, host) : undefined;
  if (rule && !form.values.hasRoute) return <Known rule={rule} form={form} />;
  return (
    <>
      {rule && (
        <div>
          <Button
            type="button"
            size="sm"
            onClick={() =>
              form.change({ ...toOriginDraft(), hasRoute: false } as unknown as Partial<V>)
            }
          >
            Leave it at {rule.service}
          </Button>
        </div>
      )}
      <OriginFields form={form} />
    </>
  );
}

function Known<V extends DomainDraft>({ rule, form }: { rule: Rule; form: Form<V> }) {
  return (
    <div className="flex flex-wrap items-center gap-3">
      <p className="m-0">
        Requests for {rule.hostname} go to <code>{rule.service}</code> already.
      </p>
      <Button
        type="button"
        size="sm"
        onClick={() =>
          form.change({ ...toOriginDraft(rule), hasRoute: true } as unknown as Partial<V>)
        }
      >
        Send them elsewhere
      </Button>
    </div>
  );
}
