//! The forms that proto3's JSON and OTLP have for the same value, and what is none of them.

use super::super::schema::{LOGS, METRICS, TRACES};
use super::super::transcode::transcode;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

fn traces(json: &str) -> Result<ExportTraceServiceRequest, String> {
    let protobuf = transcode(&TRACES, json.as_bytes()).map_err(|error| error.to_string())?;
    Ok(ExportTraceServiceRequest::decode(&*protobuf).unwrap())
}

/// The span whose fields are these.
fn span(fields: &str) -> Result<Span, String> {
    let request = traces(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#))?;
    Ok(request.resource_spans[0].scope_spans[0].spans[0].clone())
}

/// The attribute whose value is this.
fn value(json: &str) -> Result<Option<Value>, String> {
    let span = span(&format!(r#""attributes":[{{"key":"k","value":{json}}}]"#))?;
    Ok(span.attributes[0].value.clone().and_then(|value| value.value))
}

#[test]
fn the_double_that_was_once_read_one_off_is_read_as_it_is() {
    for number in [0.937_628_896_794_486_7, 0.1, 1e-7, 123_456_789.123_456_79] {
        assert_eq!(value(&format!(r#"{{"doubleValue":{number:?}}}"#)), Ok(Some(Value::DoubleValue(number))));
    }
}

#[test]
fn doubles_may_be_text_and_need_not_be_finite() {
    let double = |json: &str| match value(&format!(r#"{{"doubleValue":{json}}}"#)) {
        Ok(Some(Value::DoubleValue(number))) => Some(number),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    };
    assert!(double(r#""NaN""#).unwrap().is_nan());
    assert_eq!(double(r#""Infinity""#), Some(f64::INFINITY));
    assert_eq!(double(r#""-Infinity""#), Some(f64::NEG_INFINITY));
    assert_eq!((double(r#""1.5""#), double("15e-1"), double("7")), (Some(1.5), Some(1.5), Some(7.0)));
    assert_eq!(double("-0.0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
    for none in [
        "1e400",
        r#""1e400""#,
        r#""inf""#,
        r#""nan""#,
        r#""+1""#,
        r#"" 1""#,
        r#""1 ""#,
        r#""""#,
        "NaN",
        "true",
        "[1]",
        "{}",
    ] {
        assert_eq!(double(none), None, "{none}");
    }
}

#[test]
fn whole_numbers_may_be_text_or_numbers_with_exponents_and_are_exact() {
    let whole = |json: &str| match value(&format!(r#"{{"intValue":{json}}}"#)) {
        Ok(Some(Value::IntValue(number))) => Some(number),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    };
    for (json, number) in [
        ("5", 5),
        (r#""-5""#, -5),
        ("1e3", 1000),
        (r#""1.5E+3""#, 1500),
        ("20.0", 20),
        ("2000e-2", 20),
        ("-0", 0),
        ("0e99999999999999999999", 0),
        ("9007199254740993.0", 9_007_199_254_740_993),
        (r#""-9223372036854775808""#, i64::MIN),
        ("922337203685477580.7e1", i64::MAX),
    ] {
        assert_eq!(whole(json), Some(number), "{json}");
    }
    for none in [
        "1.5",
        "1e-1",
        "9223372036854775808",
        "1e19",
        "1e999999999999",
        r#""0x5""#,
        r#""05""#,
        r#""""#,
        r#""five""#,
        "true",
    ] {
        assert_eq!(whole(none), None, "{none}");
    }
}

#[test]
fn fields_keep_their_bounds() {
    let largest = span(
        r#""startTimeUnixNano":18446744073709551615,"endTimeUnixNano":"1.8446744073709551615e19","flags":"4294967295""#,
    );
    let largest = largest.unwrap();
    assert_eq!(
        (largest.start_time_unix_nano, largest.end_time_unix_nano, largest.flags),
        (u64::MAX, u64::MAX, u32::MAX)
    );
    for beyond in
        [r#""startTimeUnixNano":-1"#, r#""flags":4294967296"#, r#""droppedEventsCount":-1"#, r#""kind":2147483648"#]
    {
        assert!(span(beyond).is_err(), "{beyond}");
    }
}

#[test]
fn an_enum_is_a_number_and_never_a_name() {
    assert_eq!(span(r#""kind":3,"status":{"code":2}"#).map(|span| (span.kind, span.status.unwrap().code)), Ok((3, 2)));
    assert_eq!(span(r#""kind":77"#).map(|span| span.kind), Ok(77), "one that a newer protocol may have");
    let error = span(r#""kind":"SPAN_KIND_SERVER""#).unwrap_err();
    assert!(error.contains("`kind`: expected the number of an enum's value"), "{error}");
}

#[test]
fn values_without_content_are_told_from_no_value() {
    assert_eq!(value(r#"{"arrayValue":{}}"#), Ok(Some(Value::ArrayValue(ArrayValue::default()))));
    assert_eq!(value(r#"{"kvlistValue":{}}"#), Ok(Some(Value::KvlistValue(KeyValueList::default()))));
    assert_eq!(value(r#"{"arrayValue":{"values":null}}"#), Ok(Some(Value::ArrayValue(ArrayValue::default()))));
    assert_eq!(value(r#"{"stringValue":""}"#), Ok(Some(Value::StringValue(String::new()))));
    assert_eq!(value(r#"{"boolValue":false}"#), Ok(Some(Value::BoolValue(false))));
    assert_eq!(value(r#"{"intValue":"0"}"#), Ok(Some(Value::IntValue(0))));
    assert_eq!(value("{}"), Ok(None));
    assert_eq!(value("null"), Ok(None));
}

#[test]
fn null_is_a_field_that_is_not_there() {
    assert_eq!(traces(r#"{"resourceSpans":null}"#), Ok(ExportTraceServiceRequest::default()));
    let all =
        r#""traceId":null,"name":null,"kind":null,"flags":null,"endTimeUnixNano":null,"attributes":null,"status":null"#;
    assert_eq!(span(all), Ok(Span::default()));
    assert_eq!(value(r#"{"stringValue":null,"intValue":1}"#), Ok(Some(Value::IntValue(1))));
    for element in [r#"{"resourceSpans":[null]}"#, "null"] {
        assert!(traces(element).is_err(), "{element}");
    }
}

#[test]
fn bytes_come_in_either_alphabet_with_or_without_padding() {
    for json in ["+/8=", "-_8=", "+/8", "-_8"] {
        let read = value(&format!(r#"{{"bytesValue":"{json}"}}"#));
        assert_eq!(read, Ok(Some(Value::BytesValue(vec![0xfb, 0xff]))), "{json}");
    }
    assert_eq!(value(r#"{"bytesValue":""}"#), Ok(Some(Value::BytesValue(Vec::new()))));
    assert!(value(r#"{"bytesValue":"*"}"#).is_err());
}

#[test]
fn ids_are_hexadecimal_in_either_case_and_may_be_empty() {
    let read = span(r#""traceId":"0AF7651916cd43dd8448eb211c80319C","spanId":"","parentSpanId":"b7AD""#).unwrap();
    assert_eq!((&read.trace_id[..3], read.trace_id.len()), (&[0x0a, 0xf7, 0x65][..], 16));
    assert_eq!((read.span_id, read.parent_span_id), (Vec::new(), vec![0xb7, 0xad]));
    for none in ["abc", "0x0a", "zz", "+1", "é"] {
        assert!(span(&format!(r#""traceId":"{none}""#)).is_err(), "{none}");
    }
}

#[test]
fn names_are_taken_as_in_json_and_as_in_the_protocol() {
    let json = r#"{"resource_spans":[{"scope_spans":[{"spans":[{"start_time_unix_nano":"7","endTimeUnixNano":8}]}]}]}"#;
    let request = traces(json).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (7, 8));
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let json = format!(r#""future":{deep},"name":"n","Name":1,"traceid":{{"a":[1,null]}}"#);
    assert_eq!(span(&json).map(|span| span.name), Ok("n".to_owned()));
    assert_eq!(traces("{}"), Ok(ExportTraceServiceRequest::default()));
    assert_eq!(traces(" { \n } "), Ok(ExportTraceServiceRequest::default()));
}

#[test]
fn what_is_no_request_is_refused_with_its_place() {
    for none in [
        "",
        "[]",
        "7",
        "{",
        "{}x",
        "{\"a\"}",
        r#"{"resourceSpans":{}}"#,
        r#"{"resourceSpans":[[]]}"#,
        r#"{"resourceSpans":7}"#,
        r#"{"resourceSpans":[],"resource_spans":[]}"#,
        "{\"resourceSpans\":[{\"schemaUrl\":\"\\ud800\"}]}",
        "{\"resourceSpans\":[{\"schemaUrl\":\"a\nb\"}]}",
    ] {
        assert!(traces(none).is_err(), "{none}");
    }
    assert!(transcode(&TRACES, b"{\"resourceSpans\":[{\"schemaUrl\":\"\xff\"}]}").is_err(), "not UTF-8");
    assert!(value(r#"{"intValue":1,"boolValue":true}"#).unwrap_err().contains("`bool_value` excludes another field"));
    let error = span("\n\"name\":7").unwrap_err();
    assert!(error.contains("`name`: expected text") && error.contains("line 2"), "{error}");
}

#[test]
fn metrics_and_logs_are_read_too() {
    let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"m","gauge":{"dataPoints":[{"asInt":"-7"},{"asDouble":"NaN"}]}},
        {"histogram":{"aggregationTemporality":2,"dataPoints":[
            {"count":"3","sum":0,"bucketCounts":["1",2,"0"],"explicitBounds":[0.1,"Infinity"]},{"bucketCounts":[]}]}},
        {"exponentialHistogram":{"dataPoints":[{"scale":-3,"positive":{"offset":-1,"bucketCounts":["300"]},"max":null}]}}]}]}]}"#;
    let read = ExportMetricsServiceRequest::decode(&*transcode(&METRICS, json.as_bytes()).unwrap()).unwrap();
    let metrics = &read.resource_metrics[0].scope_metrics[0].metrics;
    let Some(Data::Gauge(gauge)) = &metrics[0].data else { panic!("{metrics:?}") };
    assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsInt(-7)));
    let Some(Data::Histogram(histogram)) = &metrics[1].data else { panic!("{metrics:?}") };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum, &point.bucket_counts[..]), (3, Some(0.0), &[1, 2, 0][..]));
    assert_eq!((&point.explicit_bounds[..], point.max), (&[0.1, f64::INFINITY][..], None));
    let Some(Data::ExponentialHistogram(exponential)) = &metrics[2].data else { panic!("{metrics:?}") };
    let point = &exponential.data_points[0];
    let positive = point.positive.as_ref().unwrap();
    assert_eq!((point.scale, positive.offset, &positive.bucket_counts[..]), (-3, -1, &[300][..]));

    let json =
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":9,"body":{"stringValue":"line"}}]}]}]}"#;
    let read = ExportLogsServiceRequest::decode(&*transcode(&LOGS, json.as_bytes()).unwrap()).unwrap();
    let record = &read.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.severity_number, 9);
    assert_eq!(record.body.as_ref().unwrap().value, Some(Value::StringValue("line".to_owned())));
}
