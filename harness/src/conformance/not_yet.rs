//! Requirements that nothing tries yet, and what each waits for. The list may only shrink: a test holds it against the table and the
//! registry, so that none is forgotten and none stays here once it has a case. `spanproof conformance list` prints it.

/// A requirement that nothing tries yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: &'static str,
    /// What it waits for.
    pub why: Why,
}

/// What a requirement waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The side of the suite that stands behind an exporter.
    ExporterSide,
    /// A recipe by which a target is overloaded.
    Overload,
    /// A target that is started with a configuration of its own.
    Configuration,
}

impl Why {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExporterSide => "the exporter's side is not there yet",
            Self::Overload => "there is no recipe yet to overload a target",
            Self::Configuration => "targets are not configured by the suite yet",
        }
    }
}

const fn waiting(id: &'static str, why: Why) -> Waiting {
    Waiting { id, why }
}

/// All of them.
pub const NOT_YET: &[Waiting] = &[
    waiting("GRPC-10", Why::Overload),
    waiting("GRPC-11", Why::Overload),
    waiting("GRPC-15", Why::ExporterSide),
    waiting("GRPC-16", Why::ExporterSide),
    waiting("GRPC-17", Why::ExporterSide),
    waiting("GRPC-18", Why::ExporterSide),
    waiting("GRPC-22", Why::ExporterSide),
    waiting("GRPC-23", Why::ExporterSide),
    waiting("HTTP-06", Why::Configuration),
    waiting("HTTP-21", Why::Overload),
    waiting("HTTP-22", Why::Overload),
    waiting("HTTP-31", Why::ExporterSide),
    waiting("HTTP-35", Why::ExporterSide),
    waiting("HTTP-36", Why::ExporterSide),
    waiting("HTTP-37", Why::ExporterSide),
    waiting("HTTP-38", Why::ExporterSide),
    waiting("HTTP-39", Why::ExporterSide),
    waiting("COMP-04", Why::ExporterSide),
    waiting("COMP-13", Why::ExporterSide),
    waiting("COMP-14", Why::ExporterSide),
    waiting("SIZE-06", Why::Configuration),
    waiting("SIZE-08", Why::ExporterSide),
    waiting("SIZE-09", Why::ExporterSide),
    waiting("SIZE-10", Why::ExporterSide),
    waiting("SIZE-11", Why::Configuration),
    waiting("SIZE-12", Why::Configuration),
    waiting("SIZE-13", Why::ExporterSide),
    waiting("PARTIAL-11", Why::ExporterSide),
    waiting("PARTIAL-12", Why::ExporterSide),
    waiting("PARTIAL-13", Why::ExporterSide),
    waiting("PARTIAL-14", Why::ExporterSide),
    waiting("PARTIAL-15", Why::ExporterSide),
    waiting("PARTIAL-16", Why::ExporterSide),
    waiting("RETRY-01", Why::ExporterSide),
    waiting("RETRY-02", Why::ExporterSide),
    waiting("RETRY-03", Why::ExporterSide),
    waiting("RETRY-04", Why::ExporterSide),
    waiting("RETRY-05", Why::ExporterSide),
    waiting("RETRY-06", Why::ExporterSide),
    waiting("RETRY-07", Why::ExporterSide),
    waiting("RETRY-08", Why::ExporterSide),
    waiting("RETRY-09", Why::ExporterSide),
    waiting("RETRY-10", Why::ExporterSide),
    waiting("RETRY-11", Why::ExporterSide),
    waiting("RETRY-12", Why::ExporterSide),
    waiting("RETRY-13", Why::ExporterSide),
    waiting("RETRY-14", Why::ExporterSide),
    waiting("RETRY-15", Why::ExporterSide),
    waiting("RETRY-16", Why::ExporterSide),
    waiting("RETRY-17", Why::ExporterSide),
    waiting("RETRY-18", Why::ExporterSide),
    waiting("RETRY-19", Why::ExporterSide),
    waiting("RETRY-20", Why::ExporterSide),
    waiting("RETRY-21", Why::ExporterSide),
    waiting("RETRY-22", Why::ExporterSide),
    waiting("RETRY-23", Why::ExporterSide),
    waiting("RETRY-24", Why::ExporterSide),
    waiting("RETRY-25", Why::ExporterSide),
    waiting("RETRY-26", Why::ExporterSide),
    waiting("RETRY-27", Why::ExporterSide),
    waiting("RETRY-28", Why::ExporterSide),
    waiting("RETRY-29", Why::ExporterSide),
    waiting("RETRY-30", Why::ExporterSide),
    waiting("RETRY-31", Why::ExporterSide),
    waiting("RETRY-32", Why::ExporterSide),
    waiting("RETRY-33", Why::ExporterSide),
    waiting("DEST-01", Why::ExporterSide),
    waiting("DEST-02", Why::ExporterSide),
    waiting("DEST-03", Why::ExporterSide),
    waiting("DEST-04", Why::ExporterSide),
    waiting("DEST-05", Why::ExporterSide),
    waiting("JSON-03", Why::ExporterSide),
    waiting("JSON-05", Why::ExporterSide),
    waiting("JSON-08", Why::ExporterSide),
    waiting("JSON-12", Why::ExporterSide),
    waiting("JSON-25", Why::ExporterSide),
    waiting("PROTO-02", Why::ExporterSide),
    waiting("PROTO-14", Why::ExporterSide),
    waiting("DATA-06", Why::ExporterSide),
    waiting("DATA-12", Why::ExporterSide),
    waiting("DATA-13", Why::ExporterSide),
    waiting("DATA-19", Why::ExporterSide),
    waiting("DATA-21", Why::ExporterSide),
    waiting("DATA-23", Why::ExporterSide),
    waiting("DATA-26", Why::ExporterSide),
    waiting("DATA-27", Why::ExporterSide),
    waiting("DATA-30", Why::ExporterSide),
    waiting("DATA-31", Why::ExporterSide),
    waiting("DATA-32", Why::ExporterSide),
    waiting("EXP-01", Why::ExporterSide),
    waiting("EXP-02", Why::ExporterSide),
    waiting("EXP-03", Why::ExporterSide),
    waiting("EXP-04", Why::ExporterSide),
    waiting("EXP-05", Why::ExporterSide),
    waiting("EXP-06", Why::ExporterSide),
    waiting("EXP-07", Why::ExporterSide),
    waiting("EXP-08", Why::ExporterSide),
    waiting("EXP-09", Why::ExporterSide),
    waiting("EXP-10", Why::ExporterSide),
    waiting("EXP-11", Why::ExporterSide),
    waiting("EXP-12", Why::ExporterSide),
    waiting("EXP-13", Why::ExporterSide),
    waiting("EXP-14", Why::ExporterSide),
    waiting("EXP-15", Why::ExporterSide),
    waiting("EXP-16", Why::ExporterSide),
    waiting("EXP-17", Why::ExporterSide),
    waiting("EXP-18", Why::ExporterSide),
    waiting("EXP-19", Why::ExporterSide),
    waiting("EXP-20", Why::ExporterSide),
    waiting("EXP-21", Why::ExporterSide),
    waiting("EXP-22", Why::ExporterSide),
    waiting("EXP-23", Why::ExporterSide),
    waiting("EXP-24", Why::ExporterSide),
    waiting("EXP-25", Why::ExporterSide),
    waiting("EXP-26", Why::ExporterSide),
    waiting("EXP-27", Why::ExporterSide),
    waiting("EXP-28", Why::ExporterSide),
    waiting("EXP-29", Why::ExporterSide),
    waiting("EXP-30", Why::ExporterSide),
];
