//! Why a text is not the value it should be, where in the text, and what to write instead.

use std::fmt::{self, Display, Formatter};

/// Stands between the parts of the alternate form; a control character that no message holds.
const SEPARATOR: char = '\u{1f}';

/// A text was refused. The hint says how to repair it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ValueError {
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// What to write instead; empty when there is nothing to add.
    pub hint: String,
    /// The byte in the text where it goes wrong.
    pub at: usize,
}

impl ValueError {
    pub(crate) fn new(at: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), at }
    }

    /// The same error in a text that has `offset` more bytes in front.
    pub(crate) fn shifted(self, offset: usize) -> Self {
        Self { at: self.at + offset, ..self }
    }

    /// Takes apart what the alternate form (`{:#}`) put together; a plain text is a message alone.
    ///
    /// Serde hands errors on as text only. The alternate form carries position and hint through that bottleneck to our own
    /// reader, while every other deserialiser prints the message alone.
    pub(crate) fn from_alternate(text: &str) -> Self {
        let mut parts = text.split(SEPARATOR);
        let message = parts.next().unwrap_or_default();
        let at = parts.next().and_then(|at| at.parse().ok()).unwrap_or(0);
        Self::new(at, message, parts.next().unwrap_or_default())
    }
}

impl Display for ValueError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if f.alternate() {
            write!(f, "{SEPARATOR}{}{SEPARATOR}{}", self.at, self.hint)?;
        }
        Ok(())
    }
}
