//! The compressions that OTLP requests travel under, and their names on the wire.

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Compression {
    /// Not at all (`identity`).
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// What a server lists when it says what it takes.
    pub(crate) const ACCEPTED: &'static str = "identity,gzip,zstd";

    /// The token of `grpc-encoding` and `content-encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Self::None => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Reads the token, whatever its case; `x-gzip` is gzip (RFC 9110, 8.4.1.3). `None` for anything not known.
    pub(crate) fn parse(token: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 5] = [
            (b"identity", Self::None),
            (b"", Self::None),
            (b"gzip", Self::Gzip),
            (b"x-gzip", Self::Gzip),
            (b"zstd", Self::Zstd),
        ];
        let token = token.trim_ascii();
        known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(token)).map(|(_, compression)| compression)
    }
}
