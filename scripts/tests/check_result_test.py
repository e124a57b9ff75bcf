"""Shows scripts/check_result.py telling true claims from false ones."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_result

RESULT = {"verdict": "pass", "ledger": {"spans": {"sent": 1_000_000, "corrupted": 0}}, "driver": {"achieved_ratio": 0.997}}


class CheckResult(unittest.TestCase):
    def check(self, *claims):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "result.json").write_text(json.dumps(RESULT))
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                return check_result.main(folder, *claims)

    def test_true_claims_hold(self):
        claims = ("verdict == pass", "ledger.spans.sent >= 1000000", "driver.achieved_ratio > 0.995", "verdict != fail")
        self.assertEqual(self.check(*claims), 0)

    def test_one_false_claim_among_true_ones_fails(self):
        self.assertEqual(self.check("verdict == pass", "ledger.spans.corrupted > 0"), 1)

    def test_a_path_that_leads_nowhere_fails(self):
        self.assertEqual(self.check("ledger.spans.lost == 0"), 1)
        self.assertEqual(self.check("verdict.spans == 0"), 1)

    def test_a_missing_result_cannot_be_read(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(check_result.main("/nonexistent", "verdict == pass"), 2)


if __name__ == "__main__":
    unittest.main()
