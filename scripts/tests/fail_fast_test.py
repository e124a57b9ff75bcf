"""What the runner of scripts/mutants makes of a test program."""
import subprocess
import sys
import time
import unittest
from pathlib import Path

FAIL_FAST = Path(__file__).parent.parent / "fail_fast.py"


def run(program):
    return subprocess.run([sys.executable, FAIL_FAST, sys.executable, "-c", program], capture_output=True, text=True, timeout=20)


class FailFast(unittest.TestCase):
    def test_a_program_whose_tests_pass_has_its_own_status_and_output(self):
        done = run("print('test a ... ok')")
        self.assertEqual((done.returncode, done.stdout), (0, "test a ... ok\n"))
        self.assertEqual(run("import sys; sys.exit(3)").returncode, 3)

    def test_the_first_failure_ends_it(self):
        begun = time.monotonic()
        done = run("import time; print('test a ... FAILED', flush=True); time.sleep(15)")
        self.assertEqual(done.returncode, 101)
        self.assertLess(time.monotonic() - begun, 10)

    def test_a_program_that_a_signal_ended_has_failed(self):
        self.assertEqual(run("import os; os.kill(os.getpid(), 6)").returncode, 101)


if __name__ == "__main__":
    unittest.main()
