#!/usr/bin/env python3
"""Prints what the benchmarks measured as a Markdown table: medians of the samples with their range, and multiples of prost.

usage: scripts/bench_medians.py CRITERION_DIRECTORY

Criterion itself prints a slope or a mean, whichever fits how it sampled. What this reads are the samples that it keeps.
"""
import json
import statistics
import sys
from pathlib import Path


def main():
    measured = {}
    for folder in sorted(Path(sys.argv[1]).glob("**/new")):
        name, paces = paces_of(folder)
        measured[name] = paces
    if not measured:
        sys.exit(f"nothing was measured in {sys.argv[1]}")
    print("| benchmark | M elements per CPU second, median | least | most | times prost |\n|---|---|---|---|---|")
    for name, paces in measured.items():
        print(row(name, paces, measured.get(f"{name.rpartition('/')[0]}/prost")))


def paces_of(folder):
    """The name of a benchmark, and for each sample its million elements a second."""
    read = {part: json.loads((folder / f"{part}.json").read_text()) for part in ("benchmark", "sample")}
    elements, sample = read["benchmark"]["throughput"]["Elements"], read["sample"]
    return read["benchmark"]["full_id"], [
        elements * count / nanoseconds * 1e3 for count, nanoseconds in zip(sample["iters"], sample["times"])
    ]


def row(name, paces, prost):
    median = statistics.median(paces)
    multiple = f"{median / statistics.median(prost):.1f}" if prost else ""
    return f"| {name} | {median:.2f} | {min(paces):.2f} | {max(paces):.2f} | {multiple} |"


if __name__ == "__main__":
    main()
