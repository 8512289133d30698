// The policies of bench_engine in Cedar (npm @cedar-policy/cedar-wasm, the evaluator of AWS Verified
// Permissions), with everything that Cedar can prepare beforehand prepared: prints
// {"authorize_ns":..,"version":..}. Run by bench/run with the Node of tests/node_modules.
import cedar from '../tests/node_modules/@cedar-policy/cedar-wasm/nodejs/cedar_wasm.js';

const kApplications = 10;
// One set of policies an application, as in the gateway, where others are not looked at either. Lists are
// entities that the person and the network are `in`, as Cedar's guides advise: the caller hands over the
// memberships that hold, and finding them out (1,000 entries each) is not counted. That favours Cedar.
const policiesOf = (i) => `
forbid(principal in List::"blocked", action, resource == Application::"${i}");
permit(principal in Group::"${2 * i + 1}", action == Action::"open", resource == Application::"${i}")
  when { context.device.managed && context.device.checkin_age <= 604800 && context.device.age <= 3600 }
  unless { context.network in List::"bad networks" };`;

const entitiesOf = (i) => [
  { uid: { type: 'Application', id: `${i}` }, attrs: {}, parents: [] },
  { uid: { type: 'Network', id: '192.0.2.0/24' }, attrs: {}, parents: [] },
  {
    uid: { type: 'Person', id: `${2 * i}` },
    attrs: { email: `person-${2 * i}@bench.example` },
    parents: [{ type: 'Group', id: `${2 * i}` }],
  },
  { uid: { type: 'Group', id: `${2 * i}` }, attrs: {}, parents: [{ type: 'Group', id: `${2 * i + 1}` }] },
  { uid: { type: 'Group', id: `${2 * i + 1}` }, attrs: {}, parents: [] },
];
const calls = [];
for (let i = 0; i < kApplications; i++) {
  const text = policiesOf(i);
  const parsed = cedar.preparsePolicySet(`application-${i}`, { staticPolicies: text });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors));
  calls.push({
    principal: { type: 'Person', id: `${2 * i}` },
    action: { type: 'Action', id: 'open' },
    resource: { type: 'Application', id: `${i}` },
    context: {
      network: { __entity: { type: 'Network', id: '192.0.2.0/24' } },
      device: { managed: true, checkin_age: 60, age: 60 },
    },
    preparsedPolicySetId: `application-${i}`,
    entities: entitiesOf(i),
  });
}
const ask = (i) => {
  const answer = cedar.statefulIsAuthorized(calls[i % kApplications]);
  if (answer.type !== 'success' || answer.response.decision !== 'allow')
    throw new Error(JSON.stringify(answer));
};
let best = Infinity;
for (let run = 0; run < 7; run++) {
  const begin = process.hrtime.bigint();
  for (let i = 0; i < 2000; i++) ask(i);
  best = Math.min(best, Number(process.hrtime.bigint() - begin) / 2000);
}
console.log(JSON.stringify({ authorize_ns: best, version: cedar.getCedarSDKVersion() }));
