"""Shows scripts/check_purity.py finding what must not be there, and nothing else."""
import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_purity


class CheckPurity(unittest.TestCase):
    def check(self, **files):
        """Files by their path below harness/src, with `__` for a slash and without `.rs`."""
        with tempfile.TemporaryDirectory() as folder:
            for place in check_purity.RULES:
                self.write(Path(folder) / (place if place.endswith(".rs") else f"{place}/sound.rs"), "use std::fmt;\n")
            for name, text in files.items():
                self.write(Path(folder) / "harness/src" / (name.replace("__", "/") + ".rs"), text)
            said = io.StringIO()
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
                return check_purity.main(Path(folder)), said.getvalue()

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_sound_folders_pass(self):
        self.assertEqual(self.check(), (0, ""))

    def test_each_effect_is_found_in_each_pure_part(self):
        effects = ["use tokio::time;", "use std::net::SocketAddr;", "use std::time::{Duration, Instant};",
                   "    let now = std::time::SystemTime::now();", "use std::fs::File;", "use std::env;"]
        for effect in effects:
            for part in ["judge", "judge__checks__loss", "collector_config", "collector_config__yaml"]:
                status, said = self.check(**{part: f"//! A part.\n{effect}\n"})
                self.assertEqual(status, 1, (effect, part))
                self.assertIn(f"{part.replace('__', '/')}.rs:2: ", said)

    def test_the_control_shares_nothing_with_the_generators(self):
        self.assertEqual(self.check(embedded__queue="use spanproof_generators::walk;\n")[0], 1)
        self.assertEqual(self.check(embedded__queue="use tokio::net::TcpListener;\n")[0], 0)

    def test_words_and_tests_are_free(self):
        text = "/// An Instant without tokio.\nuse std::time::Duration;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n"
        self.assertEqual(self.check(judge__words=text, judge__tests="use std::fs;\n"), (0, ""))

    def test_a_folder_that_has_moved_is_no_pass(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(check_purity.main(Path(folder)), 1)


class ThisRepository(unittest.TestCase):
    def test_it_is_pure(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(check_purity.main(), 0)


if __name__ == "__main__":
    unittest.main()
