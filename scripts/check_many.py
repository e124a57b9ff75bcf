"""Runs the same thing many times and holds every single run to what it must be.

usage: check_many.py clean SPANPROOF RUNS JOBS [ARGUMENT...]   clean runs of quickstart with the seeds 1 to RUNS, JOBS at once: each exits
                                                               with 0 (inconclusive counts as an alarm)
       check_many.py killed SPANPROOF POINTS SEED [ARGUMENT...] SIGKILL at POINTS random moments of a run: what is left is never judged a
                                                               pass, by `judge` or by any file in it
Exit 0: all were as they must be; 1: one was not.
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RUN_SECONDS = 300  # no run here takes so long unless it hangs
SPANS_MIN = 50_000


def main(what, spanproof, count, number, *arguments):
    checks = {"clean": clean, "killed": killed}
    return checks[what](spanproof, int(count), int(number), list(arguments))


def clean(spanproof, runs, jobs, arguments):
    """Every run passes, and what it accounts for is large enough to mean something."""
    def one(seed):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            command = [spanproof, "run", "quickstart", "--quiet", "--seed", str(seed), "--out", str(out), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
            if done.returncode != 0:
                return 0, f"seed {seed}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
            result = json.loads((out / "result.json").read_text())
            spans, strata = result["ledger"]["spans"], result["ledger"]["strata"]
            absent = [name for name, traces in strata.items() if traces == 0]
            if spans["delivered"] < SPANS_MIN or absent:
                return 0, f"seed {seed}: only {spans['delivered']} spans, or no traces of {absent}"
            return spans["delivered"], None

    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(one, range(1, runs + 1)))
    alarms = [alarm for _, alarm in outcomes if alarm]
    for alarm in alarms:
        print(alarm, file=sys.stderr)
    spans = [delivered for delivered, alarm in outcomes if not alarm]
    print(f"{len(spans)} of {runs} clean runs passed, {sum(spans):,} spans, {min(spans, default=0):,} in the smallest")
    return 1 if alarms else 0


def killed(spanproof, points, seed, arguments):
    """A run that was killed leaves nothing that anybody could take for a pass."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        whole = subprocess.run(command_of(spanproof, Path(folder) / "whole", arguments), capture_output=True,
                               timeout=RUN_SECONDS, check=False)
        lasts = time.monotonic() - started
        if whole.returncode != 0:
            print(f"a run that nobody kills ends with {whole.returncode}: nothing was tested", file=sys.stderr)
            return 1
        verdicts = []
        for point in range(points):
            moment = chance.uniform(0, 0.95 * lasts)
            verdicts.append(kill_at(spanproof, Path(folder) / str(point), arguments, moment))
    caught = sum(verdict != "ended" for verdict in verdicts)
    print(f"killed {caught} of {points} runs of {lasts:.1f} s while they lasted: {', '.join(verdicts)}")
    return 1 if "PASS" in verdicts or caught < points * 3 // 4 else 0


def kill_at(spanproof, out, arguments, moment):
    run = subprocess.Popen(command_of(spanproof, out, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.wait(moment)
        return "ended"  # before its moment came, as a run that is faster than the first one may
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    judged = subprocess.run([spanproof, "judge", str(out)], capture_output=True, timeout=RUN_SECONDS, check=False)
    if judged.returncode == 0 and not whole_result(out):
        return "PASS"
    if judged.returncode not in (0, 2, 3):
        return "PASS"  # it said that something failed, which nothing shows either
    if judged.returncode == 2 and any(path.is_file() for path in out.rglob("*")):
        return "PASS"  # it took for a mistake of ours what a run had left
    if judged.returncode != 0 and any(says_pass(path) for path in out.glob("*") if path.is_file()):
        return "PASS"
    return f"exit {judged.returncode}"


def whole_result(out):
    """Whether the evidence was complete, every span of the plan accounted for: then the kill came after the run's end."""
    try:
        spans = json.loads((out / "result.json").read_text())["ledger"]["spans"]
    except (OSError, ValueError):
        return False
    return spans["delivered"] == spans["planned"] > 0


def says_pass(path):
    text = path.read_text(errors="replace")
    return '"verdict": "pass"' in text or "PASS" in text


def command_of(spanproof, out, arguments):
    return [spanproof, "run", "quickstart", "--quiet", "--out", str(out), *arguments]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 4 else __doc__)
