"""Says what became of the mutants that scripts/mutants tried, and whether that is enough.

usage: check_mutants.py EXCUSED TRIED OUT

OUT holds what cargo-mutants wrote of each stage, as GROUP-near.json and GROUP-wide.json: what the nearest tests did not notice, the wider
ones may have. EXCUSED is the list of survivors that no test could notice, each with its reason. TRIED is `all` files, whole `groups` of them,
or some `files`: excuses for files that were not tried are left alone then, and of some files no share is asked.
Exit 0: enough are noticed, every survivor is excused, none is in the merging of verdicts, and no excuse is stale; 1: not so.
"""
import json
import re
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

SHARE_MIN = 0.98
NOTICED = {"CaughtMutant", "Timeout"}
SURVIVED = "MissedMutant"
# Where verdicts become one, a survivor has no excuse: the file, and the function unless it is the whole file.
MERGING = [
    ("reports/src/result/verdict.rs", ""),
    ("reports/src/result.rs", "merged_verdict"),
    ("harness/src/judge/checks.rs", "conclude"),
]


def main(excused, which, out):
    mutants = read(Path(out))
    excuses = read_excuses(Path(excused))
    table(mutants)
    tried = {file for file, _ in mutants}
    if which != "all":
        excuses = {key: times for key, times in excuses.items() if key[0] in tried}
    problems = [*share_problems(mutants, 0 if which == "files" else SHARE_MIN), *survivor_problems(mutants, excuses)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def read(out):
    """What became of each mutant, by its file and by its name with line and column; the later stage has the last word."""
    mutants = {}
    paths = [*sorted(out.glob("*-near.json")), *sorted(out.glob("*-wide.json"))]
    for path in paths:
        for outcome in json.loads(path.read_text())["outcomes"]:
            if outcome["scenario"] != "Baseline":
                mutant = outcome["scenario"]["Mutant"]
                mutants[mutant["file"], mutant["name"]] = outcome["summary"]
    return mutants


def read_excuses(path):
    """How often each mutation of each file may survive. Named without its line, so that code above it may grow."""
    excuses = Counter()
    for survivor in tomllib.loads(path.read_text()).get("survivor", []):
        if not survivor["because"].strip():
            sys.exit(f"{path}: no reason for {survivor['mutation']}")
        excuses[survivor["file"], survivor["mutation"]] += survivor.get("times", 1)
    return excuses


def mutation(name):
    """`harness/src/a.rs:3:5: replace x with y in f` without its place."""
    return re.sub(r"^[^:]*:\d+:\d+: ", "", name)


def table(mutants):
    """Totals, for each file and for all."""
    files = defaultdict(Counter)
    for (file, _), summary in mutants.items():
        files[file][summary] += 1
        files["all"][summary] += 1
    print(f"{'':46} {'viable':>7} {'caught':>7} {'timeout':>8} {'missed':>7}")
    for file in sorted(files, key=lambda file: (file == "all", file)):
        counts = files[file]
        caught, timeout, missed = counts["CaughtMutant"], counts["Timeout"], counts[SURVIVED]
        print(f"{file:46} {caught + timeout + missed:7} {caught:7} {timeout:8} {missed:7}")


def share_problems(mutants, share_min):
    summaries = Counter(mutants.values())
    noticed = sum(summaries[summary] for summary in NOTICED)
    viable = noticed + summaries[SURVIVED]
    if viable == 0:
        yield "no viable mutant was tried"
        return
    print(f"{noticed:,} of {viable:,} viable mutants noticed: {100 * noticed / viable:.2f} %")
    if noticed < share_min * viable:
        yield f"that is less than {100 * share_min:.0f} %"


def survivor_problems(mutants, excuses):
    survivors = defaultdict(list)
    for (file, name), summary in mutants.items():
        if summary == SURVIVED:
            survivors[file, mutation(name)].append(name)
    for (file, what), names in survivors.items():
        if any(file == merging and in_function(what, function) for merging, function in MERGING):
            yield f"survives in the merging of verdicts, where none may: {', '.join(names)}"
        elif len(names) > excuses.get((file, what), 0):
            yield f"survives, and is not excused so often: {', '.join(names)}"
    for (file, what), times in excuses.items():
        found = len(survivors.get((file, what), []))
        if found < times:
            yield f"excused {times} times and survived {found}: {file}: {what}"


def in_function(what, function):
    return not function or re.search(rf"\b{function}\b", what) is not None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 4 else __doc__)
