// A refusal at the end of a sign-in: it is no decision about a request, so it stands in the log of
// sign-ins. What the policies say is asked anew.
import { useQuery } from '@tanstack/react-query';
import { FlaskIcon } from '@phosphor-icons/react';
import { $api, at, type Schemas } from '../../api/client';
import { toHref } from '../../parts/address';
import { Age } from '../../parts/age';
import { Details } from '../../parts/details';
import { Failed } from '../../parts/failed';
import { Badge, Banner, Empty, LayerCard, Link, LinkButton, SkeletonLine } from '../../parts/kumo';
import { Page, Section, type Crumb } from '../../parts/page';
import { reasonTitle } from '../../parts/reasons.ts';
import { toInstant } from '../../parts/time.ts';
import { explainNow } from '../tester/explain';
import { ReferenceField } from './decisions';
import { Inputs, TraceTree, Verdict } from './trace_tree';

const kRayDigits = 16;

function AsItIsNow({ request }: { request: Schemas['AccessRequest'] }) {
  const { app_domain: app = '', user_email: user = '', ip_address: ip = '' } = request;
  const answer = useQuery({
    queryKey: ['explain now', app, user, ip],
    queryFn: () => explainNow({ app, user, ip }),
    retry: false,
  });
  if (answer.error) return <Failed error={answer.error} what="The policies could not be asked" />;
  if (!answer.data) return <SkeletonLine />;
  const { explained, hasSession } = answer.data;
  return (
    <>
      <Banner
        variant="secondary"
        title="As it is now"
        description={
          hasSession
            ? 'Asked anew, with the evidence of their live session: their device may have been checked again since.'
            : 'Asked anew, without groups and without a device: they are not signed in now.'
        }
      />
      <Verdict explained={explained} />
      <TraceTree explained={explained} />
      <Section title="What was known">
        <Inputs explained={explained} />
      </Section>
    </>
  );
}

export function RefusedSignIn({ reference, crumbs }: { reference: string; crumbs: Crumb[] }) {
  const title = `Refusal ${reference.slice(0, 8)}`;
  const requests = $api.useQuery('get', '/accounts/{account_id}/access/logs/access_requests', {
    params: { path: at(), query: { ray_id: reference.slice(0, kRayDigits), limit: 1 } },
  });
  if (requests.error)
    return <Failed error={requests.error} retry={() => void requests.refetch()} />;
  if (!requests.data) {
    return (
      <Page title={title} crumbs={crumbs}>
        <SkeletonLine />
        <SkeletonLine />
      </Page>
    );
  }
  const request = requests.data.result?.[0];
  if (!request) {
    return (
      <Page title={title} crumbs={crumbs} actions={<ReferenceField />}>
        <Empty
          title="Nothing has this reference"
          description={`No decision and no sign-in is called “${reference}”. The log of decisions keeps a limited size and is of this node alone; of requests that were let in it has only some.`}
          contents={
            <LinkButton variant="secondary" href="/logs/decisions">
              All decisions
            </LinkButton>
          }
        />
      </Page>
    );
  }
  return (
    <Page
      title={title}
      description={
        <>
          {toInstant(request.created_at ?? '')} (<Age at={request.created_at} />)
        </>
      }
      crumbs={crumbs}
      actions={
        <LinkButton
          variant="secondary"
          icon={FlaskIcon}
          href={toHref('/access/tester', {
            app: request.app_domain,
            user: request.user_email,
            ip: request.ip_address,
          })}
        >
          Try in the policy tester
        </LinkButton>
      }
    >
      <LayerCard className="p-4">
        <Details
          items={[
            [
              'Sign-in',
              request.allowed ? (
                <Badge key="allowed" variant="success">
                  let in
                </Badge>
              ) : (
                <Badge key="allowed" variant="error">
                  refused
                </Badge>
              ),
            ],
            ['Reason', request.reason ? reasonTitle(request.reason) : 'none'],
            [
              'Who',
              request.user_email ? (
                <Link key="who" href={toHref('/users', { search: request.user_email })}>
                  {request.user_email}
                </Link>
              ) : (
                'nobody known'
              ),
            ],
            ['Application', request.app_domain || 'none'],
            ['Login method', request.connection || 'none'],
            ['From', [request.ip_address, request.country].filter(Boolean).join(', ')],
          ]}
        />
      </LayerCard>
      {request.app_domain && (
        <Section
          title="Why"
          description="Every policy in order, with its rules, what each saw, and how old that was."
        >
          <AsItIsNow request={request} />
        </Section>
      )}
    </Page>
  );
}
