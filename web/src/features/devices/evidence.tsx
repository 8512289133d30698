// What is known of a device: who said it, when, what, and which checks it passes.
import { CheckCircleIcon, QuestionIcon, XCircleIcon } from '@phosphor-icons/react';
import type { Schemas } from '../../api/client';
import { Age } from '../../parts/age';
import { Badge, LayerCard } from '../../parts/kumo';
import { reasonTitle } from '../../parts/reasons.ts';

type Evidence = Schemas['DeviceEvidence'];
type Signals = Schemas['DeviceSignals'];
type Check = Schemas['DeviceCheck'];

export function SignalList({ signals }: { signals: Signals }) {
  const { managed, last_checkin, patch_compliant, vulnerability_score } = signals;
  return (
    <span className="flex flex-wrap items-center gap-1.5">
      {managed === null ? (
        <Badge variant="secondary">not known whether managed</Badge>
      ) : managed ? (
        <Badge variant="success">managed</Badge>
      ) : (
        <Badge variant="error">not managed</Badge>
      )}
      {last_checkin && (
        <Badge variant="secondary">
          checked in <Age at={last_checkin} />
        </Badge>
      )}
      {patch_compliant !== null && (
        <Badge variant={patch_compliant ? 'success' : 'error'}>
          {patch_compliant ? 'patched' : 'updates missing'}
        </Badge>
      )}
      {vulnerability_score !== null && (
        <Badge variant="secondary">vulnerability score {vulnerability_score}</Badge>
      )}
    </span>
  );
}

const kOutcomes = {
  pass: { icon: CheckCircleIcon, colour: 'text-kumo-success', word: 'passes' },
  fail: { icon: XCircleIcon, colour: 'text-kumo-danger', word: 'fails' },
  indeterminate: { icon: QuestionIcon, colour: 'text-kumo-warning', word: 'not clear' },
} as const;

export function CheckList({ checks }: { checks: Check[] }) {
  if (checks.length === 0)
    return <span className="text-kumo-subtle">No check looks at this evidence.</span>;
  return (
    <ul className="m-0 flex list-none flex-col gap-1 p-0">
      {checks.map(({ id, name, outcome, reason }) => {
        const { icon: Icon, colour, word } = kOutcomes[outcome];
        return (
          <li key={id} className="flex items-start gap-1.5">
            <Icon size={18} weight="fill" className={`mt-px shrink-0 ${colour}`} aria-hidden />
            <span>
              {name} {word}
              {outcome !== 'pass' && reason && (
                <span className="text-kumo-subtle">: {reasonTitle(reason)}</span>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

export const sourceOf = ({ integration, integration_id }: Evidence): string =>
  integration.name || `removed integration ${integration_id}`;

// The newest of several.
export const newest = (evidence: Evidence[]): Evidence | undefined => evidence[0];

export function EvidenceCard({ evidence }: { evidence: Evidence }) {
  return (
    <LayerCard className="flex flex-col gap-3 p-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="m-0 text-base font-semibold">{sourceOf(evidence)}</h3>
        <span className="text-sm text-kumo-subtle">
          said <Age at={evidence.established_at} />
        </span>
      </div>
      <SignalList signals={evidence.signals} />
      <div className="text-sm">
        <CheckList checks={evidence.checks} />
      </div>
    </LayerCard>
  );
}
