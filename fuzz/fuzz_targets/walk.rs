//! Any bytes as an `ExportTraceServiceRequest`: the walk accepts what prost accepts, and sees each span as it sees that span's
//! canonical encoding.

#![no_main]

#[path = "../../generators/tests/agreement/mod.rs"]
mod agreement;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

fuzz_target!(|bytes: &[u8]| {
    let original = ExportTraceServiceRequest::decode(bytes).unwrap_or_default();
    agreement::both_read_alike(&original, bytes);
});
