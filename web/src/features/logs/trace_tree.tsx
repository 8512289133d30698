// Why a decision is as it is: every policy in order, its lists and rules, what each saw and how old
// that was; and, of two answers, what was different before.
import { CheckCircleIcon, MinusCircleIcon, QuestionIcon, XCircleIcon } from '@phosphor-icons/react';
import { Details } from '../../parts/details';
import { Badge, Banner, LayerCard, Link } from '../../parts/kumo';
import { reasonTitle } from '../../parts/reasons.ts';
import { toDuration } from '../../parts/time.ts';
import {
  actionWord,
  linesOf,
  outcomeWord,
  partName,
  placeOf,
  sentence,
  verdictOf,
  wasOf,
  type Explained,
  type Line,
  type Part,
  type Policy,
} from './trace.ts';

const kIcons = {
  true: { icon: CheckCircleIcon, colour: 'text-kumo-success' },
  false: { icon: XCircleIcon, colour: 'text-kumo-danger' },
  unknown: { icon: QuestionIcon, colour: 'text-kumo-warning' },
} as const;
const kAside = { icon: MinusCircleIcon, colour: 'text-kumo-subtle' } as const;
// Of a Block policy it is the match that hurts.
const kBlockIcons = {
  true: { icon: CheckCircleIcon, colour: 'text-kumo-danger' },
  false: kAside,
  unknown: { icon: QuestionIcon, colour: 'text-kumo-danger' },
} as const;

function OutcomeIcon({ outcome, isBlock }: { outcome: string | undefined; isBlock: boolean }) {
  const icons = isBlock ? kBlockIcons : kIcons;
  const { icon: Icon, colour } = icons[outcome as keyof typeof icons] ?? kAside;
  return <Icon size={18} weight="fill" className={`mt-0.5 shrink-0 ${colour}`} aria-hidden />;
}

const kNoReason = new Set(['none', '']);

function Outcome({ outcome, reason, was }: Partial<Line> & { was: Line | undefined }) {
  return (
    <>
      <span className="text-kumo-strong">{outcomeWord(outcome ?? 'not asked')}</span>
      {reason && !kNoReason.has(reason) && (
        <span className="text-kumo-subtle"> ({reasonTitle(reason)})</span>
      )}
      {was && (
        <>
          {' '}
          <Badge variant="info">
            before: {outcomeWord(was.outcome)}
            {kNoReason.has(was.reason) ? '' : `, ${reasonTitle(was.reason)}`}
          </Badge>
        </>
      )}
    </>
  );
}

function PartLine({
  part,
  place,
  isBlock,
  before,
}: {
  part: Part;
  place: string;
  isBlock: boolean;
  before: Map<string, Line> | undefined;
}) {
  const isLeaf = !part.parts || part.parts.length === 0;
  return (
    <li className="flex flex-col gap-1">
      <div className="flex gap-2 text-sm">
        <OutcomeIcon outcome={part.outcome} isBlock={isBlock} />
        <div className="min-w-0">
          <span className={part.kind === 'list' ? 'font-medium' : ''}>{partName(part)}</span>
          {': '}
          <Outcome
            outcome={part.outcome}
            reason={isLeaf ? part.reason : 'none'}
            was={wasOf(before, place, part)}
          />
          {part.saw && (
            <p className="m-0 text-kumo-subtle">
              Saw {part.saw}
              {!!part.age_seconds && `, ${toDuration(part.age_seconds)} old`}
            </p>
          )}
        </div>
      </div>
      {!isLeaf && (
        <Parts parts={part.parts as Part[]} above={place} isBlock={isBlock} before={before} />
      )}
    </li>
  );
}

function Parts({
  parts,
  above,
  isBlock,
  before,
}: {
  parts: Part[];
  above: string;
  isBlock: boolean;
  before: Map<string, Line> | undefined;
}) {
  return (
    <ul className="m-0 ms-2 flex list-none flex-col gap-1.5 border-s border-kumo-line p-0 ps-4">
      {parts.map((part, index) => (
        <PartLine
          key={placeOf(above, index)}
          part={part}
          place={placeOf(above, index)}
          isBlock={isBlock}
          before={before}
        />
      ))}
    </ul>
  );
}

