"""Shows scripts/check_many.py raising an alarm for a run that is no pass, and for a killed run that is judged one."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_many

RESULT = {"verdict": "pass", "ledger": {"spans": {"delivered": 60_000, "planned": 60_000}, "strata": {"normal": 10}}}

JUNIT = """<testsuites name="spanproof" tests="2" skipped="0" failures="0" errors="0">
    <testsuite name="quickstart" tests="2" skipped="0" errors="0" failures="0">
        <testcase name="delivery" classname="spanproof.checks"/>
        <testcase name="integrity" classname="spanproof.checks">{}</testcase>
    </testsuite>
</testsuites>"""

# What each artefact of a run that passed says, in its own way.
GREEN = {
    "result.json": json.dumps(RESULT, indent=2),
    "summary.md": "## PASS  7 checks and limits held",
    "report.html": "<h1>PASS</h1>",
    "junit.xml": JUNIT.format(""),
    "events.ndjson": '{"at_seconds":3.0,"kind":"verdict","fields":{"verdict":"pass"}}',
}
RED = {
    "result.json": [json.dumps({"verdict": verdict, "checks": [{"verdict": "pass"}]}, indent=2) for verdict in ["fail", "inconclusive"]],
    "summary.md": ["## FAIL  1 of 7 checks and limits"],
    "report.html": ["<h1>INCONCLUSIVE</h1>"],
    "junit.xml": [JUNIT.format(f'<{what} message="lost"/>') for what in ["failure", "error"]] + ["<testsuites/>"],
    "events.ndjson": ['{"at_seconds":3.0,"kind":"verdict","fields":{"verdict":"fail"}}'],
}

# A stand-in for spanproof. `run` writes evidence and result, as slowly as told, its first run so much more slowly, and ends as told;
# `judge` says what it is told to say of evidence that is broken and of evidence that is whole.
STAND_IN = """#!{python}
import sys, time
from pathlib import Path
if sys.argv[1] == "judge":
    out = Path(sys.argv[2])
    whole = (out / "evidence/manifest.json").exists() and not (out / "evidence/unfinished").exists()
    if whole and {whole} == 0:
        (out / "result.json").write_text('''{result}''')
    sys.exit({whole} if whole else {broken} if out.is_dir() else 2)
out = Path(sys.argv[sys.argv.index("--out") + 1])
ran = Path(__file__).with_suffix(".ran")
writing, ending = ({writing}, {ending}) if ran.exists() else ({writing} + {first}, 0)
ran.touch()
(out / "evidence").mkdir(parents=True)
(out / "evidence/unfinished").touch()
time.sleep({loading})
(out / "evidence/plan.json").touch()
time.sleep(writing)
(out / "evidence/manifest.json").touch()
result = out / ".result.json.1.tmp"
result.write_text('''{result}''')
if {early!r}:
    (out / {early!r}).write_text('''{early_text}''')
