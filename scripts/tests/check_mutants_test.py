"""Shows scripts/check_mutants.py refusing each thing that it must refuse, and nothing else."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_mutants

FILE = "harness/src/judge/a.rs"
VERDICT = "reports/src/result/verdict.rs"
EXCUSE = 'mutation = "replace > with >= in f"\nbecause = "a bound that nothing reaches"\n'


def mutant(line, summary, what="replace > with >= in f", file=FILE):
    return {"scenario": {"Mutant": {"name": f"{file}:{line}:7: {what}", "file": file}}, "summary": summary}


def caught(number):
    return [mutant(line, "CaughtMutant", "replace f with ()") for line in range(1000, 1000 + number)]


class CheckMutants(unittest.TestCase):
    def check(self, near, wide=None, excuses="", which="all"):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            (out / "judge-near.json").write_text(json.dumps({"outcomes": [{"scenario": "Baseline", "summary": "Success"}, *near]}))
            if wide is not None:
                (out / "judge-wide.json").write_text(json.dumps({"outcomes": wide}))
            (out / "excused.toml").write_text(excuses)
            with contextlib.redirect_stdout(io.StringIO()) as told:
                return check_mutants.main(str(out / "excused.toml"), which, str(out)), told.getvalue()

    def excuse(self, times=1, file=FILE):
        return f'[[survivor]]\nfile = "{file}"\ntimes = {times}\n{EXCUSE}'

    def test_mutants_that_are_noticed_or_do_not_build_are_fine(self):
        status, told = self.check([*caught(3), mutant(1, "Timeout"), mutant(2, "Unviable")])
        self.assertEqual(status, 0, told)
        self.assertIn("4 of 4 viable mutants noticed: 100.00 %", told)

    def test_the_wider_tests_have_the_last_word(self):
        self.assertEqual(self.check([*caught(3), mutant(1, "MissedMutant")], [mutant(1, "CaughtMutant")])[0], 0)

    def test_a_survivor_needs_an_excuse_however_many_are_noticed(self):
        near = [*caught(500), mutant(1, "MissedMutant")]
        status, told = self.check(near, [mutant(1, "MissedMutant")])
        self.assertEqual(status, 1)
        self.assertIn(f"not excused so often: {FILE}:1:7", told)
        self.assertEqual(self.check(near, excuses=self.excuse())[0], 0)

    def test_an_excuse_holds_for_as_many_as_it_says_wherever_they_stand(self):
        near = [*caught(500), mutant(1, "MissedMutant"), mutant(9, "MissedMutant")]
        self.assertEqual(self.check(near, excuses=self.excuse())[0], 1)
        self.assertEqual(self.check(near, excuses=self.excuse(2))[0], 0)
        self.assertEqual(self.check(near, excuses=self.excuse(3))[0], 1)

    def test_a_stale_excuse_is_refused_unless_its_file_was_not_tried(self):
        status, told = self.check(caught(3), excuses=self.excuse())
        self.assertEqual(status, 1)
        self.assertIn("excused 1 times and survived 0", told)
        other = self.excuse(file="harness/src/judge/b.rs")
        self.assertEqual(self.check(caught(3), excuses=other)[0], 1)
        self.assertEqual(self.check(caught(3), excuses=other, which="files")[0], 0)
        self.assertEqual(self.check(caught(3), excuses=other, which="groups")[0], 0)

    def test_excused_or_not_no_more_than_two_in_a_hundred_survive(self):
        self.assertEqual(self.check([*caught(49), mutant(1, "MissedMutant")], excuses=self.excuse())[0], 0)
        status, told = self.check([*caught(48), mutant(1, "MissedMutant")], excuses=self.excuse())
        self.assertEqual(status, 1)
        self.assertIn("less than 98 %", told)
        few = [mutant(1, "MissedMutant"), *caught(1)]
        self.assertEqual(self.check(few, excuses=self.excuse(), which="files")[0], 0)
        self.assertEqual(self.check(few, excuses=self.excuse(), which="groups")[0], 1)

    def test_nothing_in_the_merging_of_verdicts_is_excused(self):
        near = [*caught(500), mutant(1, "MissedMutant", file=VERDICT)]
        status, told = self.check(near, excuses=self.excuse(file=VERDICT))
        self.assertEqual(status, 1)
        self.assertIn("merging of verdicts", told)

    def test_nothing_tried_is_no_success(self):
        self.assertEqual(self.check([mutant(1, "Unviable")])[0], 1)

    def test_an_excuse_without_a_reason_is_refused(self):
        with self.assertRaises(SystemExit):
            self.check(caught(1), excuses=self.excuse().replace("a bound that nothing reaches", " "))


if __name__ == "__main__":
    unittest.main()
