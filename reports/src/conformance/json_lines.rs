//! A conformance run as JSON, one document a line: `about` first, then a `finding` each, then the `summary`.
//!
//! A reader can stop after any line, and one that comes later and knows more keys than this version is free to.

use super::{FORMAT, Suite};
use serde_json::json;

/// The lines, each with its end.
///
/// # Errors
/// When a number is none that JSON has, which nothing here makes.
pub fn json_lines(suite: &Suite) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    let mut line = |value: serde_json::Value| {
        text.push_str(&value.to_string());
        text.push('\n');
    };
    line(json!({"kind": "about", "format": FORMAT, "about": serde_json::to_value(&suite.about)?}));
    for finding in &suite.findings {
        line(json!({"kind": "finding", "name": finding.name(), "finding": serde_json::to_value(finding)?}));
    }
    line(json!({
        "kind": "summary",
        "tally": serde_json::to_value(suite.tally())?,
        "without_case": suite.without_case,
        "conservation": serde_json::to_value(suite.conservation)?,
        "remarks": suite.remarks,
        "seconds": suite.seconds,
    }));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Finding;
    use crate::conformance::samples::suite;

    #[test]
    fn every_finding_reads_back_from_its_line() {
        let suite = suite();
        let text = json_lines(&suite).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), suite.findings.len() + 2);
        assert_eq!(lines[0]["format"], FORMAT);
        for (line, finding) in lines[1..].iter().zip(&suite.findings) {
            assert_eq!(&serde_json::from_value::<Finding>(line["finding"].clone()).unwrap(), finding);
        }
        assert_eq!(lines.last().unwrap()["tally"]["fail"], 1);
    }
}
