"""Runs the same thing many times and holds every single run to what it must be.

usage: check_many.py clean SPANPROOF RUNS JOBS SPANS [ARGUMENT...]
           clean runs of quickstart with the seeds 1 to RUNS, JOBS at once: each exits with 0 (inconclusive counts as an alarm), and delivers
           every span that it planned, SPANS or more
       check_many.py killed SPANPROOF POINTS SEED [ARGUMENT...]
           SIGKILL at random moments of runs, until POINTS runs were killed before manifest and mark of their evidence were final, half of
           them while they wrote evidence and results; SEED is a number, or `drawn`. What these leave is never judged a pass, by `judge`
           (exit 2 or 3) or by any file in it. A run that was killed later than that counts for none of them: what it leaves may be judged a
           pass if it is one, and a result that stood there is judged the same
Exit 0: all were as they must be; 1: one was not, or too few runs were killed in time.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RUN_SECONDS = 300  # no run here takes so long unless it hangs
DRAWS_MAX = 10  # moments drawn for each run that is to be killed in time; some come too late, since no two runs last equally long
LOOK_SECONDS = 0.001
RESULTS = ["result.json", "report.html", "junit.xml", "summary.md"]
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}

# When a killed run was killed: what may be made of it hangs on that.
BEFORE, LATER, ENDED = "killed before the evidence was final", "killed later", "ended before its moment"

# What moments are counted from. Half of them fall into the writing, where half a file or half a verdict could be left behind: moments
# drawn from all of a run hardly ever meet it.
START, EVIDENCE, RENDERING = "the start", "the first file of the evidence", "the first file of the results"
COUNTED_FROM = [START, EVIDENCE, START, RENDERING]
FINAL = "the evidence that is final"  # manifest and mark say so from here on, and a verdict may be made of it


def main(what, *arguments):
    return {"clean": clean, "killed": killed}[what](*arguments)


def clean(spanproof, runs, jobs, spans_min, *arguments):
    """Every run passes, and what it accounts for is large enough to mean something."""
    runs, spans_min = int(runs), int(spans_min)

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
            if not spans_min <= spans["delivered"] == spans["planned"] or absent:
                counts = f"{spans['delivered']} delivered of {spans['planned']} planned spans"
                return 0, f"seed {seed}: {counts}, {spans_min} or more expected; no traces of {absent}"
            return spans["delivered"], None

    with ThreadPoolExecutor(int(jobs)) as pool:
        outcomes = list(pool.map(one, range(1, runs + 1)))
    alarms = [alarm for _, alarm in outcomes if alarm]
    for alarm in alarms:
        print(alarm, file=sys.stderr)
    spans = [delivered for delivered, alarm in outcomes if not alarm]
    print(f"{len(spans)} of {runs} clean runs passed, {sum(spans):,} spans, {min(spans, default=0):,} in the smallest")
    return 1 if alarms else 0


def killed(spanproof, points, seed, *arguments):
    """A run that was killed leaves nothing that anybody could take for a pass."""
    points, seed = int(points), random.SystemRandom().randrange(1 << 32) if seed == "drawn" else int(seed)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        lasts, status = how_long(spanproof, Path(folder) / "whole", arguments)
        if status != 0:
            print(f"a run that nobody kills ends with {status}: nothing was tested", file=sys.stderr)
            return 1
        print("; ".join(f"{seconds:.3f} s from {what} to evidence that is final" for what, seconds in lasts.items()))
        tried = list(kills(spanproof, Path(folder), arguments, points, lasts, random.Random(seed)))
    before = [what for what, when, _ in tried if when == BEFORE]
    wrong = sum(not right for *_, right in tried)
    besides = ", ".join(f"{sum(other == when for _, other, _ in tried)} {when}" for when in (LATER, ENDED))
    print(f"{len(before)} of {points} runs {BEFORE}, {sum(what != START for what in before)} of them while they wrote")
    print(f"besides these {besides}; {wrong} left what is wrong")
    if len(before) < points:
        print(f"only {len(before)} of {points} in {len(tried)} draws", file=sys.stderr)
    return 1 if wrong or len(before) < points else 0


def kills(spanproof, folder, arguments, points, lasts, chance):
    """Kills runs until so many were killed in time, or the draws are used up: from where on, when, and whether what is left may be so."""
    before = 0
    for draw in range(points * DRAWS_MAX):
        if before == points:
            return
        # A moment that came too late is drawn again from where it was counted.
        what = COUNTED_FROM[before % len(COUNTED_FROM)]
        wait = chance.uniform(0, lasts[what])
        when, right, *words = kill_at(spanproof, folder / str(draw), arguments, what, wait)
        print(f"{wait:.4f} s from {what}: {', '.join([when, *words])}{'' if right else ' WRONG'}", flush=True)
        before += when == BEFORE
        yield what, when, right


def how_long(spanproof, out, arguments):
    """How long it takes a run that nobody kills from each of what moments are counted from until its evidence is final; how it ends."""
    run = start(spanproof, out, arguments)
    since = {what: wait_for(run, out, what) for what in [*dict.fromkeys(COUNTED_FROM), FINAL]}
    status = run.wait(RUN_SECONDS)
    if None in since.values():
        status = f"{status}, and without results"
    final = since.pop(FINAL)
    return {what: final - begun for what, begun in since.items() if begun and final}, status


def kill_at(spanproof, out, arguments, what, wait):
    """When a run is killed that is to be so long from there, whether what is made of what it leaves may be, and what that is, in words."""
    run = start(spanproof, out, arguments)
    try:
        wait_for(run, out, what)
        run.wait(wait)
        return ENDED, True
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    said, right = judged(spanproof, out)
    return LATER if is_final(out) else BEFORE, right, said


def start(spanproof, out, arguments):
    return subprocess.Popen(command_of(spanproof, out, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(run, out, what):
    """When that was first seen; `None` if the run ended without it."""
    deadline = time.monotonic() + RUN_SECONDS
    while not has_begun(out, what):
        if run.poll() is not None:
            # It may have written between the two looks.
            return time.monotonic() if has_begun(out, what) else None
        if time.monotonic() > deadline:
            run.kill()
            run.wait()
            raise TimeoutError(f"nothing of {what} after {RUN_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic()


def has_begun(out, what):
    """Files count from their temporary names on, but for what makes the evidence final."""
    if what == FINAL:
        return is_final(out)
    if what == EVIDENCE:
        return any("unfinished" not in name for name in names(out / "evidence"))
    return what == START or any(result in name for name in names(out) for result in RESULTS)


def is_final(out):
    return (out / "evidence/manifest.json").is_file() and not (out / "evidence/unfinished").exists()


def names(folder):
    return os.listdir(folder) if folder.is_dir() else []


def judged(spanproof, out):
    """What `judge` makes of what a killed run left, in words, and whether that may be."""
    final, result = is_final(out), read(out / "result.json")
    anything = any(path.is_file() for path in out.rglob("*"))
    told = [path.name for path in out.glob("*") if path.is_file() and not is_temporary(path) and says_pass(path)]
    command = [spanproof, "judge", str(out)]
    code = subprocess.run(command, capture_output=True, timeout=RUN_SECONDS, check=False).returncode
    if not final:
        # To have a directory judged in which there is nothing is a mistake of whoever does it.
        said = f"exit {code}, and {told} say pass" if told else f"exit {code}"
        return said, not told and code == (3 if anything else 2)
    if result is None:
        # The run had written its evidence and read it back: what was left to do is done again.
        return f"exit {code} of whole evidence", code == 3 or (code == 0 and all_delivered(out))
    verdict, same = json.loads(result)["verdict"], read(out / "result.json") == result
    said = f"exit {code} of a result that says {verdict}" + ("" if same else ", and it is another now")
    return said, same and code == EXIT_CODES[verdict]


def read(path):
    return path.read_bytes() if path.is_file() else None


def all_delivered(out):
    spans = json.loads((out / "result.json").read_text())["ledger"]["spans"]
    return spans["delivered"] == spans["planned"] > 0


def is_temporary(path):
    """What nothing reads, and the next run in the directory removes."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def says_pass(path):
    """Whether somebody who reads that file could take the run for one that passed: a person, a program, or a CI system."""
    text = path.read_text(errors="replace")
    if path.suffix == ".xml":
        # To a CI system everything is green that is not red, what was skipped included.
        return "<testcase" in text and "<failure" not in text and "<error" not in text
    # The run's own verdict stands before those of its checks.
    verdict = re.search(r'"verdict":\s*"(\w+)"', text)
    return "PASS" in text or (verdict is not None and verdict[1] == "pass")


def command_of(spanproof, out, arguments):
    return [spanproof, "run", "quickstart", "--quiet", "--out", str(out), *arguments]


if __name__ == "__main__":
    enough = len(sys.argv) > {"clean": 5, "killed": 4}.get("".join(sys.argv[1:2]), len(sys.argv))
    sys.exit(main(*sys.argv[1:]) if enough else __doc__)
