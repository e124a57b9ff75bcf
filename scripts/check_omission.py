#!/usr/bin/env python3
"""Coordinated omission: a target stalls 1 s in every 10 s, and percentiles must be those of arithmetic.

Requests come at a constant rate over four whole periods, so a tenth of them falls into a stall, evenly spread: of these, one
that comes x seconds before the stall's end waits x. The hundredth part of all that waits longest is a tenth of the stalled, so
p99 is 0.9 s; p99.9 is 0.99 s. To the backend each takes 50 ms more (planted), which is then p50: far more than machinery adds.

A client that waits for each answer before it sends the next must be off by more than ten times, or the stall proved nothing.

usage: check_omission.py SPANPROOF STOP_AND_WAIT     the second is harness/examples/stop_and_wait.rs, built
"""
import json
import subprocess
import sys
import tempfile

SECONDS = 40
REQUESTS_A_SECOND = 200
SPANS_A_REQUEST = 50
STALL = "stall=1s/10s"
HELD_MS = 50
TOLERANCE = 0.05
# Milliseconds by series and percentile.
EXPECTED = {
    "intended_to_acknowledged": {"p99_ms": 900, "p999_ms": 990},
    "intended_to_delivered": {"p50_ms": HELD_MS, "p99_ms": 900 + HELD_MS, "p999_ms": 990 + HELD_MS},
}


def main():
    spanproof, foil = sys.argv[1:]
    print("| from | percentile | arithmetic, ms | measured, ms | off by |\n|---|---|---|---|---|")
    wrong = []
    latency = ours(spanproof)
    for series, percentiles in EXPECTED.items():
        for name, expected in percentiles.items():
            measured = latency[series].get(name)
            if measured is None:
                sys.exit(f"{series} has no {name}: {latency[series].get('withheld')}")
            off = measured / expected - 1
            print(f"| spanproof, {series} | {name} | {expected} | {measured:.1f} | {off:+.1%} |")
            if abs(off) > TOLERANCE:
                wrong.append(f"{series} {name} is off by {off:+.1%}")
    measured = stop_and_wait(foil)
    for name, expected in EXPECTED["intended_to_acknowledged"].items():
        off = expected / measured[name]
        print(f"| stop and wait, acknowledged | {name} | {expected} | {measured[name]:.1f} | {off:.0f} times |")
        if off <= 10:
            wrong.append(f"stop and wait is off by {off:.1f} times at {name}")
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


def ours(spanproof):
    with tempfile.TemporaryDirectory() as out:
        command = [
            spanproof, "run", "throughput", "--quiet", "--format", "json", "--out", out, "--duration", f"{SECONDS}s",
            "--rate", str(REQUESTS_A_SECOND * SPANS_A_REQUEST), "--set", f"traffic.batch.spans={SPANS_A_REQUEST}",
            "--set", "run.warmup=0s", "--plant", STALL, "--plant", f"deliver-late={HELD_MS}ms,every=1",
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=SECONDS + 60)
        result = json.loads(done.stdout)
    assert result["verdict"] == "pass", result["verdict"]
    assert result["ledger"]["spans"]["delivered"] == SECONDS * REQUESTS_A_SECOND * SPANS_A_REQUEST
    return result["latency"]


def stop_and_wait(foil):
    command = [foil, str(SECONDS), str(REQUESTS_A_SECOND), STALL]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=SECONDS + 60)
    figures = json.loads(done.stdout)
    # It stalled at all: some request waited for most of a second.
    assert figures["max_ms"] > 800, figures
    return figures


if __name__ == "__main__":
    main()
