#!/usr/bin/env python3
"""Reads a latency log with another implementation of HdrHistogram: PyPI `hdrhistogram`.

usage: read_hlog.py LOG [RESULT]

Prints JSON, tag -> {count, p50, p99, max}, times in milliseconds, merged over all lines of a tag. With RESULT (a
result.json) it also compares every series there with the log and exits 1, naming each difference, when they disagree. A
figure that the result leaves out is not compared.
"""

import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader


def read(path):
    """Merges the lines of each tag."""
    merged = {}
    reader = HistogramLogReader(path, HdrHistogram(1, 3_600_000_000, 3))
    while (line := reader.get_next_interval_histogram()) is not None:
        tag = line.get_tag()
        if tag not in merged:
            merged[tag] = HdrHistogram(1, 3_600_000_000, 3)
        merged[tag].add(line)
    reader.close()
    return {tag: figures(histogram) for tag, histogram in sorted(merged.items())}


def figures(histogram):
    return {
        "count": histogram.get_total_count(),
        "p50": histogram.get_value_at_percentile(50) / 1000,
        "p99": histogram.get_value_at_percentile(99) / 1000,
        "max": histogram.get_max_value() / 1000,
    }


def differences(log, result_path):
    with open(result_path, encoding="utf-8") as file:
        latency = json.load(file)["latency"]
    # A withheld series must not be in the log at all.
    given = {name: summary for name, summary in latency.items() if "withheld" not in summary}
    if set(given) != set(log):
        yield f"series: the result gives {sorted(given)}, the log has {sorted(log)}"
    for series in sorted(set(given) & set(log)):
        for figure, read_value in log[series].items():
            ours = given[series].get("count" if figure == "count" else figure + "_ms")
            if ours is not None and ours != read_value:
                yield f"{series}.{figure}: the result says {ours}, the log {read_value}"


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    log = read(arguments[0])
    print(json.dumps(log, indent=2))
    found = list(differences(log, arguments[1])) if len(arguments) == 2 else []
    for difference in found:
        print(difference, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
