#!/usr/bin/env python3
"""break_invariants.py [NAME...]: breaks each invariant of docs/ARCHITECTURE.md on purpose, in a copy of the
tree, and sees its unit test fail. Exit 0: every break was noticed.

A break that no longer fits the code is an error too: it has to be written anew with the code.
"""
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "broken"

# name, file, what stands there, what breaks it, the test program that must fail
BREAKS = [
    ("1-judged-is-forwarded", "src/decision/snapshot.cc", "if (!agreed) return kAmbiguous;", "(void)agreed;", "decision_test"),
    ("2-spelling-of-headers", "src/enforcement/identity_headers.cc", "alphanumeric ? character : '-'", "character", "enforcement_test"),
    ("3-state-grows-too-old", "src/enforcement/point.cc",
     "if (now - *heartbeat > snapshot_->node_state_max_age()) return Reason::NodeStateTooOld;", "", "enforcement_test"),
    ("3-evidence-ages", "src/selectors/device_posture/device_posture.cc", 
     "if (posture->established_at < now - rule.max_evidence_age) return undecided(Reason::PostureStale);", "", "selectors_test"),
    ("4-audience", "src/enforcement/point.cc", "if (entry->application != &application) {", "if (false) {", "enforcement_test"),
    ("4-binding-cookie", "src/enforcement/point.cc",
     "!is_bound(*entry, view(credentials.binding))) {", "false) {", "enforcement_test"),
    ("4-contexts-that-renew-themselves", "src/controlplane/session.cc",
     "expires_at = std::min(expires_at, other.expires_at);", "(void)other.expires_at;", "adapters_access_test"),
    ("4-revocation", "src/enforcement/point.cc", "if (is_revoked(*entry, application)) {", "if (false) {", "enforcement_test"),
    ("1-streams-are-asked-again", "src/adapters/nginx/core.cc",
     "    return outcome.decision.effect == decision::Effect::Allow ||\n",
     "    return true || outcome.decision.effect == decision::Effect::Allow ||\n", "adapters_nginx_test"),
    ("1-certificate-of-another-host", "src/decision/snapshot.cc", "if (all.empty()) return nullptr;",
     "if (all.empty()) return nullptr;\n  if (!host.empty()) return all.begin()->second.get();",
     "adapters_nginx_test"),
    ("1-purpose-is-asked-for", "src/decision/engine.cc", "return !policy.purpose_justification_required ||",
     "return policy.purpose_justification_required || !policy.purpose_justification_required ||", "decision_test"),
    ("1-preflight-bypass-is-a-choice", "src/decision/engine.cc", "if (evidence.cors_preflight && application.options_preflight_bypass)",
     "if (evidence.cors_preflight)", "decision_test"),
    ("3-evaluation-that-is-missing", "src/selectors/external_evaluation/external_evaluation.cc",
     "if (found == held.end()) return {Truth::Indeterminate, Reason::EvaluationMissing};",
     "if (found == held.end()) return decision::kTrue;", "selectors_test"),
    ("4-code-works-once", "src/controlplane/session.cc", '"code/" + text("i")', '"code/" + random_hex(16)', "adapters_access_test"),
    ("4-bound-to-the-browser", "src/controlplane/transaction.cc",
     'if (!constant_time_equal(json::find_string(object, "b").value_or(""),\n'
     '                           context.browser_hash(browser)) ||\n',
     "if (context.browser_hash(browser).empty() ||\n", "adapters_access_test"),
    ("4-redirects-stay", "src/controlplane/journey.cc", "|| !is_local_path(destination))", ")", "adapters_access_test"),
    ("5-secrets-out-of-the-store", "src/controlplane/publication.cc",
     "  policy::erase_secrets(complete, secrets);\n", "  static_cast<void>(secrets);\n", "controlplane_test"),
    ("5-hashes-in-the-audit", "src/controlplane/publication.cc",
     'event.details["after"] = for_audit(after);', 'event.details["after"] = after.body;', "controlplane_test"),
    ("6-refusals-are-recorded", "src/controlplane/sign_in.cc",
     "{audit_event::kRefusal, identity.email, journey.application->id, code,", "{\"nothing\", identity.email, journey.application->id, code,", "adapters_access_test"),
    ("7-problems-change-nothing", "src/configuration/file.cc", "if (!problems.empty()) {", "if (false) {", "configuration_test"),
    ("7-another-node-was-faster", "src/controlplane/publication.cc", "if (!stored->applied) {", "if (false) {", "controlplane_test"),
    ("8-roles-and-scopes", "src/adapters/admin_api/admin_api.cc",
     "if (!controlplane::may(call.token, operation->family, operation->access == Access::Write)) {", "if (false) {", "adapters_admin_api_test"),
    ("8-tokens-end", "src/controlplane/api_token.cc", "if (token.expires_at && now >= *token.expires_at) return std::nullopt;", "", "controlplane_test"),
    ("8-another-account", "src/adapters/admin_api/admin_api.cc", "if (place && place->id != *account) {", "if (false) {", "adapters_admin_api_test"),
    ("3-a-change-chains-on", "src/policy/snapshot_change.cc", "if (after != before.sequence()) {", "if (false) {", "policy_test"),
]


def run(command):
    return subprocess.run(command, cwd=COPY, capture_output=True, text=True)


def main():
    wanted = sys.argv[1:]
    COPY.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {name for name in files.split("\0") if name and (ROOT / name).exists()}
    for name in names:
        target = COPY / name
        # Only what differs, and as of now: an older time would leave what an earlier run broke in the objects.
        if target.exists() and target.read_bytes() == (ROOT / name).read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for path in (COPY / "src").rglob("*"):
        if path.is_file() and str(path.relative_to(COPY)) not in names:
            path.unlink()
    if not (COPY / "build/asan/build.ninja").exists():
        configured = run(["cmake", "--preset", "asan"])
        if configured.returncode != 0:
            sys.exit(configured.stderr[-2000:])
    unnoticed = []
    for name, file, sound, broken, test in BREAKS:
        if wanted and name not in wanted:
            continue
        path = COPY / file
        text = path.read_text()
        if text.count(sound) != 1:
            sys.exit(f"{name}: `{sound}` stands {text.count(sound)} times in {file}")
        path.write_text(text.replace(sound, broken))
        built = run(["cmake", "--build", "build/asan", "--target", test])
        if built.returncode != 0:
            sys.exit(f"{name}: does not build:\n{built.stdout[-3000:]}")
        program = next((COPY / "build/asan").rglob(test))
        outcome = run([str(program)])
        # A sanitizer ends the program in the test that ran last; a failed one is named at the end.
        marks = [line.split()[3] for line in outcome.stdout.splitlines()
                 if line.startswith("[ RUN      ]") or (line.startswith("[  FAILED  ]") and "(" in line)]
        failed = [line.split()[3] for line in outcome.stdout.splitlines() if line.startswith("[  FAILED  ]") and "(" in line]
        noticed = (failed or marks[-1:]) if outcome.returncode != 0 else []
        print(f"{name}: {'noticed by ' + noticed[0] if noticed else 'NOT NOTICED by ' + test}", flush=True)
        if not noticed:
            unnoticed.append(name)
        path.write_text(text)
    print(f"{len(unnoticed)} of the breaks went unnoticed")
    return 1 if unnoticed else 0


sys.exit(main())
