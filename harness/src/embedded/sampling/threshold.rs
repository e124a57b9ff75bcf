//! Sampling span by span: those whose trace id is high enough, with the threshold written into the trace state.
//!
//! <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>

use super::mistake::{Mistake, Mistakes};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;

/// Hex digits of a threshold.
const DIGITS: u32 = 14;

/// Digits that are written, beyond those that say nothing.
const PRECISION: u32 = 4;

/// A sampler reads no trace state that is longer, or has so many members. (W3C has them carry 32; the collector's refuses the last.)
const TRACE_STATE_MAX: usize = 1024;
const MEMBERS: usize = 32;

/// Leaves out the spans below the threshold, and those whose trace state cannot be read.
pub(super) fn sample(
    mut message: ExportTraceServiceRequest,
    percent: f64,
    mistakes: &Mistakes,
) -> ExportTraceServiceRequest {
    let threshold = threshold(percent);
    let written = format!("ot=th:{}", in_hex(threshold));
    for scope in message.resource_spans.iter_mut().flat_map(|of| &mut of.scope_spans) {
        scope.spans.retain_mut(|span| {
            let keep = is_read(&span.trace_state) && randomness(span) >= threshold || mistakes.make(Mistake::Unapplied);
            span.trace_state = match span.trace_state.as_str() {
                "" => written.clone(),
                others => format!("{written},{others}"),
            };
            keep
        });
    }
    message
}

fn is_read(trace_state: &str) -> bool {
    trace_state.len() <= TRACE_STATE_MAX && trace_state.split(',').count() < MEMBERS
}

/// The last seven bytes of the trace id.
fn randomness(span: &Span) -> u64 {
    let last = span.trace_id.iter().rev().take(7).rev();
    last.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Below it nothing is kept; at most four digits, further ones where it begins with digits that say nothing.
fn threshold(percent: f64) -> u64 {
    let all = 1_u64 << 56;
    let exact = all - ((percent / 100.0) * all as f64).round() as u64;
    let digit = |place: u32| exact >> (4 * (DIGITS - 1 - place)) & 0xf;
    let first = digit(0);
    let same =
        if first == 0xf || first == 0 { (0..DIGITS).take_while(|place| digit(*place) == first).count() } else { 0 };
    let cut = 4 * DIGITS.saturating_sub(PRECISION + same as u32);
    if cut == 0 { exact } else { (((exact >> (cut - 1)) + 1) >> 1) << cut }
}

fn in_hex(threshold: u64) -> String {
    let digits = format!("{threshold:014x}");
    match digits.trim_end_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_state_of_31_members_is_read_and_one_of_32_is_not() {
        let members = |count: usize| vec!["a=b"; count].join(",");
        assert!(is_read("") && is_read(&members(31)) && !is_read(&members(32)));
        assert!(is_read(&"a".repeat(1024)) && !is_read(&"a".repeat(1025)));
    }

    /// As the examples of the specification and of the collector have them.
    #[test]
    fn thresholds_are_written_in_four_digits_that_say_something() {
        let written = [1.0, 10.0, 25.0, 50.0, 90.0, 99.0, 100.0].map(|percent| in_hex(threshold(percent)));
        assert_eq!(written, ["fd70a", "e666", "c", "8", "199a", "028f6", "0"]);
    }
}
