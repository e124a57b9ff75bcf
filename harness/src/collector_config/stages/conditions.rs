//! Conditions in the collector's transformation language, and what becomes of one that fails.

use crate::collector_config::settings::{Node, Reader};
use spanproof_generators::sampling::config::ErrorMode;
use spanproof_generators::sampling::ottl::{Condition, Context};

/// A list of conditions on one kind of thing.
pub(super) fn conditions(reader: &mut Reader<'_>, node: &Node<'_>, field: &str, context: Context) -> Vec<Condition> {
    reader.texts(node, field).iter().map(|text| Condition::parse(text, context)).collect()
}

/// `error_mode`; `None` where nothing is said.
pub(super) fn error_mode(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<ErrorMode> {
    match reader.text(node, "error_mode")?.as_str() {
        "" => None,
        "ignore" => Some(ErrorMode::Ignore),
        "silent" => Some(ErrorMode::Silent),
        "propagate" => Some(ErrorMode::Propagate),
        other => {
            let reason = format!("`{}` is no error mode", other.escape_debug());
            reader.mistake(node.keys_of("error_mode"), reason, "write `ignore`, `silent` or `propagate`");
            None
        }
    }
}
