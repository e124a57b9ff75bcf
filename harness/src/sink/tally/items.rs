//! How many data points, log records or profiles a request holds, counted without decoding it.

use crate::wire::Signal;
use spanproof_generators::protobuf::{MalformedError, Reader, Wire};

/// Field numbers from a request to its items: `resource_*`, `scope_*`, the list itself.
const LIST: [u32; 3] = [1, 2, 2];

/// The fields of a `Metric` that hold data points: gauge, sum, histogram, exponential histogram, summary.
const KINDS_OF_METRIC: [u32; 5] = [5, 7, 9, 10, 11];

/// Items of a request of `signal`. Its messages are checked as far down as the items.
pub(super) fn count(signal: Signal, body: &[u8]) -> Result<u64, MalformedError> {
    match signal {
        Signal::Metrics => KINDS_OF_METRIC.iter().map(|kind| count_at(body, &[1, 2, 2, *kind, 1])).sum(),
        Signal::Traces | Signal::Logs | Signal::Profiles => count_at(body, &LIST),
    }
}

/// Messages at the end of a path of field numbers.
fn count_at(message: &[u8], path: &[u32]) -> Result<u64, MalformedError> {
    let Some((field, rest)) = path.split_first() else { return Ok(1) };
    let mut reader = Reader::new(message);
    let mut total = 0;
    while let Some(tag) = reader.tag()? {
        if tag.field == *field {
            tag.must_be(Wire::Bytes)?;
            total += count_at(reader.bytes()?, rest)?;
        } else {
            reader.skip(tag, 100)?;
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
    };
    use prost::Message;

    #[test]
    fn log_records_are_counted_over_all_resources_and_scopes() {
        let scope = |records| ScopeLogs { log_records: vec![LogRecord::default(); records], ..ScopeLogs::default() };
        let resource = |scope_logs| ResourceLogs { scope_logs, ..ResourceLogs::default() };
        let resource_logs = vec![resource(vec![scope(2), scope(0)]), resource(vec![scope(3)])];
        let body = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
        assert_eq!(count(Signal::Logs, &body), Ok(5));
    }

    #[test]
    fn data_points_are_counted_over_all_kinds_of_metrics() {
        let points = |many| vec![NumberDataPoint { time_unix_nano: 1, ..NumberDataPoint::default() }; many];
        let metric = |data| Metric { data: Some(data), ..Metric::default() };
        let metrics = vec![
            metric(Data::Gauge(Gauge { data_points: points(2) })),
            metric(Data::Sum(Sum { data_points: points(3), ..Sum::default() })),
        ];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
        let body = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
        assert_eq!(count(Signal::Metrics, &body), Ok(5));
    }
}
