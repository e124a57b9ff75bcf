"""Shows scripts/check_hlog.py passing on an equal pair of files and failing on every kind of difference."""
import contextlib
import io
import json
import random
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_hlog
from hdrh.histogram import HdrHistogram

SERIES = ("intended_to_acknowledged", "intended_to_delivered")


def write_run(folder):
    """A run of three seconds whose result is what the log says."""
    random.seed(7)
    lines, latency = ["#[Histogram log format version 1.3]"], {}
    for name in SERIES:
        total = HdrHistogram(1, 3_600_000_000, 3)
        for second in range(3):
            interval = HdrHistogram(1, 3_600_000_000, 3)
            for _ in range(200):
                interval.record_value(int(random.lognormvariate(8, 1)))
            blob = interval.encode().decode()
            lines.append(f"Tag={name},{second}.000,1.000,{interval.get_max_value() / 1e6},{blob}")
            total.add(interval)
        latency[name] = {"count": total.get_total_count()}
        latency[name] |= {figure: read(total) / 1000 for figure, read in check_hlog.FIGURES.items()}
    (folder / "latency.hlog").write_text("\n".join(lines) + "\n")
    return latency


class CheckHlog(unittest.TestCase):
    def check(self, change=lambda latency: None):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            latency = write_run(folder)
            change(latency)
            (folder / "result.json").write_text(json.dumps({"latency": latency}))
            with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(told):
                return check_hlog.check(folder), told.getvalue()

    def test_equal_figures_pass(self):
        self.assertEqual(self.check()[0], 0)

    def test_one_microsecond_in_any_figure_is_found(self):
        for figure in check_hlog.FIGURES:
            def change(latency):
                latency[SERIES[1]][figure] += 0.001
            with self.subTest(figure):
                status, told = self.check(change)
                self.assertEqual(status, 1)
                self.assertIn(f"{SERIES[1]}: {figure}", told)

    def test_one_sample_too_many_is_found(self):
        def change(latency):
            latency[SERIES[0]]["count"] += 1
        status, told = self.check(change)
        self.assertEqual(status, 1)
        self.assertIn("count is 601 in the result, 600 in the log", told)

    def test_a_series_in_one_place_only_is_found(self):
        status, told = self.check(lambda latency: latency.pop(SERIES[0]))
        self.assertEqual(status, 1)
        self.assertIn("only in the log", told)

    def test_a_figure_left_out_without_a_reason_is_found(self):
        self.assertEqual(self.check(lambda latency: latency[SERIES[0]].pop("p99_ms"))[0], 1)

    def test_a_withheld_series_must_not_be_in_the_log(self):
        def change(latency):
            latency[SERIES[0]] = {"count": 600, "withheld": "the driver was the limit"}
        status, told = self.check(change)
        self.assertEqual(status, 1)
        self.assertIn("only in the log", told)

    def test_a_withheld_series_that_is_not_in_the_log_passes(self):
        def change(latency):
            latency["actual_to_acknowledged"] = {"count": 600, "withheld": "the driver was the limit"}
        self.assertEqual(self.check(change)[0], 0)

    def test_a_missing_log_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(check_hlog.check(Path(name)), 2)


if __name__ == "__main__":
    unittest.main()
