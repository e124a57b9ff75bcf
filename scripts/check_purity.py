"""Checks what parts of the harness must never touch. Clippy can forbid types for a whole crate only; these are folders.

The judge, the reading and explaining of collector configurations and forecasts work on evidence, text and numbers, the search for the
smallest failing run on trials that others make, and what a conformance run plans and concludes on what its cases saw: no runtime,
network, files, environment or clock. The embedded collector is the
control that catches mistakes of the generators, so neither it nor the reader of JSON that it borrows from the sink shares code with them.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EFFECTS = r"\b(?:tokio|std::(?:net|fs|env|process)|Instant|SystemTime|UNIX_EPOCH|rustix|jiff)\b"
# A folder or file below the root, with what its code must not name.
RULES = {
    "harness/src/judge": EFFECTS,
    "harness/src/judge.rs": EFFECTS,
    "harness/src/collector_config": EFFECTS,
    "harness/src/collector_config.rs": EFFECTS,
    "harness/src/explain": EFFECTS,
    "harness/src/explain.rs": EFFECTS,
    "harness/src/shrink/search": EFFECTS,
    "harness/src/shrink/search.rs": EFFECTS,
    "harness/src/shrink/failure.rs": EFFECTS,
    "harness/src/shrink/loss.rs": EFFECTS,
    "harness/src/predict": EFFECTS,
    "harness/src/predict.rs": EFFECTS,
    "harness/src/conformance/axes.rs": EFFECTS,
    "harness/src/conformance/book.rs": EFFECTS,
    "harness/src/conformance/grade.rs": EFFECTS,
    "harness/src/conformance/judged.rs": EFFECTS,
    "harness/src/conformance/not_yet.rs": EFFECTS,
    "harness/src/conformance/page.rs": EFFECTS,
    "harness/src/conformance/plan.rs": EFFECTS,
    "harness/src/embedded": r"\bspanproof_generators\b",
    "harness/src/embedded.rs": r"\bspanproof_generators\b",
    "harness/src/wire/server/json": r"\bspanproof_generators\b",
    "harness/src/wire/server/json.rs": r"\bspanproof_generators\b",
}
TESTS = re.compile(r"^\s*#\[cfg\(test\)\]")


def main(root=ROOT):
    problems = []
    files = 0
    for place, forbidden in RULES.items():
        found = files_of(root / place)
        if not found:
            problems.append(f"{place}: there is nothing to check; has it moved?")
        files += len(found)
        problems += [problem for file in found for problem in check(root, file, re.compile(forbidden))]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{files} files, {len(problems)} problems")
    return 1 if problems else 0


def files_of(place):
    """The files of a module, its tests left out: they may do what they like."""
    files = [place] if place.is_file() else sorted(place.rglob("*.rs"))
    return [file for file in files if file.name != "tests.rs" and "tests" not in file.relative_to(place).parts[:-1]]


def check(root, file, forbidden):
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if TESTS.match(line):
            return  # by custom the last part of a file
        code = line.split("//", 1)[0]
        if match := forbidden.search(code):
            yield f"{file.relative_to(root)}:{number}: names {match.group()}, which this part must never touch"


if __name__ == "__main__":
    sys.exit(main())
