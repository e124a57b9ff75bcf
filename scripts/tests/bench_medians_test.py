"""What the benchmarks measured is printed as medians, and as multiples of prost where prost did the same work."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "bench_medians.py"


def keep(root, name, iters, times):
    folder = root / name / "new"
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text(json.dumps({"full_id": name, "throughput": {"Elements": 1000}}))
    (folder / "sample.json").write_text(json.dumps({"iters": iters, "times": times}))


def printed(root):
    return subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True, check=False)


class Medians(unittest.TestCase):
    def test_a_median_is_of_the_samples_and_not_of_their_sum(self):
        with tempfile.TemporaryDirectory() as root:
            keep(Path(root), "g/ready", [1, 2, 1], [100_000, 400_000, 1_000_000])
            keep(Path(root), "g/prost", [1, 1, 1], [1_000_000, 1_000_000, 2_000_000])
            told = printed(root).stdout.splitlines()
        self.assertEqual(told[2:], ["| g/prost | 1.00 | 0.50 | 1.00 | 1.0 |", "| g/ready | 5.00 | 1.00 | 10.00 | 5.0 |"])

    def test_nothing_measured_is_a_failure(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertNotEqual(printed(root).returncode, 0)


if __name__ == "__main__":
    unittest.main()
