//! Writes down what arrived: one OTLP/JSON `ExportTraceServiceRequest` a line, as the collector's file exporter does.

mod cost;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A request whose decoded form may take more than this is not written down.
const DECODED_BYTES_MAX: usize = 256 << 20;

/// A dump file that cannot be made. Choose another path.
#[derive(Debug, thiserror::Error)]
#[error("write the dump {}: {source}", path.display())]
pub struct DumpError {
    /// The file.
    pub path: PathBuf,
    /// What the file system said.
    #[source]
    pub source: std::io::Error,
}

/// A dump file, bounded in size. Every line is in the file when its request is answered.
#[derive(Debug)]
pub struct Dump {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    so_far: Dumped,
}

/// How far a dump has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Dumped {
    /// Requests in the file, one a line.
    pub requests: u64,
    /// Bytes in the file.
    pub bytes: u64,
    /// Requests that are not in the file.
    pub left_out: u64,
    /// Why the first of those is not.
    pub why: Option<String>,
    /// True when nothing more is written: the file is full, or writing failed.
    pub ended: bool,
    /// True when writing failed.
    pub failed: bool,
}

impl Dump {
    /// Makes the file anew; it takes at most `bytes_max` bytes.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, bytes_max: u64) -> Result<Self, DumpError> {
        let file = File::create(path).map_err(|source| DumpError { path: path.to_owned(), source })?;
        Ok(Self { bytes_max, state: Mutex::new(State { file, so_far: Dumped::default() }) })
    }

    /// Writes down the body of a request for traces, if there is room. A request that does not fit ends the dump, so that
    /// the file holds everything up to a point.
    pub fn write(&self, body: &[u8]) {
        // Lines are made outside the lock: making one takes much longer than writing it.
        let line = if self.state().so_far.ended { Ok(Vec::new()) } else { line(body) };
        let mut state = self.state();
        if state.so_far.ended {
            state.so_far.left_out += 1;
            return;
        }
        match line {
            Err(why) => state.so_far.leave_out(why),
            Ok(line) if state.so_far.bytes + line.len() as u64 > self.bytes_max => {
                state.so_far.ended = true;
                state.so_far.leave_out(format!("the file is full at {} bytes", self.bytes_max));
            }
            Ok(line) => match state.file.write_all(&line) {
                Ok(()) => {
                    state.so_far.requests += 1;
                    state.so_far.bytes += line.len() as u64;
                }
                Err(error) => {
                    (state.so_far.ended, state.so_far.failed) = (true, true);
                    state.so_far.leave_out(error.to_string());
                }
            },
        }
    }

    /// How far it has come.
    pub fn so_far(&self) -> Dumped {
        self.state().so_far.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dumped {
    fn leave_out(&mut self, why: String) {
        self.left_out += 1;
        self.why.get_or_insert(why);
    }
}

fn line(body: &[u8]) -> Result<Vec<u8>, String> {
    if cost::decoded(body) > DECODED_BYTES_MAX {
        return Err(format!("a request would take more than {DECODED_BYTES_MAX} bytes to decode"));
    }
    let request = ExportTraceServiceRequest::decode(body).map_err(|error| error.to_string())?;
    let mut line = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

    fn request(name: &str) -> ExportTraceServiceRequest {
        let span = Span { trace_id: vec![0xab; 16], span_id: vec![1; 8], name: name.to_owned(), ..Span::default() };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
    }

    #[test]
    fn every_line_is_a_request_in_otlp_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let dump = Dump::create(&path, 1 << 20).unwrap();
        for name in ["one", "two\nlines"] {
            dump.write(&request(name).encode_to_vec());
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&"ab".repeat(16)), "ids are hexadecimal: {text}");
        let read: Vec<ExportTraceServiceRequest> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, [request("one"), request("two\nlines")]);
        assert_eq!((dump.so_far().requests, dump.so_far().bytes), (2, text.len() as u64));
    }

    #[test]
    fn a_full_file_ends_at_a_whole_line_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let one = line(&request("a").encode_to_vec()).unwrap().len() as u64;
        let dump = Dump::create(&path, one + 10).unwrap();
        for _ in 0..3 {
            dump.write(&request("a").encode_to_vec());
        }
        let so_far = dump.so_far();
        assert_eq!((so_far.requests, so_far.left_out, so_far.ended), (1, 2, true));
        assert!(so_far.why.unwrap().contains("full"));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), one);
    }

    #[test]
    fn what_would_take_too_much_memory_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let dump = Dump::create(&folder.path().join("out.jsonl"), 1 << 30).unwrap();
        // Two bytes a span, some three hundred when decoded.
        let spans = [0x12, 0x00].repeat(1 << 20);
        let mut scope = vec![0x12];
        prost::encoding::encode_varint(spans.len() as u64, &mut scope);
        scope.extend(spans);
        let mut body = vec![0x0a];
        prost::encoding::encode_varint(scope.len() as u64, &mut body);
        body.extend(scope);
        dump.write(&body);
        dump.write(&request("a").encode_to_vec());
        assert_eq!((dump.so_far().requests, dump.so_far().left_out, dump.so_far().ended), (1, 1, false));
    }
}
