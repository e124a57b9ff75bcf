//! Scenarios that come with the program, as commented YAML ready to be saved and edited.

use std::path::PathBuf;

use crate::load::Source;

/// One scenario of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its name: the name in the file, behind its group if it is of one.
    pub name: &'static str,
    /// The file.
    pub yaml: &'static str,
}

impl CatalogueEntry {
    /// What it is for: the text of `about:`, in one line.
    pub fn about(&self) -> &'static str {
        self.yaml.lines().find_map(|line| line.strip_prefix("about: ")).unwrap_or_default().trim()
    }

    /// To be loaded. Relative paths start at the working directory.
    pub fn source(&self) -> Source {
        Source { name: self.name.to_owned(), text: self.yaml.to_owned(), directory: PathBuf::new() }
    }
}

macro_rules! catalogue {
    ($($name:literal),+ $(,)?) => {
        const ENTRIES: &[CatalogueEntry] = &[
            $(CatalogueEntry { name: $name, yaml: include_str!(concat!("../catalogue/", $name, ".yaml")) }),+
        ];
    };
}

catalogue![
    "quickstart",
    "throughput",
    "steady-latency",
    "http-gzip",
    "bursts",
    "drills/backend-down",
    "drills/link-down",
    "drills/brown-out",
    "drills/flapping",
    "drills/throttled",
    "drills/slow-backend",
    "drills/kill-memory",
    "drills/kill-disk",
    "drills/frozen",
    "drills/restart",
    "drills/reload",
    "drills/short-of-cpu",
    "drills/descriptors",
    "drills/long-outage",
    "drills/lost-acknowledgements",
    "drills/poison-item",
    "drills/queue-overflow-behind-batch",
    "drills/memory-limiter",
    "drills/one-of-two-destinations",
    "drills/wrong-endpoint",
    "drills/protocol-mismatch",
    "drills/dns-gone",
    "drills/proxy-variables",
    "sampling/keep-errors-and-slow",
    "sampling/per-service",
    "sampling/drop-health-checks",
    "sampling/rate-limited",
    "sampling/composite",
    "sampling/late-spans",
    "sampling/decision-caches",
    "sampling/overflow",
    "sampling/restart-in-mid-decision",
    "sampling/head-then-tail",
    "sampling/equalizing",
];

/// All of them, the one to start with first.
pub fn entries() -> &'static [CatalogueEntry] {
    ENTRIES
}

/// The scenario called `name`.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}
