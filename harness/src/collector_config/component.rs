//! Names of components: a type, and a name where several of one type are configured.

use std::fmt;

/// A component's id as in `otlp_grpc/tempo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId {
    kind: String,
    name: String,
}

impl ComponentId {
    /// Reads `TYPE` or `TYPE/NAME`, spaces around either allowed as in the collector; `None` when the type is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        let (kind, name) = (kind.trim(), name.trim());
        (!kind.is_empty()).then(|| Self { kind: kind.to_owned(), name: name.to_owned() })
    }

    /// The type, e.g. `otlp_grpc`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The type without underscores: the collector renames types (`k8sattributes`, `k8s_attributes`) and keeps both.
    pub(crate) fn plain_kind(&self) -> String {
        self.kind.replace('_', "")
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names come from files and are printed in messages.
        write!(f, "{}", self.kind.escape_debug())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name.escape_debug()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_shown_alike() {
        for id in ["otlp", "otlp_grpc/tempo", "batch/2/x"] {
            assert_eq!(ComponentId::parse(id).unwrap().to_string(), id);
        }
        assert_eq!(ComponentId::parse(" otlp / a "), ComponentId::parse("otlp/a"));
        assert_eq!(ComponentId::parse("/a"), None);
        assert_eq!(ComponentId::parse(""), None);
    }
}
