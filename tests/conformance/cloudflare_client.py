"""cloudflare_client.py BASE_URL TOKEN: what an administrator's script does with Debian's python3-cloudflare: makes, reads,
lists, changes and removes one of each kind. Prints a line for each kind that did; ends with 1 at the first that does not."""
import sys

import CloudFlare

cf = CloudFlare.CloudFlare(token=sys.argv[2], base_url=sys.argv[1])
account = cf.accounts.get()[0]["id"]
access, posture = cf.accounts.access, cf.accounts.devices.posture
people = [{"email_domain": {"domain": "corp.example"}}]


def expect(condition, what):
    if not condition:
        sys.exit(f"{what}")


def gone(call, *ids):
    try:
        call(*ids)
    except CloudFlare.exceptions.CloudFlareAPIError as error:
        return int(error) >= 1000
    return False


def crud(name, resource, body, change, update="put", above=()):
    above = (account, *above)
    made = resource.post(*above, data=body)
    read = resource.get(*above, made["id"])
    expect(all(read[key] == value for key, value in body.items() if key in ("name", "type", "decision", "include")), f"{name}: {read}")
    expect(made["id"] in [one["id"] for one in resource.get(*above)], f"{name}: not listed")
    getattr(resource, update)(*above, made["id"], data={**body, **change})
    read = resource.get(*above, made["id"])
    expect(all(read[key] == value for key, value in change.items()), f"{name}: {read}")
    resource.delete(*above, made["id"])
    expect(gone(resource.get, *above, made["id"]), f"{name}: still there")
    print(name, flush=True)


crud("groups", access.groups, {"name": "Python", "include": people}, {"name": "Snake"})
crud("identity providers", access.identity_providers,
     {"name": "Python", "type": "github", "config": {"client_id": "a", "client_secret": "b"}}, {"name": "Snake"})
crud("service tokens", access.service_tokens, {"name": "Python", "duration": "8760h"}, {"name": "Snake"})
crud("applications", access.apps,
     {"name": "Python", "type": "self_hosted", "domain": "admin.gateway.test/python",
      "policies": [{"name": "People", "decision": "allow", "include": people, "precedence": 1}]},
     {"name": "Snake", "session_duration": "90m"})
app = access.apps.post(account, data={
    "name": "Of policies", "type": "self_hosted", "domain": "admin.gateway.test/python-policies",
    "policies": [{"name": "People", "decision": "allow", "include": people}]})
crud("policies", access.apps.policies, {"name": "More", "decision": "allow", "include": people, "precedence": 7},
     {"decision": "deny"}, above=(app["id"],))
access.apps.revoke_tokens.post(account, app["id"])
access.apps.delete(account, app["id"])
crud("posture rules", posture, {"name": "Python", "type": "disk_encryption", "input": {"requireAll": True}}, {"name": "Snake"})
crud("posture integrations", posture.integration,
     {"name": "Python", "type": "kolide", "interval": "10m", "config": {"client_id": "a", "client_secret": "b"}},
     {"name": "Snake"}, update="patch")
crud("lists", cf.accounts.gateway.lists, {"name": "Python", "type": "EMAIL", "items": [{"value": "a@corp.example"}]}, {"name": "Snake"})
zone = cf.zones.get()[0]["id"]
expect(cf.zones.access.groups.get(zone) == access.groups.get(account), "the zone's form")
expect(access.organizations.get(account)["auth_domain"], "organization")
expect(access.keys.get(account)["key_rotation_interval_days"] >= 21, "keys")
expect(isinstance(access.users.get(account), list), "users")
expect(isinstance(access.logs.access_requests.get(account), list), "logs")
print("the rest")
