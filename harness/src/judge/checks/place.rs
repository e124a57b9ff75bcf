//! Where something happened of which no more is known than between what.

use crate::judge::evidence::Evidence;

/// Pipelines that are named where it may have been any of them; the configuration has the rest.
const PIPELINES_SHOWN: usize = 3;

/// On the way from here to the sink, with the pipelines that lead there as far as the configuration is known.
pub(super) fn between(start: &str, evidence: &Evidence) -> String {
    let mut told = format!("between {start} and the sink");
    if !evidence.pipelines.is_empty() {
        let shown = &evidence.pipelines[..evidence.pipelines.len().min(PIPELINES_SHOWN)];
        told.push_str(&format!(": {}", shown.join("; ")));
        let more = evidence.pipelines.len() - shown.len();
        if more > 0 {
            told.push_str(&format!("; and {more} more"));
        }
    }
    told
}
