#!/usr/bin/env python3
"""Whether what is foretold of an outage that is longer than the retry budget is what comes of it, with a real collector.

Every run has a seed of its own, and with it other traffic, other pauses and another forecast. In each of them the spans that were acknowledged
and lost, and those that a full queue refused, must be as many as was foretold before anything was sent. Outages:

  defaults  nothing is set at the exporter: a queue of 1,000 requests, 10 of them sent at once, retries for 5 min, pauses that are random
            by half. The backend is gone for 5 min 30 s
  short     drills/backend-down, retries for 5 s; the backend is gone for 20 s

usage: check_predicted.py SPANPROOF COLLECTOR [RUNS [JOBS [OUTAGE...]]]     20 runs of each, 5 at once
Exit 0: all were as foretold; 1: one was not.
"""
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RUN_SECONDS = 900  # no run here takes so long unless it hangs

# A minute of settling is enough: when the load ends the backend is well again, and the longest pause is 45 s.
DEFAULTS = """
scenario: 1
name: predicted-defaults
about: The backend is gone for longer than the collector's retry budget, with nothing set at the exporter.
collector:
  config_inline: |
    receivers: { otlp: { protocols: { grpc: { endpoint: "${env:SPANPROOF_RECEIVER_GRPC}" } } } }
    exporters: { otlp_grpc: { endpoint: "${env:SPANPROOF_SINK_GRPC}", tls: { insecure: true } } }
    extensions: { health_check: { endpoint: "${env:SPANPROOF_HEALTH}" } }
    service:
      extensions: [health_check]
      pipelines: { traces: { receivers: [otlp], exporters: [otlp_grpc] } }
      telemetry:
        metrics:
          readers:
            - pull:
                exporter:
                  prometheus: { host: "${env:SPANPROOF_TELEMETRY_HOST}", port: "${env:SPANPROOF_TELEMETRY_PORT}" }
  guarantee: memory
traffic:
  workload: { shop: { pool_size: 1024 } }
  rate: 100 spans/s
  arrivals: poisson
  batch: { spans: 512, timeout: 5s }
run: { duration: 345s, late_after: 5s, settle: 60s }
faults:
  - { name: backend-down, at: 5s, for: 330s, fault: { grpc_status: { code: UNAVAILABLE } } }
"""
SHORT = ["--rate", "500", "--duration", "28s", "--set", "faults[0].at=5s", "--set", "faults[0].for=20s",
         "--set", "collector.env.RETRY_FOR=5s", "--set", "collector.env.CONSUMERS=10", "--set", "collector.env.QUEUE=200",
         "--set", "limits=[spans.corrupted == 0]"]
OUTAGES = ["defaults", "short"]


def main():
    spanproof, collector, *more = sys.argv[1:]
    runs, jobs = (int(more[0]) if more else 20), (int(more[1]) if more[1:] else 5)
    outages = more[2:] or OUTAGES
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for outage in outages:
            arguments = [spanproof, "run", *arguments_of(outage, Path(folder)), "--target", f"process:{collector}"]
            print(f"{outage}\n{'seed':>4}  {'lost: foretold':>18} {'counted':>8}  {'refused: foretold':>18} {'counted':>8}", flush=True)
            with ThreadPoolExecutor(jobs) as pool:
                one = lambda seed: run(arguments, seed, Path(folder) / f"{outage}-{seed}")
                results = pool.map(one, range(1, runs + 1))
                right = sum(tell(seed, result) for seed, result in enumerate(results, 1))
            print(f"{outage}: {right} of {runs} runs as foretold", flush=True)
            good = good and right == runs > 0
    return 0 if good else 1


def arguments_of(outage, folder):
    if outage == "short":
        return ["drills/backend-down", *SHORT]
    scenario = folder / "defaults.yaml"
    scenario.write_text(DEFAULTS)
    return [str(scenario)]


def run(arguments, seed, out):
    """The result of one run, or what it said instead."""
    command = [*arguments, "--seed", str(seed), "--quiet", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    try:
        return json.loads((out / "result.json").read_text())
    except (OSError, ValueError):
        return f"exit {done.returncode}, no result\n{done.stdout}\n{done.stderr}"


def tell(seed, result):
    """Prints a run, and gives whether it was as foretold."""
    if isinstance(result, str):
        print(f"{seed:>4}  {result}")
        return False
    told, spans = result.get("prediction"), result["ledger"]["spans"]
    if not told:
        print(f"{seed:>4}  nothing was foretold: {result.get('prediction_unknown')}")
        return False
    refused = spans["refused"] + spans["unknown"] - spans["recovered"] - spans["refused_delivered"]
    wrong = problems(result, refused)
    figures = f"{range_of(told['lost']):>18} {spans['lost_acknowledged']:>8}  {range_of(told['refused']):>18} {refused:>8}"
    print(f"{seed:>4}  {figures}  {'; '.join(wrong)}".rstrip(), flush=True)
    return not wrong


def problems(result, refused):
    """What is not as foretold, or cannot show it."""
    told, spans = result["prediction"], result["ledger"]["spans"]
    wrong = [f"{name} not as foretold" for name, count in [("lost", spans["lost_acknowledged"]), ("refused", refused)]
             if not told[name]["low"] <= count <= told[name]["high"]]
    check = next((check for check in result["checks"] if check["id"] == "prediction"), None)
    if check is None:
        wrong.append("not compared by the judge")
    elif check["findings"]:
        wrong.append(f"the judge: {check['findings'][0]['message']}")
    if spans["lost_acknowledged"] == 0 or told["lost"]["high"] >= spans["planned"]:
        wrong.append("nothing lost, or a range that holds everything: this shows nothing")
    return wrong


def range_of(told):
    return f"{told['low']:,} to {told['high']:,}"


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) > 2 else __doc__)
