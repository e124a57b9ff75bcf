//! What log records may hold.

use super::http::LOGS;
use super::json::READ_BACK;
use super::{asks_kept, same};
use crate::conformance::axes::{BINARY, Over};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load, TIME, attribute};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::readback::Arrived;
use crate::conformance::registry::Case;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("DATA-05/bad-ids", LOGS_BINARY, |p| Box::pin(bad_ids(p))).needing(READ_BACK),
    Case::new("DATA-28/observed", LOGS_BINARY, |p| Box::pin(observed(p))).needing(READ_BACK),
    Case::new("DATA-29/bodies", LOGS_BINARY, |p| Box::pin(bodies(p))).needing(READ_BACK),
];

const LOGS_BINARY: Over = Over::each(BINARY, LOGS);

/// A request with one record in which something is changed.
fn changed(probe: &Probe, change: impl FnOnce(&mut LogRecord)) -> Load {
    let marker = probe.marker();
    let mut request = payload::logs(&marker, 1);
    let records = request.resource_logs.iter_mut().flat_map(|logs| &mut logs.scope_logs);
    if let Some(record) = records.flat_map(|scope| &mut scope.log_records).next() {
        change(record);
    }
    Load::marked(request.encode_to_vec(), &marker, 1)
}

fn record_of(arrived: &Arrived) -> Result<&LogRecord, String> {
    arrived.record().ok_or_else(|| "it came out as something else".to_owned())
}

async fn bad_ids(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a record with ids that are none is kept, as one that belongs to no trace");
    for (name, trace, span) in [("3 bytes", vec![7; 3], vec![7; 3]), ("all zero", vec![0; 16], vec![0; 8])] {
        let load = changed(probe, |record| (record.trace_id, record.span_id) = (trace, span));
        asks_kept(probe, &mut judged, name, &load, |_| Ok(())).await?;
    }
    Ok(judged)
}

async fn observed(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("of a record without a time the one is kept when it was observed");
    let load = changed(probe, |record| (record.time_unix_nano, record.observed_time_unix_nano) = (0, TIME));
    let check = |arrived: &Arrived| same("the time observed", &record_of(arrived)?.observed_time_unix_nano, &TIME);
    asks_kept(probe, &mut judged, "no time", &load, check).await?;
    Ok(judged)
}

async fn bodies(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("records without a severity, with its text alone, and with every kind of body are taken");
    let plain = [
        ("severity 0", changed(probe, |record| (record.severity_number, record.severity_text) = (0, String::new()))),
        ("its text alone", changed(probe, |record| record.severity_number = 0)),
        ("no body", changed(probe, |record| record.body = None)),
    ];
    for (name, load) in plain {
        asks_kept(probe, &mut judged, name, &load, |_| Ok(())).await?;
    }
    let any = |value| AnyValue { value: Some(value) };
    let map = KeyValueList { values: vec![attribute("k", Value::IntValue(1))] };
    let bodies = [
        Value::StringValue(String::new()),
        Value::BoolValue(true),
        Value::IntValue(-1),
        Value::DoubleValue(0.5),
        Value::BytesValue(vec![0]),
        Value::ArrayValue(ArrayValue { values: vec![any(Value::IntValue(1))] }),
        Value::KvlistValue(map),
    ];
    for body in bodies {
        let name = format!("{body:?}");
        let sent = Some(any(body));
        let load = changed(probe, |record| record.body = sent.clone());
        asks_kept(probe, &mut judged, &name, &load, |arrived| same("the body", &record_of(arrived)?.body, &sent))
            .await?;
    }
    judged.saw(How::Holds, "all kinds were sent");
    Ok(judged)
}
