// Where requests of each of its hosts go once they are allowed.
import { useMayWrite } from '../../shell/me';
import { useForm } from '../../parts/form';
import { FormBody } from '../../parts/form_page';
import { LayerCard } from '../../parts/kumo';
import { Pending } from '../../parts/resource';
import { Section } from '../../parts/page';
import { useSay } from '../../parts/say';
import { ApiError } from '../../api/client';
import { useChangeIngress, useIngress } from '../ingress/ingress';
import {
  checkOrigin,
  kOriginFields,
  OriginFields,
  toIngressRule,
  toOriginDraft,
  type OriginDraft,
} from '../ingress/origin_fields';
import { toRuleError } from '../ingress/route';
import { isForHost, ownRule, ruleFor, withRule, type Rules } from '../ingress/rules.ts';
import { hostsOf } from './application.ts';
import type { TabProperties } from './edit_application';

export function OriginTab({ read }: TabProperties) {
  const ingress = useIngress();
  if (!ingress.data) return <Pending query={ingress} />;
  const rules = ingress.data.value;
  return (
    <div className="flex flex-col gap-8">
      {hostsOf(read.value).map((host) => (
        <Host key={host} host={host} rules={rules} />
      ))}
    </div>
  );
}

function Host({ host, rules }: { host: string; rules: Rules }) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const change = useChangeIngress();
  const rule = ruleFor(rules, host);
  const isShared = rule !== undefined && !ownRule(rules, host);
  const form = useForm<OriginDraft>({
    initial: toOriginDraft(rule),
    check: checkOrigin,
    save: async (draft) => {
      try {
        await change((now) => withRule(now, toIngressRule(host, draft)));
      } catch (error) {
        throw error instanceof ApiError ? toRuleError(error) : error;
      }
    },
  });
  const withPath = rules.filter((one) => one.path && isForHost(one, host));
  return (
    <Section
      title={host}
      description={
        isShared
          ? `By the rule for ${rule.hostname}. Saving makes a rule of its own for this host.`
          : 'All applications of this host share it.'
      }
    >
      {withPath.length > 0 && (
        <LayerCard className="p-3">
          <p className="m-0 text-sm">Before it, by path (change them with the API):</p>
          <ul className="m-0 ps-5 text-sm">
            {withPath.map((one) => (
              <li key={`${one.hostname} ${one.path}`} className="break-all">
                <code>{one.path}</code> to <code>{one.service}</code>
              </li>
            ))}
          </ul>
        </LayerCard>
      )}
      <FormBody
        form={form}
        shown={[...kOriginFields]}
        mayWrite={mayWrite}
        onSaved={() => say.done(`Saved: where ${host} goes`)}
      >
        <OriginFields form={form} />
      </FormBody>
    </Section>
  );
}
