//! What data points may hold, and what is right to do with those that hold what they may not.

use super::http::METRICS;
use super::json::READ_BACK;
use super::{arrived_if_taken, asks_account};
use crate::conformance::axes::{BINARY, Over};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load, TIME, mark};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::readback::Item;
use crate::conformance::registry::Case;
use crate::conformance::reply::Reply;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
};
use prost::Message;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("DATA-18/no-time", METRICS_BINARY, |p| Box::pin(no_time(p))).needing(READ_BACK),
    Case::new("DATA-20/no-value", METRICS_BINARY, |p| Box::pin(no_value(p))).needing(READ_BACK),
    Case::new("DATA-22/odd-histograms", METRICS_BINARY, |p| Box::pin(odd_histograms(p))).needing(READ_BACK),
    Case::new("DATA-24/extreme-scales", METRICS_BINARY, |p| Box::pin(extreme_scales(p))).needing(READ_BACK),
    Case::new("DATA-25/no-recorded-value", METRICS_BINARY, |p| Box::pin(no_recorded_value(p))).needing(READ_BACK),
];

const METRICS_BINARY: Over = Over::each(BINARY, METRICS);

/// A request with one metric that holds one point.
fn of_metric(marker: &str, data: Data) -> Load {
    let metric = Metric { name: "spanproof.conformance".to_owned(), data: Some(data), ..Metric::default() };
    Load::marked(payload::metrics_of(vec![metric]).encode_to_vec(), marker, 1)
}

/// A request with one point of a gauge in which something is changed.
fn changed(probe: &Probe, change: impl FnOnce(&mut NumberDataPoint)) -> Load {
    let marker = probe.marker();
    let mut point = payload::point(&marker, 0);
    change(&mut point);
    Load::marked(payload::metrics_of(vec![payload::gauge(vec![point])]).encode_to_vec(), &marker, 1)
}

/// The points of gauges that came out of a request.
async fn points(probe: &Probe, load: &Load, reply: &Result<Reply, Unanswered>) -> Vec<NumberDataPoint> {
    let point = |item: &Item| match item {
        Item::Point(metric, number) => match &metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.get(*number).cloned(),
            _ => None,
        },
        _ => None,
    };
    arrived_if_taken(probe, load, reply).await.iter().filter_map(|arrived| point(&arrived.item)).collect()
}

async fn no_time(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a point without a time is rejected, and counted");
    let load = changed(probe, |point| point.time_unix_nano = 0);
    let reply = probe.send(&load).await;
    asks_account(&mut judged, "a time of 0", &reply);
    if reply.is_ok_and(|reply| reply.outcome().is_taken() && reply.outcome().rejected() == 0) {
        judged.saw(How::Weak, "it is taken as if it were of 1970");
    }
    Ok(judged)
}

async fn no_value(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a point without a value is accounted for, and never becomes 0");
    let load = changed(probe, |point| point.value = None);
    let reply = probe.send(&load).await;
    asks_account(&mut judged, "no value", &reply);
    for point in points(probe, &load, &reply).await {
        match point.value {
            None => judged.asks(true, "it came out without one"),
            Some(value) => judged.asks(false, format!("it came out with the value {value:?}")),
        }
    }
    Ok(judged)
}

/// A histogram in which everything fits.
fn histogram(marker: &str) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: vec![mark(marker)],
        start_time_unix_nano: TIME - 1,
        time_unix_nano: TIME,
        count: 3,
        sum: Some(6.0),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![2.0],
        ..HistogramDataPoint::default()
    }
}

/// What is made odd of a histogram.
type Change = fn(&mut HistogramDataPoint);

async fn odd_histograms(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("histograms that do not add up are accounted for, and the server goes on");
    let odd: [(&str, Change); 5] = [
        ("too few buckets", |point| point.bucket_counts = vec![3]),
        ("buckets that add up to more", |point| point.bucket_counts = vec![u64::MAX, u64::MAX]),
        ("bounds that fall", |point| (point.explicit_bounds, point.bucket_counts) = (vec![2.0, 1.0], vec![1, 1, 1])),
        ("the least above the most", |point| (point.min, point.max) = (Some(5.0), Some(1.0))),
        ("bounds without end", |point| point.explicit_bounds = vec![f64::NAN]),
    ];
    for (name, change) in odd {
        let marker = probe.marker();
        let mut point = histogram(&marker);
        change(&mut point);
        let data = Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 });
        asks_account(&mut judged, name, &probe.send(&of_metric(&marker, data)).await);
    }
    let reply = probe.send(&probe.good(1)).await?;
    judged.asks(reply.outcome().is_taken(), format!("afterwards: {}", reply.words()));
    Ok(judged)
}

async fn extreme_scales(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("exponential histograms of extreme scales are accounted for");
    for (name, scale, offset, zero_threshold) in [
        ("the smallest scale", i32::MIN, 0, 0.0),
        ("the largest scale", i32::MAX, 0, 0.0),
        ("the smallest offset", 20, i32::MIN, 0.0),
        ("the largest offset", 20, i32::MAX, 0.0),
        ("a threshold without end", 0, 0, f64::INFINITY),
    ] {
        let marker = probe.marker();
        let point = ExponentialHistogramDataPoint {
            attributes: vec![mark(&marker)],
            start_time_unix_nano: TIME - 1,
            time_unix_nano: TIME,
            count: 2,
            scale,
            zero_count: 1,
            positive: Some(Buckets { offset, bucket_counts: vec![1] }),
            zero_threshold,
            ..ExponentialHistogramDataPoint::default()
        };
        let histogram = ExponentialHistogram { data_points: vec![point], aggregation_temporality: 2 };
        let load = of_metric(&marker, Data::ExponentialHistogram(histogram));
        asks_account(&mut judged, name, &probe.send(&load).await);
    }
    Ok(judged)
}

async fn no_recorded_value(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a point that says that nothing was recorded stays one, and does not become 0");
    let load = changed(probe, |point| (point.flags, point.value) = (1, None));
    let reply = probe.send(&load).await;
    asks_account(&mut judged, "NO_RECORDED_VALUE", &reply);
    for point in points(probe, &load, &reply).await {
        let is_gap = point.flags & 1 == 1;
        let told = format!("it came out with the flags {} and the value {:?}", point.flags, point.value);
        judged.asks(is_gap && !matches!(point.value, Some(Number::AsInt(1..))), told);
    }
    Ok(judged)
}
