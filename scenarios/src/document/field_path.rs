//! Paths of fields: `traffic.batch.spans`, `limits[2]`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::shortened;
use crate::units::ValueError;

/// One step from a node to its child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an element, counted from 0.
    Index(usize),
}

/// The way from the root to a field; empty for the root itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FieldPath(Vec<Step>);

impl FieldPath {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// A path from keys alone, known when the program is written.
    pub(crate) fn keys(dotted: &str) -> Self {
        Self(dotted.split('.').filter(|key| !key.is_empty()).map(|key| Step::Key(key.to_owned())).collect())
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path one step further.
    pub(crate) fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl Display for FieldPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(&shortened(key))?,
                Step::Key(key) => write!(f, ".{}", shortened(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl FromStr for FieldPath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut steps = Vec::new();
        let mut at = 0;
        for part in text.split('.') {
            let (key, indices) = part.split_once('[').map_or((part, None), |(key, indices)| (key, Some(indices)));
            if key.is_empty() || key.contains(']') {
                let hint = "write a path such as `traffic.rate` or `limits[0]`";
                return Err(ValueError::new(at, format!("`{}` is no path of a field", shortened(text)), hint));
            }
            steps.push(Step::Key(key.to_owned()));
            for index in indices.map(|indices| indices.split('[')).into_iter().flatten() {
                let number = index.strip_suffix(']').and_then(|index| index.parse().ok());
                let refused = || ValueError::new(at, format!("`[{}` is no index", shortened(index)), "write `[0]`");
                steps.push(Step::Index(number.ok_or_else(refused)?));
            }
            at += part.len() + 1;
        }
        Ok(Self(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_from_their_text_and_nonsense_is_refused() {
        for text in ["traffic.rate", "limits[2]", "a.b[0][1].c"] {
            assert_eq!(text.parse::<FieldPath>().unwrap().to_string(), text);
        }
        for text in ["", ".", "a..b", "a[", "a[x]", "a]b", "[0]"] {
            assert!(text.parse::<FieldPath>().is_err(), "{text}");
        }
    }
}
