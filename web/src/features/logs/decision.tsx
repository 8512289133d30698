// One decision, by the reference that the person saw: who, what, when, and the whole trace.
import { FlaskIcon } from '@phosphor-icons/react';
import { useParams } from '@tanstack/react-router';
import { $api, ApiError, at } from '../../api/client';
import { toHref } from '../../parts/address';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { Failed } from '../../parts/failed';
import { Banner, ClipboardText, LayerCard, Link, LinkButton, SkeletonLine } from '../../parts/kumo';
import { Page, Section } from '../../parts/page';
import { reasonTitle } from '../../parts/reasons.ts';
import { toDuration, toInstant } from '../../parts/time.ts';
import { SignalList } from '../devices/evidence';
import { EffectBadge, whoOf } from './decisions';
import { RefusedSignIn } from './refused_sign_in';
import { Inputs, TraceTree, Verdict } from './trace_tree';
import type { Decision } from './use_decisions';

function Evidence({ decision }: { decision: Decision }) {
  const { identity_age_seconds, posture, evaluations } = decision;
  if (identity_age_seconds === null && posture.length === 0 && evaluations.length === 0)
    return <>none</>;
  return (
    <ul className="m-0 flex list-none flex-col gap-2 p-0">
      {identity_age_seconds !== null && <li>sign-in, {toDuration(identity_age_seconds)} old</li>}
      {posture.map((one) => (
        <li key={one.integration_id} className="flex flex-wrap items-center gap-1.5">
          device check by {one.integration_name || 'a removed integration'},{' '}
          {toDuration(one.age_seconds)} old
          {one.signals && <SignalList signals={one.signals} />}
        </li>
      ))}
      {evaluations.map(({ key, age_seconds }) => (
        <li key={key}>
          external check <code>{key}</code>, {toDuration(age_seconds)} old
        </li>
      ))}
    </ul>
  );
}

export function DecisionPage() {
  const { reference = '' } = useParams({ strict: false }) as { reference?: string };
  const reviewed = $api.useQuery('get', '/accounts/{account_id}/gatehouse/decisions/{reference}', {
    params: { path: at({ reference }) },
  });
  const crumbs = [{ label: 'Decisions', href: '/logs/decisions' }];
  const title = `Decision ${reference.slice(0, 8)}`;
  if (reviewed.error instanceof ApiError && reviewed.error.status === 404) {
    return <RefusedSignIn reference={reference} crumbs={crumbs} />;
  }
  if (reviewed.error)
    return <Failed error={reviewed.error} retry={() => void reviewed.refetch()} />;
  const result = reviewed.data?.result;
  if (!result) {
    return (
      <Page title={title} crumbs={crumbs}>
        <SkeletonLine />
        <SkeletonLine />
        <SkeletonLine />
      </Page>
    );
  }
  const { decision, explanation, exact, note } = result;
  return (
    <Page
      title={title}
      description={
        <>
          {toInstant(decision.at)} (<Age at={decision.at} />)
        </>
      }
      crumbs={crumbs}
      actions={
        <LinkButton
          variant="secondary"
          icon={FlaskIcon}
          href={toHref('/access/tester', {
            app: decision.host || decision.application_name,
            user: decision.user?.email,
            evidence: decision.session ? 'session' : undefined,
            ip: decision.ip,
          })}
        >
          Try in the policy tester
        </LinkButton>
      }
    >
      <LayerCard className="p-4">
        <Details
          items={[
            ['Decision', <EffectBadge key="effect" effect={decision.effect} />],
            ...(decision.reason && decision.reason !== 'none'
              ? ([
                  [
                    'Reason',
                    <span key="reason">
                      {reasonTitle(decision.reason)}{' '}
                      <code className="text-kumo-subtle">{decision.reason}</code>
                    </span>,
                  ],
                ] as [string, React.ReactNode][])
              : []),
            ...(decision.detail
              ? ([['What was wrong', decision.detail]] as [string, React.ReactNode][])
              : []),
            [
              'Who',
              decision.user?.email ? (
                <Link key="who" href={`/users/${decision.user.id}`}>
                  {decision.user.email}
                </Link>
              ) : (
                whoOf(decision)
              ),
            ],
            [
              'Application',
              decision.application ? (
                <Link key="application" href={`/access/applications/${decision.application}`}>
                  {decision.application_name || decision.application}
                </Link>
              ) : (
                'none'
              ),
            ],
            ['Request', `${decision.method} ${decision.host}, answered ${decision.status}`],
            ['From', <code key="from">{decision.ip}</code>],
            ['Policy', decision.policy_name || decision.policy || 'none'],
            ['Evidence', <Evidence key="evidence" decision={decision} />],
            [
              'Reference',
              <span key="reference" className="flex max-w-md">
                <ClipboardText text={decision.reference} />
              </span>,
            ],
          ]}
        />
      </LayerCard>
      <Section
        title="Why"
        description="Every policy in order, with its rules, what each saw, and how old that was."
      >
        {!exact && note && (
          <Banner
            variant="alert"
            title={explanation ? 'This may differ from what was decided' : 'There is no trace'}
            description={note}
          />
        )}
        {explanation && (
          <>
            <Verdict explained={explanation} />
            <TraceTree explained={explanation} />
          </>
        )}
      </Section>
      {explanation && (
        <Section title="What was known">
          <Inputs explained={explanation} />
        </Section>
      )}
    </Page>
  );
}