function PolicyCard({
  policy,
  application,
  before,
}: {
  policy: Policy;
  application: string;
  before: Map<string, Line> | undefined;
}) {
  const isBlock = policy.action === 'deny';
  return (
    <LayerCard className="flex flex-col gap-3 p-4">
      <div className="flex flex-wrap items-start justify-between gap-2">
        <h3 className="m-0 flex min-w-0 gap-2 text-base">
          <OutcomeIcon outcome={policy.outcome} isBlock={isBlock} />
          <span>
            <span className="text-kumo-subtle">{actionWord(policy.action)}: </span>
            <Link href={`/access/applications/${application}/policies/${policy.id}`}>
              {policy.name}
            </Link>
          </span>
        </h3>
        {policy.decided && <Badge variant="info">this one decided</Badge>}
      </div>
      {policy.asked ? (
        <>
          <p className="m-0 text-sm">
            The policy{' '}
            <Outcome
              outcome={policy.outcome}
              reason={policy.reason}
              was={wasOf(before, policy.id, policy)}
            />
          </p>
          {policy.parts && policy.parts.length > 0 && (
            <Parts parts={policy.parts} above={policy.id} isBlock={isBlock} before={before} />
          )}
        </>
      ) : (
        <p className="m-0 text-sm text-kumo-subtle">
          Not asked: a policy before it has already decided.
        </p>
      )}
    </LayerCard>
  );
}

const kBanners = { success: 'default', info: 'default', warning: 'alert', error: 'error' } as const;

export function Verdict({ explained, before }: { explained: Explained; before?: Explained }) {
  const { word, tone } = verdictOf(explained);
  const was = before && verdictOf(before);
  const isSame = was && was.word === word && before.reason === explained.reason;
  const through = explained.effect === 'allow' || explained.effect === 'bypass';
  const by = explained.policy
    ? `Decided by ${actionWord(explained.policy.action)}: ${explained.policy.name}.`
    : 'No policy applies, and what none allows is refused.';
  return (
    <div role="status">
      <Banner
        variant={kBanners[tone]}
        title={through ? word : `${word}: ${explained.told.title}`}
        description={[
          by,
          through ? '' : `The person is told: “${explained.told.advice}”`,
          was
            ? isSame
              ? 'The answer before was the same.'
              : `Before: ${was.word}${before.reason === 'none' ? '' : ` (${reasonTitle(before.reason)})`}.`
            : '',
        ]
          .filter(Boolean)
          .join(' ')}
      />
    </div>
  );
}

export function TraceTree({ explained, before }: { explained: Explained; before?: Explained }) {
  const lines = before && linesOf(before);
  return (
    <div className="flex flex-col gap-3">
      {explained.policies.length === 0 && (
        <p className="m-0 text-sm">
          This application has no policies, so nobody is let in.{' '}
          <Link href={`/access/applications/${explained.application.id}/policies`}>
            Add a policy
          </Link>
        </p>
      )}
      {explained.policies.map((policy) => (
        <PolicyCard
          key={policy.id}
          policy={policy}
          application={explained.application.id}
          before={lines}
        />
      ))}
    </div>
  );
}

// What the gateway knew when it decided.
export function Inputs({ explained }: { explained: Explained }) {
  return (
    <LayerCard className="p-4">
      <Details
        items={explained.inputs.map(({ name, value, established_at, age_seconds }) => [
          sentence(name),
          <>
            {value === '::' ? 'not said' : value}
            {established_at && age_seconds !== undefined && age_seconds > 0 && (
              <span className="text-kumo-subtle"> ({toDuration(age_seconds)} old)</span>
            )}
          </>,
        ])}
      />
    </LayerCard>
  );
}
