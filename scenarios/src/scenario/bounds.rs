//! How large the parts of a scenario can be at most. Whoever makes a plan from what somebody else wrote holds it to the same.

use std::time::Duration;

/// Above this no machine sends, and 64-bit nanoseconds between traces lose their meaning; in spans or traces a second.
pub const RATE_MAX: f64 = 1e8;

/// A trace index has 56 bits on the wire and a ledger two bits a span in memory; this many spans take 23 GiB of it.
pub const SPANS_MAX: f64 = 1e11;

/// Long enough for any soak test, and short enough for nanoseconds in 64 bits with room to spare.
pub const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Shapes of traces: more than the largest in-memory pools need, and a typing error less.
pub const POOL_MAX: u32 = 1_000_000;

/// Spans of a trace of the workload `uniform`.
pub const SPANS_PER_TRACE_MAX: u32 = 100_000;

/// A span never outgrows a request.
pub const SPAN_BYTES_MAX: u32 = 1 << 20;

/// Attributes of a span of the workload `uniform`.
pub const ATTRIBUTES_MAX: u32 = 1000;

/// One span of any workload and its resource fit.
pub const REQUEST_BYTES_MIN: u32 = 64 << 10;

/// Of a request, before compression.
pub const REQUEST_BYTES_MAX: u32 = 1 << 30;

/// More windows of a fault than this are a fault of the scenario: each one is kept track of.
pub const WINDOWS_MAX: u32 = 10_000;
