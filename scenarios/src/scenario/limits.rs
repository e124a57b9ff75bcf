//! What limits can be checked for among each other; each alone has been checked as it was read.

use super::checker::Checker;
use crate::knowledge::LimitUse;
use crate::limits::Limit;
use crate::problem::ProblemKind;
use crate::suggest::nearest;

/// `faults` are the names of the scenario's faults.
pub(super) fn check(field: &str, limits: &[Limit], usage: LimitUse, faults: &[&str], checker: &mut Checker<'_>) {
    for (index, limit) in limits.iter().enumerate() {
        checker.object_element(field, index, checker.knowledge.and_then(|knowledge| knowledge.limit(limit, usage)));
        if let Some(window) = limit.window.as_ref().filter(|window| !faults.contains(&&*window.fault)) {
            let message = format!("there is no fault named `{}`", window.fault);
            let hint = match (nearest(&window.fault, faults.iter().copied()), faults) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, []) => {
                    format!("remove `{} {}`; this scenario has no faults", window.relation.name(), window.fault)
                }
                (None, _) => format!("this scenario has {}", faults.join(", ")),
            };
            checker.report_element(field, index, ProblemKind::UnknownName, message, hint);
        }
        if let Some(first) = limits[..index].iter().find(|earlier| earlier.same_subject(limit)) {
            let message = match first == limit {
                true => format!("`{limit}` stands here twice"),
                false => format!("`{first}` has said something about the same figure"),
            };
            checker.report_element(field, index, ProblemKind::Contradiction, message, "keep one of the two");
        }
    }
}