time.sleep(writing)
(out / "evidence/unfinished").unlink()
result.rename(out / "result.json")
time.sleep(ending)
sys.exit({ended})
"""


def stand_in(folder, result=RESULT, ended=0, loading=0, writing=0, ending=0, first=0, broken=3, whole=0, early=""):
    """Makes one; as it is, everything goes well and at once. `early` names what says pass before the evidence is whole."""
    binary = Path(folder) / "spanproof"
    binary.write_text(STAND_IN.format(python=sys.executable, result=json.dumps(result), ended=ended, loading=loading, writing=writing,
                                      ending=ending, first=first, broken=broken, whole=whole, early=early, early_text=GREEN.get(early)))
    binary.chmod(0o755)
    return str(binary)


class CheckMany(unittest.TestCase):
    def check(self, *arguments, **how):
        """Its status and what it tells."""
        what, *rest = arguments
        with tempfile.TemporaryDirectory() as folder:
            binary = stand_in(folder, **how)
            with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(told):
                return check_many.main(what, binary, *rest), told.getvalue()

    def clean(self, spans="50000", **how):
        return self.check("clean", "4", "2", spans, **how)

    def killed(self, points="4", seed="1", **how):
        return self.check("killed", points, seed, **how)

    def test_clean_runs_that_pass_are_counted(self):
        status, told = self.clean()
        self.assertEqual(status, 0)
        self.assertIn("4 of 4 clean runs passed, 240,000 spans", told)

    def test_an_inconclusive_run_is_an_alarm(self):
        self.assertEqual(self.clean(ended=3)[0], 1)

    def test_a_run_without_an_anomaly_is_an_alarm(self):
        lacking = {"ledger": {**RESULT["ledger"], "strata": {"normal": 10, "new_root": 0}}}
        status, told = self.clean(result=lacking)
        self.assertEqual(status, 1)
        self.assertIn("no traces of ['new_root']", told)

    def test_as_many_spans_are_delivered_as_asked_for_and_all_that_were_planned(self):
        self.assertEqual(self.clean(spans="60000")[0], 0)
        for spans, delivered in [("60001", 60_000), ("50000", 59_999), ("50000", 60_001)]:
            counts = {"delivered": delivered, "planned": 60_000}
            status, told = self.clean(spans=spans, result={"ledger": {**RESULT["ledger"], "spans": counts}})
            self.assertEqual(status, 1, told)
            self.assertIn(f"seed 4: {delivered} delivered of 60000 planned spans, {spans} or more expected", told)

    def test_killed_runs_that_are_judged_as_they_must_be_are_fine(self):
        status, told = self.killed(points="8", loading=0.4, writing=0.3)
        self.assertEqual(status, 0, told)
        self.assertIn("seed 1\n", told)
        self.assertIn("8 of 8 runs killed before the evidence was final, 4 of them while they wrote", told)
        in_time = [line for line in told.splitlines() if ": killed before the evidence was final, exit " in line]
        for what, runs in [("the start", 4), ("the first file of the evidence", 2), ("the first file of the results", 2)]:
            self.assertEqual(sum(f" s from {what}: " in line for line in in_time), runs, told)

    def test_moments_are_drawn_until_enough_runs_were_killed_in_time(self):
        # The first run is so much slower that most moments come too late for the others.
        status, told = self.killed(points="2", loading=0.2, writing=0.1, first=0.2, ending=9)
        self.assertEqual(status, 0, told)
        self.assertIn("2 of 2 runs killed before the evidence was final, 1 of them while they wrote", told)
        later = told.count(": killed later, exit 0 of a result that says pass\n")
        self.assertGreater(later, 0, told)
        self.assertIn(f"besides these {later} killed later, 0 ended before its moment; 0 left", told)

    def test_too_few_runs_killed_in_time_are_told_after_a_bounded_number_of_draws(self):
        for ending, word in [(9, "killed later, exit 0 of a result that says pass"), (0, "ended before its moment")]:
            with unittest.mock.patch.object(check_many, "DRAWS_MAX", 2):
                status, told = self.killed(points="2", first=0.6, loading=0.1, ending=ending)
            self.assertEqual(status, 1, told)
            self.assertRegex(told, "only [01] of 2 in 4 draws")
            self.assertGreaterEqual(told.count(f": {word}\n"), 3, told)

    def test_a_seed_is_drawn_and_told(self):
        first, second = (self.killed(points="0", seed="drawn")[1].splitlines()[0] for _ in range(2))
        self.assertNotEqual(first, second)
        self.assertRegex(first, r"^seed \d+$")

    def test_a_killed_run_that_is_judged_a_pass_is_found(self):
        for code in [0, 1, 2]:
            status, told = self.killed(points="2", loading=0.3, writing=0.1, broken=code)
            self.assertEqual(status, 1)
            self.assertIn(f"exit {code} WRONG", told)

    def test_a_verdict_beside_the_mark_of_an_unfinished_run_is_found(self):
        for early in ["result.json", "junit.xml"]:
            status, told = self.killed(loading=0.1, writing=0.2, early=early)
            self.assertEqual(status, 1)
            self.assertIn(f"['{early}'] say pass WRONG", told)

    def test_every_artefact_that_says_pass_is_recognised_and_no_other(self):
        self.assertLessEqual(set(check_many.RESULTS), set(GREEN))
        with tempfile.TemporaryDirectory() as folder:
            for name, green in GREEN.items():
                path = Path(folder) / name
                for text, says_pass in [(green, True), *((red, False) for red in RED[name])]:
                    path.write_text(text)
                    self.assertEqual(check_many.says_pass(path), says_pass, text)
            path = Path(folder) / "junit.xml"
            path.write_text(JUNIT.format("<skipped/>"))
            self.assertTrue(check_many.says_pass(path), "what is skipped is green to whoever reads it")

    def test_a_result_that_stood_and_is_judged_otherwise_is_found(self):
        status, told = self.killed(points="2", loading=0.2, writing=0.1, first=0.2, ending=9, whole=3)
        self.assertEqual(status, 1)
        self.assertIn("killed later, exit 3 of a result that says pass WRONG", told)
        self.assertIn("2 of 2 runs killed before", told)

    def test_a_pass_made_of_whole_evidence_must_account_for_every_span(self):
        lacking = {"verdict": "pass", "ledger": {"spans": {"delivered": 59_999, "planned": 60_000}}}
        for result, right in [(RESULT, True), (lacking, False)]:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run"
                (out / "evidence").mkdir(parents=True)
                (out / "evidence/manifest.json").touch()
                judged = check_many.judged(stand_in(folder, result=result), out)
                self.assertEqual(judged, ("exit 0 of whole evidence", right))

    def test_a_run_that_fails_without_being_killed_tests_nothing(self):
        self.assertEqual(self.killed(ended=1)[0], 1)


if __name__ == "__main__":
    unittest.main()
