//! Annotations as GitHub's runners read them from a job's output: an error for each thing that failed, a warning for each that could not
//! be decided.
//!
//! <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>

use crate::headline::{self, Concern};
use crate::plain_text::one_line;
use crate::result::RunResult;
use crate::result::verdict::Verdict;

/// The longest text from outside that is written.
const TEXT_MAX: usize = 1_000;

/// A runner shows ten of each kind for a step, and drops the others.
const EACH_MAX: usize = 10;

/// The lines; none where all passed.
pub fn annotations(result: &RunResult) -> Vec<String> {
    let of = |verdict, command| {
        let concerns = headline::concerns(result, verdict).into_iter().take(EACH_MAX);
        concerns.map(move |concern| annotation(command, result, &concern)).collect::<Vec<_>>()
    };
    [of(Verdict::Fail, "error"), of(Verdict::Inconclusive, "warning")].concat()
}

fn annotation(command: &str, result: &RunResult, concern: &Concern<'_>) -> String {
    let title = format!("{}: {}", result.scenario.name, concern.title);
    let value = concern.value.iter().map(|value| format!("{value}. "));
    let first = concern.findings.first();
    let when = first.and_then(|finding| headline::when(finding)).map(|when| format!(" When: {when}."));
    let advice = first.and_then(|finding| finding.advice.as_ref()).map(|advice| format!(" Try: {advice}."));
    let message: String =
        value.chain(concern.message().map(str::to_owned)).chain(when).chain(advice).collect::<Vec<_>>().concat();
    format!("::{command} title={}::{}", property(&title), data(&message))
}

/// Text where a command's message stands.
fn data(text: &str) -> String {
    one_line(text, TEXT_MAX).replace('%', "%25")
}

/// Text in a command's head, where colons and commas end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::{changed_and_invented, failing, hostile, passing};

    #[test]
    fn what_passed_is_not_annotated() {
        assert!(annotations(&passing()).is_empty());
    }

    #[test]
    fn each_failure_is_an_error_of_one_line() {
        insta::assert_snapshot!([annotations(&failing()), annotations(&changed_and_invented())].concat().join("\n"));
    }

    /// A line break would begin a command of the text's own, a colon end the head.
    #[test]
    fn hostile_text_begins_no_command() {
        let lines = annotations(&hostile());
        assert!(!lines.is_empty());
        for line in &lines {
            assert!(!line.contains(['\n', '\r']), "{line:?}");
            let (head, _) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
            let (command, title) = head.split_once(" title=").unwrap();
            assert!(["error", "warning"].contains(&command) && !title.contains([':', ',']), "{line}");
        }
    }
}
