//! The latency log: an HdrHistogram V2 interval log (format 1.3), as the Java, Python and other readers take it.
//!
//! A line is `Tag=<series>,<second>,1.000,<max in ms>,<base64 of the deflated histogram>`. Values inside a histogram are
//! microseconds. Several lines of one series may name the same second: late values. Readers merge them.

use crate::result::epoch::Epoch;
use crate::result::latency::Series;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use std::fmt::Write;
use std::time::Duration;

/// Microseconds in the unit of the column that people read.
const MICROS_PER_MS: f64 = 1_000.0;

/// One encoded interval.
pub(super) struct Line {
    pub(super) second: u64,
    pub(super) series: Series,
    pub(super) encoded: String,
}

/// The columns of a line after its second and length: the maximum in milliseconds, and the encoded histogram.
///
/// An interval that cannot be encoded, which takes a count beyond 2^63, becomes an empty text and is left out of the log.
pub(super) fn encode(histogram: &Histogram<u64>) -> String {
    let mut buffer = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let written = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(MICROS_PER_MS)
        .begin_log_with(&mut buffer, &mut serializer)
        .is_ok_and(|mut w| w.write_histogram(histogram, Duration::ZERO, Duration::from_secs(1), None).is_ok());
    let text = String::from_utf8(buffer).unwrap_or_default();
    // What precedes the last line is a header, which the log has once; what precedes its second comma is for `text`.
    let columns = text.lines().last().and_then(|line| line.splitn(3, ',').nth(2));
    columns.filter(|_| written).unwrap_or_default().to_owned()
}

/// The whole log, lines in order of time.
pub(super) fn text(epoch: &Epoch, mut lines: Vec<Line>) -> String {
    lines.sort_by_key(|line| (line.second, line.series));
    let mut text = header(epoch);
    for Line { second, series, encoded } in lines.iter().filter(|line| !line.encoded.is_empty()) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "Tag={series},{second}.000,1.000,{encoded}");
    }
    text
}

fn header(epoch: &Epoch) -> String {
    let (seconds, millis) = (epoch.unix_ns / 1_000_000_000, epoch.unix_ns / 1_000_000 % 1_000);
    let start = format!("{seconds}.{millis:03} (seconds since epoch)");
    let lines = [
        "#[Latencies by spanproof; values are microseconds, Interval_Max is milliseconds]".to_owned(),
        "#[Histogram log format version 1.3]".to_owned(),
        format!("#[StartTime: {start}, {}]", epoch.time),
        // Given, and not left to be guessed: readers guess wrong when the epoch is near 1970, as in golden runs.
        format!("#[BaseTime: {start}]"),
        format!("#[MaxValueDivisor: {MICROS_PER_MS:.3}]"),
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"".to_owned(),
    ];
    lines.join("\n") + "\n"
}

/// The log without the lines of some series: what may be published when those are withheld.
pub fn without(log: &str, withheld: &[Series]) -> String {
    let tagged = |line: &str, series: &Series| {
        line.strip_prefix("Tag=").is_some_and(|rest| rest.split(',').next() == Some(series.name()))
    };
    let kept = log.lines().filter(|line| !withheld.iter().any(|series| tagged(line, series)));
    kept.fold(String::with_capacity(log.len()), |text, line| text + line + "\n")
}
