#!/usr/bin/env python3
"""Whether a real collector samples as its configuration says, trace by trace: every case of harness/tests/data/sampled.json.

Each case is a run of a web shop's traffic through the collector with these processors, in which every trace must be kept or dropped as
the judge expects from the configuration, and whole. Rates are held against their bounds. Prints a table.

usage: check_sampling.py SPANPROOF COLLECTOR [--traces N] [--rate N] [--jobs N] [CASE...]
       100,000 traces each at 2,000 a second, some 20,000 spans, one after another; CASE is part of a name
Exit 0: all were as expected; 1: one was not; 2: no such case.
"""
import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RUN_SECONDS = 900  # no run here takes so long unless it hangs
SAMPLED = Path(__file__).resolve().parent.parent / "harness/tests/data/sampled.json"

# Of more than this nothing may be claimed in a case that says nothing of it: the machine may stand still for a moment.
OPEN_PERCENT = 1

COLUMNS = "{:<44} {:>8} {:>8} {:>8} {:>6} {:>6} {:>8} {:>8} {:>7} {:>8}"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("spanproof")
    parser.add_argument("collector")
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*")
    asked = parser.parse_intermixed_args()
    sampled = json.loads(SAMPLED.read_text())
    cases = [case for case in sampled["cases"]
             if not asked.cases or any(part in case["name"] for part in asked.cases)]
    if not cases:
        print(f"no case is named so: {', '.join(asked.cases)}", file=sys.stderr)
        return 2
    print(COLUMNS.format("case", "traces", "kept", "dropped", "wrong", "split", "limited", "either", "unknown", "judged"), flush=True)
    good = True
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        numbered = [(Path(asked.keep or folder) / str(number), case) for number, case in enumerate(cases)]
        for line, wrong in pool.map(lambda each: run(sampled, asked, *each), numbered):
            print(line, *wrong, sep="\n    ", flush=True)
            good = good and not wrong
    print("all as expected" if good else "NOT all as expected")
    return 0 if good else 1


def run(sampled, asked, folder, case):
    """A line of the table, and what is not as expected."""
    folder.mkdir(parents=True)
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps(scenario_of(sampled, case, asked.traces, asked.rate), indent=1))
    out = folder / "out"
    command = [asked.spanproof, "run", str(scenario), "--target", f"process:{asked.collector}", "--quiet", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    try:
        result = json.loads((out / "result.json").read_text())
    except (OSError, ValueError):
        return case["name"], [f"exit {done.returncode}, no result", done.stdout, done.stderr]
    if "sampling" not in result:
        return case["name"], ["no trace was judged"]
    began = time.monotonic()
    again = subprocess.run([asked.spanproof, "judge", str(out)], capture_output=True, timeout=RUN_SECONDS, check=False)
    judged = time.monotonic() - began
    wrong = [] if again.returncode == done.returncode else [f"judged again, it ended with {again.returncode}, not {done.returncode}"]
    return line_of(case, result, judged), problems(case, result, asked.traces) + wrong


def scenario_of(sampled, case, traces, rate):
    """The run of a case as a scenario."""
    scenario, configuration = copy.deepcopy(sampled["scenario"]), copy.deepcopy(sampled["configuration"])
    processors = case.get("processors") or [{"tail_sampling": sampled["tail_sampling"] | case.get("settings", {}) | {"policies": case["policies"]}}]
    configuration["processors"] = {name: settings for processor in processors for name, settings in processor.items()}
    configuration["service"]["pipelines"]["traces"]["processors"] = list(configuration["processors"])
    scenario["collector"]["config_inline"] = json.dumps(configuration)
    scenario["traffic"] |= {"rate": f"{rate} traces/s", "workload": {"shop": {"pool_size": 4096}}}
    scenario["traffic"] |= {"packing": case["packing"]} if "packing" in case else {}
    scenario["run"]["duration"] = f"{traces / rate:.3f}s"
    return scenario


def line_of(case, result, judged):
    """The case's line of the table."""
    traces = result["sampling"]["traces"]
    wrong = traces["kept_wrongly"] + traces["dropped_wrongly"]
    rules = result["sampling"]["rules"]
    kept, dropped = (sum(rule[word] for rule in rules) for word in ["kept", "dropped"])
    return COLUMNS.format(case["name"], kept + dropped + traces["split"], kept, dropped, wrong, traces["split"], traces["limited"],
                          traces["either"], traces["unknown"], f"{judged:.1f}")


def problems(case, result, traces):
    """What is not as expected, or shows nothing."""
    found, rules = result["sampling"]["traces"], result["sampling"]["rules"]
    wrong = [f"{finding['level']}: {finding['message']}" + "".join(f"\n      {example['text']}" for example in finding.get("examples", [])[:2])
             for check in result["checks"] for finding in check["findings"]
             if finding["level"] == "failure" or finding["level"] == "inconclusive" and finding["id"] not in excused(case)]
    wrong += [f"limit {limit['limit']}: {limit['verdict']}" for limit in result["limits"] if limit["verdict"] == "fail"]
    judged = sum(found[word] for word in ["kept", "dropped", "limited", "either", "kept_wrongly", "dropped_wrongly", "split", "unknown"])
    if judged < traces:
        wrong.append(f"{judged} traces were judged, not {traces}")
    open_percent, why = case.get("open", [OPEN_PERCENT, ""])
    unclaimed = found["unknown"] + found["either"] + (0 if case.get("limited") else found["limited"])
    if unclaimed * 100 > open_percent * judged:
        wrong.append(f"of {unclaimed} traces nothing is claimed ({why or 'which ought to be none'}): "
                     f"{json.dumps(result['sampling'].get('unknown', []))}")
    kept, dropped = (sum(rule[word] for rule in rules) for word in ["kept", "dropped"])
    if not case.get("whole") and (kept == 0 or dropped == 0):
        wrong.append(f"{kept} kept and {dropped} dropped: this shows nothing")
    return wrong


def excused(case):
    """Findings that leave a verdict open, and are right here."""
    unclaimed = ["fate-unknown"] if "open" in case else []
    return ["changed-by-design", "harness-was-the-limit", *unclaimed]


if __name__ == "__main__":
    sys.exit(main())
