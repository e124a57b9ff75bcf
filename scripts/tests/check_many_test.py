"""Shows scripts/check_many.py raising an alarm for a run that is no pass, and for a killed run that is judged one."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_many

RESULT = {"ledger": {"spans": {"delivered": 60_000, "planned": 60_000}, "strata": {"normal": 10}}}

# A stand-in for spanproof: `run` writes a result and ends as told, after as long as told; `judge` exits as told.
STAND_IN = """#!{python}
import sys, time
from pathlib import Path
if sys.argv[1] == "judge":
    sys.exit({judged})
out = Path(sys.argv[sys.argv.index("--out") + 1])
out.mkdir()
time.sleep({seconds})
(out / "result.json").write_text('''{result}''')
sys.exit({ended})
"""


class CheckMany(unittest.TestCase):
    def check(self, what, number, result=RESULT, ended=0, seconds=0, judged=3):
        with tempfile.TemporaryDirectory() as folder:
            binary = Path(folder) / "spanproof"
            text = STAND_IN.format(python=sys.executable, judged=judged, seconds=seconds, result=json.dumps(result),
                                   ended=ended)
            binary.write_text(text)
            binary.chmod(0o755)
            with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(told):
                return check_many.main(what, str(binary), "4", number), told.getvalue()

    def test_clean_runs_that_pass_are_counted(self):
        status, told = self.check("clean", "2")
        self.assertEqual(status, 0)
        self.assertIn("4 of 4 clean runs passed, 240,000 spans", told)

    def test_an_inconclusive_run_is_an_alarm(self):
        self.assertEqual(self.check("clean", "2", ended=3)[0], 1)

    def test_a_run_too_small_or_without_an_anomaly_is_an_alarm(self):
        small = {"ledger": {"spans": {"delivered": 10, "planned": 10}, "strata": {"normal": 10}}}
        self.assertEqual(self.check("clean", "2", result=small)[0], 1)
        lacking = {"ledger": {**RESULT["ledger"], "strata": {"normal": 10, "new_root": 0}}}
        self.assertEqual(self.check("clean", "2", result=lacking)[0], 1)

    def test_killed_runs_that_are_judged_inconclusive_are_fine(self):
        status, told = self.check("killed", "1", seconds=1.5)
        self.assertEqual(status, 0, told)

    def test_a_killed_run_that_is_judged_a_pass_is_found(self):
        self.assertEqual(self.check("killed", "1", seconds=1.5, judged=0)[0], 1)
        self.assertEqual(self.check("killed", "1", seconds=1.5, judged=1)[0], 1)


if __name__ == "__main__":
    unittest.main()
