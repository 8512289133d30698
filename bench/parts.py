"""What is measured beside the request itself: each part takes the Bench and answers figures (name, value, unit,
budget), in the order in which they are printed."""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def node():
    for candidate in sorted((ROOT / "tests" / "node_modules").glob("node-linux-*/bin/node")):
        return str(candidate)
    return "node"


def engine(bench):
    """Row 3: evaluate as the configuration grows; Cedar on the same policies, whatever it shows."""
    mine = json.loads(subprocess.run(["taskset", "-c", "0", bench.binaries / "bench_engine"], capture_output=True,
                                     text=True, check=True).stdout)
    cedar = json.loads(subprocess.run(["taskset", "-c", "0", node(), ROOT / "bench" / "cedar.mjs"], capture_output=True,
                                      text=True, check=True).stdout)
    return [
        ("evaluate_10000_applications", mine["evaluate_10000_ns"], "ns", "at most 1000"),
        ("evaluate_10000_vs_10_applications", mine["evaluate_10000_ns"] / mine["evaluate_10_ns"], "ratio", "at most 1.2"),
        ("evaluate_10000_applications_in_random_order", mine["evaluate_spread_ns"], "ns", ""),
        ("locate_10000_vs_10_applications", mine["locate_10000_ns"] / mine["locate_10_ns"], "ratio", ""),
        ("compile_10000_applications", mine["compile_10000_ms"], "ms", ""),
        ("snapshot_10000_applications", mine["snapshot_10000_bytes"] / 1e6, "MB", ""),
        ("change_of_one_in_10000_applications", mine["change_10000_ms"], "ms", ""),
        ("change_of_a_group_10000_applications", mine["change_group_10000_ms"], "ms", ""),
        ("change_of_what_40_applications_need", mine["change_needs_10000_ms"], "ms", ""),
        ("check_of_a_group_10000_applications", mine["edit_group_10000_ms"], "ms", ""),
        ("refusal_of_a_removal_10000_applications", mine["refuse_removal_10000_ms"], "ms", ""),
        ("cedar_wasm_authorize", cedar["authorize_ns"], "ns", ""),
        ("cedar_wasm_vs_evaluate", cedar["authorize_ns"] / mine["evaluate_10_ns"], "ratio", ""),
    ]


def flood(bench, plain, checked):
    """Last row: requests without a session are answered by the workers alone, and leave nothing behind."""
    state = bench.run / "state" / "data.mdb"
    before = (state.stat().st_size, state.stat().st_mtime_ns)
    ratios, rss = [], [checked.rss_bytes()]
    for _ in range(7):
        base = bench.load(plain, 0.7)
        ratios.append(bench.load(checked, 0.7, "anonymous")["throughput"] / base["throughput"])
        rss.append(checked.rss_bytes())
    untouched = (state.stat().st_size, state.stat().st_mtime_ns) == before
    return [
        ("flood_refused_vs_plain_throughput", statistics.median(ratios), "ratio", ""),
        ("flood_worker_memory_growth", (rss[-1] - rss[1]) / 1e6, "MB", "0: no state is created"),
        ("flood_node_state_untouched", 1 if untouched else 0, "boolean", "1"),
    ]


def memory(bench, filling=900_000, requests=1_000_000):
    """A worker whose caches have been filled, and a million more tokens that nobody has sent before; then reloads."""
    print("memory: signing 140,000 tokens", flush=True)
    tokens = bench.make_state("memory_state", 1000, 140_000)
    server = bench.checked("memory", "memory_state")
    samples = []
    step = requests // 10
    for part in range((filling + requests) // step):
        begin = part * (step // 7) % len(tokens)
        bench.load(server, 0, f"distinct={step}", tokens=tokens[begin:] + tokens[:begin])
        samples.append(server.rss_bytes())
        print(f"memory: {(part + 1) * step} tokens, {samples[-1] / 1e6:.0f} MB", flush=True)
    filled = samples[filling // step - 1:]
    master = server.process.pid
    after_reload = []
    for _ in range(10):
        old = server.worker
        os.kill(master, signal.SIGHUP)
        for _ in range(200):
            if server.worker != old and not pathlib.Path(f"/proc/{old}").exists():
                break
            time.sleep(0.05)
        bench.load(server, 0.3, tokens=tokens[:64])
        after_reload.append((server.rss_bytes(master), server.rss_bytes()))
    return [
        ("worker_memory_after_100000_tokens", samples[0] / 1e6, "MB", ""),
        ("worker_memory_with_full_caches", filled[0] / 1e6, "MB", ""),
        ("worker_memory_after_1000000_more", filled[-1] / 1e6, "MB", ""),
        ("worker_memory_highest", max(samples) / 1e6, "MB", ""),
        ("worker_memory_growth_over_1000000_tokens", filled[-1] / filled[0], "ratio", "flat: about 1"),
        ("master_memory_growth_over_10_reloads", after_reload[-1][0] / after_reload[0][0], "ratio", "flat: about 1"),
        ("worker_memory_growth_over_10_reloads", after_reload[-1][1] / after_reload[0][1], "ratio", "flat: about 1"),
    ]


def gateway(bench, program):
    """What bench/changes or bench/api measures on a whole gateway: {name: [milliseconds, ...]}."""
    out = subprocess.run([ROOT / "bench" / program, "--build", bench.binaries.parent], capture_output=True, text=True)
    if out.returncode != 0:
        raise SystemExit(out.stdout + out.stderr)
    return json.loads(out.stdout.strip().splitlines()[-1])


def changes(bench):
    """Rows 4 and 5: how long until a change counts, and until an open stream ends."""
    figures = []
    for name, values in gateway(bench, "changes").items():
        budget = "at most 1000" if name.startswith("stream") else "at most 100"
        figures.append((f"{name}_median", statistics.median(values), "ms", ""))
        figures.append((f"{name}_worst", max(values), "ms", budget))
    return figures


def api(bench):
    """The administration API of a gateway with 10,000 applications and 100,000 users."""
    budgets = {"api_list_page": "at most 50", "api_write": "at most 20", "api_published": "at most 100"}
    figures = []
    for name, values in gateway(bench, "api").items():
        budget = next((budget for prefix, budget in budgets.items() if name.startswith(prefix)), "")
        if len(values) > 1:
            figures.append((f"{name}_median", statistics.median(values), "ms", budget))
        figures.append((f"{name}_worst" if len(values) > 1 else name, max(values), "ms", ""))
    return figures
