"""Shows scripts/test naming what is missing before it does anything."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BASH = shutil.which("bash")


class Needs(unittest.TestCase):
    def run_with(self, *programs, arguments, variables=None):
        """Bash where PATH has these programs alone, none of which does anything, and `dirname`."""
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(shutil.which("dirname"), f"{folder}/dirname")
            for program in programs:
                os.symlink(shutil.which("true"), f"{folder}/{program}")
            environment = {"PATH": folder, "HOME": folder, **(variables or {})}
            return subprocess.run([BASH, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True,
                                  timeout=60)

    def missing(self, *programs, variables=None):
        """The programs named as missing."""
        ended = self.run_with(*programs, arguments=["-c", "set -eu; source scripts/needs.sh; missing_needs"],
                              variables=variables)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        return [line.split(":")[0].strip() for line in ended.stdout.splitlines()]

    def test_each_program_is_missed_and_no_other(self):
        needed = ["cargo", "cc", "python3", "go"]
        self.assertEqual(self.missing(), needed)
        self.assertEqual(self.missing(*needed), [])
        for one in needed:
            self.assertEqual(self.missing(*(other for other in needed if other != one)), [one])

    def test_go_is_not_asked_for_where_there_is_a_collector(self):
        self.assertEqual(self.missing("cargo", "cc", "python3", variables={"SPANPROOF_OTELCOL": "/somewhere"}), [])

    def test_the_test_command_says_so_in_words_and_ends_with_2(self):
        for arguments in [[], ["--list"], ["docs"]]:
            ended = self.run_with("cc", "go", arguments=["scripts/test", *arguments])
            self.assertEqual((ended.returncode, ended.stdout), (2, ""), ended.stderr)
            self.assertIn("it needs Rust, a C compiler, Go and Python 3", ended.stderr)
            self.assertIn("cargo: install Rust", ended.stderr)
            self.assertIn("python3: install", ended.stderr)
            for word in ["command not found", "Traceback", "  cc:", "  go:"]:
                self.assertNotIn(word, ended.stderr)

    def test_without_user_namespaces_it_is_said_what_becomes_of_the_tests_that_take_them(self):
        for variables, words in [({}, "are skipped"), ({"CI": "true"}, "will fail")]:
            ended = self.run_with(arguments=["-c", "source scripts/needs.sh; may_mount || what_without_mounts"],
                                  variables=variables)
            self.assertIn(words, ended.stdout)


if __name__ == "__main__":
    unittest.main()
