//! What a scenario promises of its sampling.

use super::checker::Checker;
use crate::problem::ProblemKind;
use crate::promises::{Promise, PromiseSpec};

pub(super) fn resolve(specs: &[PromiseSpec], checker: &mut Checker<'_>) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        match spec.promise() {
            Ok(promise) if promises.iter().any(|known| known.about == promise.about && known.of == promise.of) => {
                let message = format!("`{}` is promised twice", promise.of);
                checker.report_element("promises", index, ProblemKind::Contradiction, message, "keep one of the two");
            }
            Ok(promise) => promises.push(promise),
            Err(_) if ["traces", "spans", "kept"].iter().any(|name| checker.is_spoilt("promises", index, name)) => {}
            Err([message, hint]) => checker.report_element("promises", index, ProblemKind::InvalidValue, message, hint),
        }
    }
    promises
}
