//! Servers that get telemetry wrong: what they refuse, change, or lose without a word.

use super::twists::{
    any_metric, any_record, any_span, each_metric, each_record, each_span, fall, has_nobody, has_partial, holds,
    refuse, replace, set_partial, swallow,
};
use super::{Deviation, answer, asked, instead};
use crate::conformance::scripted::{Asked, Deed};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use std::collections::BTreeSet;

fn refuse_with(asked: &Asked, bytes: &[u8]) -> Option<Deed> {
    if holds(asked, bytes) { refuse(asked) } else { None }
}

pub(super) const DEVIATIONS: &[Deviation] = &[
    instead("PROTO-01", "refuses fields that it does not know", |asked| refuse_with(asked, b"unknown")),
    instead("PROTO-03", "refuses fields that it does not know", |asked| refuse_with(asked, b"unknown")),
    instead("PROTO-04", "refuses numbers of enums that it does not know", |asked| refuse_with(asked, &[0x30, 99])),
    instead("PROTO-05", "refuses data of a kind that it does not know", |asked| {
        refuse_with(asked, b"data of a kind to come")
    }),
    instead("PROTO-07", "refuses fields of the time before 1.0", |asked| refuse_with(asked, b"\x0a\x03old")),
    instead("PROTO-08", "refuses a field twice", |asked| refuse_with(asked, b"another")),
    instead("PROTO-09", "its own error for what is no UTF-8", |asked| {
        if holds(asked, [b'c', 0xff, b'r']) { fall(asked) } else { None }
    }),
    instead("PROTO-11", "refuses spans of nobody", |asked| {
        if !asked.body.is_empty() && !holds(asked, b"service.name") { refuse(asked) } else { None }
    }),
    instead("PROTO-12", "refuses indices of texts", |asked| refuse_with(asked, &[0x18, 5, 0x12, 2, 0x40, 6])),
    instead("PROTO-13", "refuses references to entities", |asked| refuse_with(asked, b"\x12\x07service\x1a")),
    asked("PROTO-15", "changes a trace state", |asked| replace(asked, b"a=b", b"a=c")),
    answer("DATA-01", "drops spans without a trace id without a word", |asked, answer| {
        if has_partial(asked, answer) {
            set_partial(asked, answer, None);
        }
    }),
    instead("DATA-02", "drops spans without a span id without a word", |asked| {
        if any_span(asked, |span| span.span_id.len() != 8) { swallow(asked) } else { None }
    }),
    instead("DATA-04", "drops spans with odd parents without a word", |asked| {
        if any_span(asked, |span| span.parent_span_id.len() == 3) { swallow(asked) } else { None }
    }),
    instead("DATA-05", "refuses records with ids that are none", |asked| {
        if any_record(asked, |record| record.trace_id.len() == 3) { refuse(asked) } else { None }
    }),
    instead("DATA-07", "refuses spans without a name", |asked| {
        if any_span(asked, |span| span.name.is_empty()) { refuse(asked) } else { None }
    }),
    instead("DATA-08", "refuses spans without a kind", |asked| {
        if any_span(asked, |span| span.kind == 0) { refuse(asked) } else { None }
    }),
    asked("DATA-09", "makes errors of spans without a status", |asked| {
        each_span(asked, |span| span.status.get_or_insert_default().code = 2);
    }),
    instead("DATA-10", "drops spans that end before they start without a word", |asked| {
        let is_odd = any_span(asked, |span| span.end_time_unix_nano < span.start_time_unix_nano);
        if is_odd { swallow(asked) } else { None }
    }),
    asked("DATA-11", "clears flags", |asked| each_span(asked, |span| span.flags = 0)),
    instead("DATA-14", "drops spans with an attribute twice without a word", |asked| {
        let is_twice = any_span(asked, |span| {
            let keys: BTreeSet<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
            keys.len() < span.attributes.len()
        });
        if is_twice { swallow(asked) } else { None }
    }),
    asked("DATA-15", "drops attributes with an empty key", |asked| {
        each_span(asked, |span| span.attributes.retain(|attribute| !attribute.key.is_empty()));
    }),
    instead("DATA-16", "refuses spans of nobody", |asked| if has_nobody(asked) { refuse(asked) } else { None }),
    asked("DATA-17", "forgets what was dropped", |asked| each_span(asked, |span| span.dropped_events_count = 0)),
    answer("DATA-18", "says nothing of points without a time", |asked, answer| {
        if has_partial(asked, answer) {
            set_partial(asked, answer, None);
        }
    }),
    asked("DATA-20", "makes 0 of no value", |asked| {
        each_metric(asked, |metric| {
            if let Some(Data::Gauge(gauge)) = &mut metric.data {
                gauge.data_points.iter_mut().for_each(|point| {
                    point.value.get_or_insert(Number::AsInt(0));
                });
            }
        });
    }),
    instead("DATA-22", "falls over histograms", |asked| {
        if any_metric(asked, |metric| matches!(metric.data, Some(Data::Histogram(_)))) { fall(asked) } else { None }
    }),
    instead("DATA-24", "falls over exponential histograms", |asked| {
        let is_one = any_metric(asked, |metric| matches!(metric.data, Some(Data::ExponentialHistogram(_))));
        if is_one { fall(asked) } else { None }
    }),
    asked("DATA-25", "makes values of gaps", |asked| {
        each_metric(asked, |metric| {
            if let Some(Data::Gauge(gauge)) = &mut metric.data {
                gauge.data_points.iter_mut().for_each(|point| {
                    point.flags = 0;
                    point.value.get_or_insert(Number::AsInt(0));
                });
            }
        });
    }),
    asked("DATA-28", "forgets when records were observed", |asked| {
        each_record(asked, |record| record.observed_time_unix_nano = 0);
    }),
    instead("DATA-29", "refuses records without a body", |asked| {
        if any_record(asked, |record| record.body.is_none()) { refuse(asked) } else { None }
    }),
];
