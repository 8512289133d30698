// The official SDK, watched: which of its methods for our resources exist, were called, and worked.
import Cloudflare from 'cloudflare';

// The resource classes of the SDK that are about what Gatehouse administrates, by the name that
// stands in the list of methods.
export const resourcesOf = (client) => ({
  access: client.zeroTrust.access,
  identityProviders: client.zeroTrust.identityProviders,
  organizations: client.zeroTrust.organizations,
  seats: client.zeroTrust.seats,
  'devices.posture': client.zeroTrust.devices.posture,
  'gateway.lists': client.zeroTrust.gateway.lists,
});

const isResource = (value) => value !== null && typeof value === 'object' && '_client' in value;
// Every method below a resource: [{name, resource, method}].
function methodsBelow(name, resource) {
  const found = [];
  const seen = new Set(['constructor']);
  for (
    let type = Object.getPrototypeOf(resource);
    type && type !== Object.prototype;
    type = Object.getPrototypeOf(type)
  )
    for (const method of Object.getOwnPropertyNames(type)) {
      if (seen.has(method) || method.startsWith('_') || typeof resource[method] !== 'function')
        continue;
      seen.add(method);
      found.push({ name: `${name}.${method}`, resource, method });
    }
  for (const [member, value] of Object.entries(resource))
    if (member !== '_client' && isResource(value))
      found.push(...methodsBelow(`${name}.${member}`, value));
  return found;
}

// A client, and what became of each of its methods: name -> 'worked' | 'failed' | undefined.
export function watchedClient(baseURL, apiToken) {
  const client = new Cloudflare({ apiToken, baseURL, maxRetries: 0 });
  const outcomes = new Map();
  for (const [group, root] of Object.entries(resourcesOf(client)))
    for (const { name, resource, method } of methodsBelow(group, root)) {
      outcomes.set(name, undefined);
      const original = resource[method].bind(resource);
      resource[method] = (...args) => {
        const promise = original(...args);
        promise.then(
          () => outcomes.set(name, 'worked'),
          () => outcomes.get(name) ?? outcomes.set(name, 'failed'),
        );
        return promise;
      };
    }
  return { client, outcomes };
}
export { Cloudflare };
