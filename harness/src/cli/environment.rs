//! Our own environment variables, which need not be text.

use spanproof_scenarios::problem::Problem;
use std::ffi::OsString;

/// What the names of those begin with that are heeded.
const HEEDED: &str = "OTEL_EXPORTER_OTLP_";

/// What is wrong with the variables that are heeded: one that is no text would be as good as unset, and its sender would not know.
pub(crate) fn problems() -> Vec<Problem> {
    problems_of(std::env::vars_os())
}

fn problems_of(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<Problem> {
    let heeded = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let broken = heeded.filter(|(name, value)| name.starts_with(HEEDED) && value.to_str().is_none());
    let problem = |(name, _): (String, OsString)| {
        Problem::of_variable(&name, format!("the value of `{name}` is not UTF-8"), "write it in UTF-8, or unset it")
    };
    broken.map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn only_a_variable_that_is_heeded_has_to_be_text() {
        let variable =
            |name: &[u8], value: &[u8]| (OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec()));
        let all = [
            variable(b"BAD", b"\xff"),
            variable(b"OTEL_EXPORTER_OTLP_\xff", b"\xff"),
            variable(b"OTEL_EXPORTER_OTLP_TIMEOUT", b"10"),
            variable(b"OTEL_EXPORTER_OTLP_ENDPOINT", b"http://\xff"),
        ];
        let problems = problems_of(all.into_iter());
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        let message = problem.to_string();
        assert!(message.contains("`OTEL_EXPORTER_OTLP_ENDPOINT` is not UTF-8"), "{message}");
    }
}
