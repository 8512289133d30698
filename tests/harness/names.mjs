// *.gateway.test is this machine, without touching /etc/hosts. Imported first by every suite.
import dns from 'node:dns';

const lookup = dns.lookup;
const isOurs = (name) => /(^|\.)gateway\.test\.?$/i.test(name);

dns.lookup = function patchedLookup(name, options, callback) {
  if (!isOurs(name)) return lookup.call(dns, name, options, callback);
  const done = typeof options === 'function' ? options : callback;
  const all = typeof options === 'object' && options?.all;
  process.nextTick(() =>
    all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
  );
  return {};
};
