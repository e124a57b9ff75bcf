//! `planted.json` in a result directory: which spans planted defects bit, as the target that carried them says.
//!
//! It is for whoever holds a judge against the truth, and no evidence: nothing that judges reads it.

use crate::embedded::{Bites, Deed, Victim, Victims};
use serde::{Deserialize, Serialize};
use spanproof_reports::directory::{WriteError, write_file};
use spanproof_reports::figures::hex;
use std::path::Path;

/// Its name.
pub const FILE: &str = "planted.json";

/// The name and version of the format.
const SCHEMA: &str = "spanproof.planted/1";

/// What planted defects did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    schema: String,
    /// Each defect, in the order in which they were planted.
    pub defects: Vec<PlantedDefect>,
}

/// What one of them did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlantedDefect {
    /// As it was planted.
    pub defect: String,
    /// How often it bit, in its own unit.
    pub times: u64,
    /// The first spans that it bit, in the order in which it did.
    pub spans: Vec<Bitten>,
    /// Whether these are all.
    pub are_all: bool,
}

/// A span that a defect bit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bitten {
    /// What became of it.
    pub deed: Deed,
    /// Its trace id as it came, in hex.
    pub trace_id: String,
    /// Its span id.
    pub span_id: String,
}

impl Planted {
    /// What these defects did; `None` without any.
    pub fn of<'a>(defects: impl Iterator<Item = (&'a str, Bites, &'a Victims)>) -> Option<Self> {
        let bitten = |victim: &Victim| Bitten {
            deed: victim.deed,
            trace_id: hex(&victim.trace_id),
            span_id: hex(&victim.span_id),
        };
        let defects = defects.map(|(defect, bites, victims)| PlantedDefect {
            defect: defect.to_owned(),
            times: bites.times,
            spans: victims.noted.iter().map(bitten).collect(),
            are_all: !victims.are_more,
        });
        let defects: Vec<_> = defects.collect();
        (!defects.is_empty()).then(|| Self { schema: SCHEMA.to_owned(), defects })
    }

    /// Writes it beside the results.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn write(&self, directory: &Path) -> Result<(), WriteError> {
        let failed = |error: serde_json::Error| WriteError::Render { artefact: FILE, reason: error.to_string() };
        let text = serde_json::to_string_pretty(self).map_err(failed)?;
        write_file(directory, FILE, &format!("{text}\n")).map(drop)
    }

    /// What lies in a result directory; `None` where nothing was planted.
    ///
    /// # Errors
    /// In words, when there is something that cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, String> {
        let path = directory.join(FILE);
        let told = |error: &dyn std::fmt::Display| format!("read {}: {error}", path.display());
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(told(&error)),
        };
        let planted: Self = serde_json::from_slice(&bytes).map_err(|error| told(&error))?;
        if planted.schema == SCHEMA {
            Ok(Some(planted))
        } else {
            Err(told(&format!("its schema is {}", planted.schema)))
        }
    }

    /// Whether every span that was bitten is named.
    pub fn are_all(&self) -> bool {
        self.defects.iter().all(|defect| defect.are_all)
    }

    /// Every span that is named.
    pub fn spans(&self) -> impl Iterator<Item = &Bitten> {
        self.defects.iter().flat_map(|defect| &defect.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted() -> Planted {
        let victim = Victim { deed: Deed::Lost, trace_id: vec![0xab; 16], span_id: vec![1; 8] };
        let victims = Victims { noted: vec![victim], are_more: false };
        Planted::of(std::iter::once(("drop-nth=7", Bites { times: 1, spans: 1 }, &victims))).unwrap()
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Planted::read(folder.path()), Ok(None));
        planted().write(folder.path()).unwrap();
        assert_eq!(Planted::read(folder.path()), Ok(Some(planted())));
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(text.contains("\"deed\": \"lost\"") && text.contains(&"ab".repeat(16)), "{text}");
        std::fs::write(folder.path().join(FILE), text.replace("planted/1", "planted/2")).unwrap();
        assert!(Planted::read(folder.path()).unwrap_err().ends_with("its schema is spanproof.planted/2"));
    }

    #[test]
    fn it_tells_whether_all_are_named() {
        let mut told = planted();
        assert!(told.are_all() && told.spans().count() == 1);
        told.defects.push(PlantedDefect { are_all: false, ..told.defects[0].clone() });
        assert!(!told.are_all() && told.spans().count() == 2);
        assert_eq!(Planted::of(std::iter::empty()), None);
    }
}
