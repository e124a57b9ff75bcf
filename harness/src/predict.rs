//! What a configuration foretells of an outage: how full the queue gets, which requests are given up, which are refused.
//!
//! Pure: settings of the exporter, the instants at which requests come and the windows in which the backend is broken go in; what
//! may become of each request comes out. `queue` plays one course of events by the rules of the collector's exporters; it knows no
//! chance but what it is handed. [`forecast()`] plays many, with everything varied that is not known to the millisecond, and
//! tells certain fates from those that differ. The rules are those of the OpenTelemetry Collector 0.155 (`exporterhelper`).

mod forecast;
mod queue;

pub use forecast::{Faults, Forecast, Range, forecast};
pub use queue::{Backend, Broken, Course, Fate, Item, Service, play};
