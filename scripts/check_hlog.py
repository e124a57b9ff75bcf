"""Reads `latency.hlog` with PyPI's hdrhistogram and compares every series with `result.json`.

The log has one histogram a second and series, tagged with the series' name, in microseconds; `result.json` has one
summary a series, in milliseconds. A series that the result withholds must not be in the log either; a single figure
that the result leaves out because too few samples stand behind it is not compared.
"""
import json
import sys
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3
FIGURES = {
    "p50_ms": lambda series: series.get_value_at_percentile(50),
    "p90_ms": lambda series: series.get_value_at_percentile(90),
    "p99_ms": lambda series: series.get_value_at_percentile(99),
    "p999_ms": lambda series: series.get_value_at_percentile(99.9),
    "max_ms": lambda series: series.get_max_value(),
}
# These must be there once a series has samples enough for them; a check that compares nothing proves nothing.
REQUIRED = ("p50_ms", "p99_ms", "max_ms")
SAMPLES_ENOUGH = 299


def main(folders):
    if not folders:
        print("usage: scripts/check-hlog DIR...", file=sys.stderr)
        return 2
    return max(check(Path(folder)) for folder in folders)


def check(folder):
    try:
        summaries = json.loads((folder / "result.json").read_text())["latency"]
        logged = read_log(folder / "latency.hlog")
    except (OSError, ValueError, KeyError) as error:
        print(f"check-hlog: {folder}: cannot be read: {error!r}", file=sys.stderr)
        return 2
    problems = compare(summaries, logged)
    for problem in problems:
        print(f"check-hlog: {folder}: {problem}", file=sys.stderr)
    if not problems:
        told = ", ".join(f"{name} {series.get_total_count():,}" for name, series in sorted(logged.items()))
        print(f"check-hlog: {folder}: {told}; every figure equal")
    return 1 if problems else 0


def read_log(path):
    """One histogram for each tag: the sum of its intervals."""
    sums = {}
    reader = HistogramLogReader(str(path), HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS))
    try:
        while (interval := reader.get_next_interval_histogram()) is not None:
            name = interval.get_tag() or ""
            if name not in sums:
                sums[name] = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
            sums[name].add(interval)
    finally:
        reader.close()
    return sums


def compare(summaries, logged):
    """Every difference as one line."""
    problems = []
    if not logged:
        problems.append("the log holds no histogram")
    given = {name: summary for name, summary in summaries.items() if not summary.get("withheld")}
    for name in sorted(set(given) ^ set(logged)):
        problems.append(f"{name}: only in {'the result' if name in given else 'the log'}")
    for name in sorted(set(given) & set(logged)):
        problems += [f"{name}: {words}" for words in compare_series(given[name], logged[name])]
    return problems


def compare_series(summary, series):
    count = series.get_total_count()
    if summary["count"] != count:
        yield f"count is {summary['count']:,} in the result, {count:,} in the log"
    for figure, read in FIGURES.items():
        stated = summary.get(figure)
        if stated is None:
            if figure in REQUIRED and count >= SAMPLES_ENOUGH:
                yield f"{figure} is absent from the result although {count:,} samples stand behind it"
            continue
        if round(stated * 1000) != (us := read(series)):
            yield f"{figure} is {stated} in the result, {us / 1000} in the log"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
