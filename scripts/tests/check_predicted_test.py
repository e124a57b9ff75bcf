"""What counts as foretold, in runs that somebody made up."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import check_predicted


def result(lost=10, refused=5, findings=(), checked=True):
    spans = {"planned": 1000, "lost_acknowledged": lost}
    told = {"lost": {"low": 10, "high": 20}, "refused": {"low": 5, "high": 5}}
    checks = [{"id": "prediction", "findings": list(findings)}] if checked else []
    return {"prediction": told, "ledger": {"spans": spans}, "checks": checks}, refused


class Problems(unittest.TestCase):
    def test_a_count_in_its_range_is_as_foretold(self):
        for lost in (10, 20):
            self.assertEqual(check_predicted.problems(*result(lost)), [])

    def test_a_count_beyond_its_range_is_not(self):
        for lost in (9, 21):
            self.assertEqual(check_predicted.problems(*result(lost)), ["lost not as foretold"])
        for refused in (4, 6):
            self.assertEqual(check_predicted.problems(*result(refused=refused)), ["refused not as foretold"])

    def test_the_judge_must_have_compared_and_found_nothing(self):
        self.assertEqual(check_predicted.problems(*result(checked=False)), ["not compared by the judge"])
        found = [{"message": "3 came out"}]
        self.assertEqual(check_predicted.problems(*result(findings=found)), ["the judge: 3 came out"])

    def test_what_cannot_fail_shows_nothing(self):
        run, refused = result()
        run["prediction"]["lost"]["high"] = 1000
        self.assertIn("this shows nothing", check_predicted.problems(run, refused)[0])
        run, refused = result(lost=0)
        run["prediction"]["lost"]["low"] = 0
        self.assertIn("this shows nothing", check_predicted.problems(run, refused)[0])


if __name__ == "__main__":
    unittest.main()
