//! Which attributes are meant.

use std::collections::BTreeSet;

/// Keys of attributes that something may be done to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Keys {
    /// Those of these names.
    Only(BTreeSet<String>),
    /// Every one: which are meant is not known.
    Any,
}

impl Keys {
    /// Whether this attribute is among them.
    pub fn contain(&self, key: &str) -> bool {
        match self {
            Self::Only(keys) => keys.contains(key),
            Self::Any => true,
        }
    }
}
