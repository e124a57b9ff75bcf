//! The manifest: what files there are, how long each is, and what its SHA-256 is. It guards itself likewise.

use super::FORMAT;
use super::error::EvidenceError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use spanproof_reports::directory::WriteError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

pub(super) const FILE: &str = "manifest.json";

/// A manifest names a dozen files; a longer text is none.
const BYTES_MAX: u64 = 1 << 16;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    spanproof_version: String,
    files: BTreeMap<String, Entry>,
    /// SHA-256 of this document with an empty seal.
    seal: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bytes: u64,
    sha256: String,
}

/// Only what tells another version from a broken file.
#[derive(Deserialize)]
struct Head {
    format: String,
}

impl Manifest {
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT.to_owned(),
            spanproof_version: env!("CARGO_PKG_VERSION").to_owned(),
            files: BTreeMap::new(),
            seal: String::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.files.insert(name.to_owned(), Entry { bytes: bytes.len() as u64, sha256: sha256(bytes) });
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let failed = |error: serde_json::Error| WriteError::Render { artefact: FILE, reason: error.to_string() };
        self.sealed().map_err(failed)
    }

    fn sealed(&self) -> Result<Vec<u8>, serde_json::Error> {
        let open = Self { seal: String::new(), ..self.clone() };
        let sealed = Self { seal: sha256(&serde_json::to_vec(&open)?), ..open };
        let mut bytes = serde_json::to_vec_pretty(&sealed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(super) fn read(folder: &Path) -> Result<Self, EvidenceError> {
        let path = folder.join(FILE);
        let bytes = match read_at_most(&path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EvidenceError::NoManifest { folder: folder.to_owned() });
            }
            Err(source) => return Err(EvidenceError::Io { path, source }),
        };
        let broken = |reason: String| EvidenceError::Manifest { path: path.clone(), reason };
        let head: Head = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        if head.format != FORMAT {
            let found = spanproof_reports::plain_text::one_line(&head.format, 100);
            return Err(EvidenceError::OtherFormat { folder: folder.to_owned(), found });
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        // Written again it must be the same bytes, so that no byte of it is beyond the seal.
        let again = manifest.sealed().map_err(|error| broken(error.to_string()))?;
        if again == bytes { Ok(manifest) } else { Err(broken("its seal does not fit".to_owned())) }
    }

    /// Reads every file and makes sure that it is what was written.
    pub(super) fn files(&self, folder: &Path) -> Result<Files, EvidenceError> {
        let mut contents = BTreeMap::new();
        for (name, entry) in &self.files {
            // The manifest is sealed, but a seal can be made: no name leads out of the folder.
            let path = folder.join(name.rsplit('/').next().unwrap_or_default());
            contents.insert(name.clone(), entry.read(&path)?);
        }
        Ok(Files { folder: folder.to_owned(), contents })
    }
}

impl Entry {
    fn read(&self, path: &Path) -> Result<Vec<u8>, EvidenceError> {
        let failed = |source| EvidenceError::Io { path: path.to_owned(), source };
        let found = fs::metadata(path).map_err(failed)?.len();
        if found != self.bytes {
            return Err(EvidenceError::Length { path: path.to_owned(), expected: self.bytes, found });
        }
        let bytes = fs::read(path).map_err(failed)?;
        if sha256(&bytes) == self.sha256 { Ok(bytes) } else { Err(EvidenceError::Changed { path: path.to_owned() }) }
    }
}

/// All files of the evidence, each proved to be what was written.
pub(super) struct Files {
    folder: PathBuf,
    contents: BTreeMap<String, Vec<u8>>,
}

/// A file's content, and its path for errors.
pub(super) struct File<'a> {
    pub path: PathBuf,
    pub bytes: &'a [u8],
}

impl Files {
    pub(super) fn get(&self, name: &str) -> Result<File<'_>, EvidenceError> {
        let bytes = self.contents.get(name);
        let bytes = bytes.ok_or_else(|| EvidenceError::Manifest {
            path: self.path(FILE),
            reason: format!("it does not name {name}"),
        })?;
        Ok(File { path: self.path(name), bytes })
    }

    /// Whether the manifest names it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.contents.contains_key(name)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl File<'_> {
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, EvidenceError> {
        serde_json::from_slice(self.bytes).map_err(|error| self.malformed(error.to_string()))
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> EvidenceError {
        EvidenceError::Malformed { path: self.path.clone(), reason: reason.into() }
    }
}

/// A file of the evidence as JSON.
pub(super) fn json(file: &'static str, document: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let failed = |error: serde_json::Error| WriteError::Render { artefact: file, reason: error.to_string() };
    let mut bytes = serde_json::to_vec_pretty(document).map_err(failed)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn read_at_most(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
