"""What counts as sampled as configured, in runs that somebody made up."""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import check_sampling

NAMES = ["kept", "dropped", "limited", "either", "kept_wrongly", "dropped_wrongly", "split", "unknown"]


def result(findings=(), rules=({"kept": 10, "dropped": 90},), limits=(), **traces):
    counts = dict.fromkeys(NAMES, 0) | ({"kept": 10, "dropped": 90} | traces)
    return {"sampling": {"traces": counts, "rules": list(rules)}, "limits": list(limits), "checks": [{"findings": list(findings)}]}


def problems(found, traces=100, **case):
    return check_sampling.problems({"name": "case"} | case, found, traces)


class Problems(unittest.TestCase):
    def test_all_as_expected_is_no_problem(self):
        self.assertEqual(problems(result()), [])

    def test_a_failure_is_told_with_its_examples(self):
        finding = {"id": "split", "level": "failure", "message": "a part came out", "examples": [{"text": "1 of 2"}]}
        self.assertEqual(problems(result([finding])), ["failure: a part came out\n      1 of 2"])

    def test_what_is_open_is_a_problem_unless_it_is_right_in_this_case(self):
        unknown = {"id": "fate-unknown", "level": "inconclusive", "message": "cannot be told"}
        self.assertEqual(problems(result([unknown])), ["inconclusive: cannot be told"])
        self.assertEqual(problems(result([unknown]), open=[5, "why"]), [])
        written = {"id": "changed-by-design", "level": "inconclusive", "message": "it writes"}
        self.assertEqual(problems(result([written])), [])

    def test_a_limit_that_fails_is_told(self):
        self.assertEqual(problems(result(limits=[{"limit": "spans.duplicated == 0", "verdict": "fail"}])), ["limit spans.duplicated == 0: fail"])

    def test_traces_of_which_nothing_is_claimed_are_few(self):
        self.assertEqual(problems(result(dropped=89, unknown=1)), [])
        self.assertIn("of 2 traces nothing is claimed", problems(result(dropped=88, unknown=1, either=1))[0])
        self.assertIn("of 2 traces nothing is claimed", problems(result(dropped=88, limited=2))[0])
        self.assertEqual(problems(result(dropped=88, limited=2), limited=True), [])
        self.assertEqual(problems(result(dropped=88, unknown=2), open=[2, "why"]), [])

    def test_what_cannot_fail_shows_nothing(self):
        self.assertIn("were judged, not 200", problems(result(), traces=200)[0])
        all_kept = [{"kept": 100, "dropped": 0}]
        self.assertIn("this shows nothing", problems(result(rules=all_kept))[0])
        self.assertEqual(problems(result(rules=all_kept), whole=True), [])


class Scenarios(unittest.TestCase):
    def test_every_case_has_its_processors_in_its_one_pipeline(self):
        sampled = json.loads(check_sampling.SAMPLED.read_text())
        names = [case["name"] for case in sampled["cases"]]
        self.assertEqual(len(names), len(set(names)))
        for case in sampled["cases"]:
            scenario = check_sampling.scenario_of(sampled, case, 1000, 500)
            self.assertEqual(scenario["run"]["duration"], "2.000s")
            configuration = json.loads(scenario["collector"]["config_inline"])
            order = configuration["service"]["pipelines"]["traces"]["processors"]
            self.assertEqual(order, list(configuration["processors"]), case["name"])
        self.assertNotIn("processors", sampled["configuration"], "each case starts from the same")


if __name__ == "__main__":
    unittest.main()
