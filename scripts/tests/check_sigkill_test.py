"""Shows scripts/check_sigkill.py finding an orphan, and passing where the child dies with its parent."""
import contextlib
import io
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_sigkill

LEAVES_AN_ORPHAN = ["bash", "-c", "sleep 60 & wait"]
# PR_SET_PDEATHSIG is 1: the kernel kills the child when its parent goes.
TAKES_IT_ALONG = [sys.executable, "-c", """
import ctypes, subprocess
subprocess.run(["sleep", "60"], preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9))
"""]


@unittest.skipUnless(sys.platform == "linux", "reads /proc")
class CheckSigkill(unittest.TestCase):
    def check(self, command):
        with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(told):
            return check_sigkill.main(command), told.getvalue()

    def setUp(self):
        steady, gone = check_sigkill.STEADY_SECONDS, check_sigkill.GONE_SECONDS
        self.addCleanup(lambda: (setattr(check_sigkill, "STEADY_SECONDS", steady),
                                 setattr(check_sigkill, "GONE_SECONDS", gone)))
        check_sigkill.STEADY_SECONDS, check_sigkill.GONE_SECONDS = 0.2, 1

    def test_an_orphan_is_found_and_ended(self):
        status, told = self.check(LEAVES_AN_ORPHAN)
        self.assertEqual(status, 1)
        self.assertIn("still alive", told)

    def test_a_child_that_dies_with_its_parent_passes(self):
        self.assertEqual(self.check(TAKES_IT_ALONG)[0], 0)

    def test_a_run_that_starts_nothing_proves_nothing(self):
        status, told = self.check(["true"])
        self.assertEqual(status, 1)
        self.assertIn("started no process", told)


if __name__ == "__main__":
    unittest.main()
