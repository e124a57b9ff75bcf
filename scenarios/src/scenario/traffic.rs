//! What is sent, how much of it, and in which rhythm.

use std::num::NonZeroU32;
use std::time::Duration;

use spanproof_generators::model::Stratum;
use spanproof_generators::workload::Workload;

use super::bounds::{DURATION_MAX, RATE_MAX, REQUEST_BYTES_MAX, REQUEST_BYTES_MIN};
use super::checker::{Checker, nonzero};
use super::client::{Client, Transport, client, transport};
use super::workload::{anomalies, workload};
use crate::spec::{Arrivals, BurstSpec, Packing, ProfileSpec, RampSpec, StepSpec, TrafficSpec};
use crate::units::{ByteSize, HumanDuration, Ppb, Rate};

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// Which traces.
    pub workload: Workload,
    /// The total rate before the profile shapes it; above 0.
    pub rate: Rate,
    /// Spacing of the traces.
    pub arrivals: Arrivals,
    /// How the rate changes.
    pub profile: Profile,
    /// How spans share requests.
    pub packing: Packing,
    /// When an exporter sends what it has gathered.
    pub batch: Batch,
    /// No request grows beyond so many bytes.
    pub request_bytes_max: NonZeroU32,
    /// Anomalies and their shares of all traces, each above 0, in the order of [`Stratum::ANOMALIES`]; together at most
    /// [`Ppb::WHOLE`].
    pub anomalies: Vec<(Stratum, Ppb)>,
    /// How requests travel.
    pub transport: Transport,
    /// How the sending side behaves.
    pub client: Client,
}

/// How the rate changes in the course of the run. Times count from the end of the warm-up, during which the plain rate
/// holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Profile {
    /// It does not.
    Constant,
    /// A straight line from a share of the rate to the whole, which stays.
    Ramp {
        /// Where it starts.
        from: Ppb,
        /// How long it takes; above zero.
        over: Duration,
    },
    /// Multiplied from an instant on.
    Step {
        /// When.
        at: Duration,
        /// By how much; finite and above 0.
        factor: f64,
    },
    /// Multiplied for a while, again and again; the first burst starts after one period.
    Burst {
        /// From start to start; longer than `length`.
        every: Duration,
        /// How long each lasts; above zero.
        length: Duration,
        /// By how much; finite and above 0.
        factor: f64,
    },
}

impl Profile {
    /// The largest factor that the rate is ever multiplied by.
    pub fn factor_max(self) -> f64 {
        match self {
            Self::Constant | Self::Ramp { .. } => 1.0,
            Self::Step { factor, .. } | Self::Burst { factor, .. } => factor.max(1.0),
        }
    }
}

/// When an exporter sends what it has gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// As soon as it has so many spans.
    pub spans: NonZeroU32,
    /// At the latest after this time; above zero.
    pub timeout: Duration,
}

pub(super) fn resolve(spec: Option<&TrafficSpec>, checker: &mut Checker<'_>) -> Option<Traffic> {
    let spec = checker.required("traffic", spec, "add `traffic: {workload: shop, rate: 5000 spans/s}`")?;
    let kind =
        checker.required("traffic.workload", spec.workload.as_ref(), "add `workload: shop` or `workload: uniform`");
    let workload = kind.map(|kind| workload(kind, checker));
    let rate = checker.required("traffic.rate", spec.rate, "add a rate such as `rate: 5000 spans/s`");
    let profile = profile(spec.profile.as_ref(), checker);
    let rate = rate.filter(|rate| check_rate(*rate, profile, checker));
    let anomalies = anomalies(spec.anomalies.as_ref(), workload.as_ref(), checker);
    let batch = spec.batch.clone().unwrap_or_default();
    let batch = Batch {
        spans: checker.positive("traffic.batch.spans", batch.spans, nonzero(512)),
        timeout: batch_timeout(batch.timeout, checker),
    };
    let request_bytes_max = request_bytes_max(spec.request_bytes_max, checker);
    let transport = transport(spec.transport.as_ref(), checker);
    let client = client(spec.client.as_ref(), checker);
    Some(Traffic {
        workload: workload?,
        rate: rate?,
        arrivals: spec.arrivals.unwrap_or_default(),
        profile: profile?,
        packing: spec.packing.unwrap_or_default(),
        batch,
        request_bytes_max,
        anomalies,
        transport,
        client,
    })
}

fn batch_timeout(timeout: Option<HumanDuration>, checker: &mut Checker<'_>) -> Duration {
    const FIELD: &str = "traffic.batch.timeout";
    let timeout = checker.lasting(FIELD, timeout, Duration::from_secs(5));
    if timeout > DURATION_MAX {
        checker.invalid(FIELD, "an exporter would wait for longer than a year", "give a shorter time");
    }
    timeout
}

fn check_rate(rate: Rate, profile: Option<Profile>, checker: &mut Checker<'_>) -> bool {
    let factor = profile.map_or(1.0, Profile::factor_max);
    if rate.per_second <= 0.0 {
        checker.invalid("traffic.rate", "a rate of 0 sends nothing", "give a total such as `5000 spans/s`");
        return false;
    }
    if rate.per_second * factor > RATE_MAX {
        let at_peak = if factor > 1.0 { format!(", {factor} times that at its peak,") } else { String::new() };
        let message = format!("`{rate}`{at_peak} is more than can be sent");
        let fields = ["traffic.rate", "traffic.profile.step.factor", "traffic.profile.burst.factor", "traffic.profile"];
        checker.clash(&fields, message, format!("give at most {RATE_MAX} a second; rates are totals"));
        return false;
    }
    true
}

fn request_bytes_max(size: Option<ByteSize>, checker: &mut Checker<'_>) -> NonZeroU32 {
    // Below the 4 MiB that gRPC servers accept by default.
    let bytes = size.map_or(3_670_016, |size| size.0);
    let (min, max) = (u64::from(REQUEST_BYTES_MIN), u64::from(REQUEST_BYTES_MAX));
    if !(min..=max).contains(&bytes) {
        let hint = format!("give a size from {} to {}", ByteSize(min), ByteSize(max));
        checker.invalid("traffic.request_bytes_max", format!("`{}` is not possible here", ByteSize(bytes)), hint);
    }
    nonzero(u32::try_from(bytes).unwrap_or(u32::MAX))
}

fn profile(spec: Option<&ProfileSpec>, checker: &mut Checker<'_>) -> Option<Profile> {
    match spec {
        None if checker.document.has_failed(&crate::document::FieldPath::keys("traffic.profile")) => None,
        None | Some(ProfileSpec::Constant) => Some(Profile::Constant),
        Some(ProfileSpec::Ramp(ramp)) => ramp_profile(ramp, checker),
        Some(ProfileSpec::Step(step)) => step_profile(step, checker),
        Some(ProfileSpec::Burst(burst)) => burst_profile(burst, checker),
    }
}

fn ramp_profile(spec: &RampSpec, checker: &mut Checker<'_>) -> Option<Profile> {
    let from = spec.from.unwrap_or_default();
    if from > Ppb::WHOLE {
        checker.invalid("traffic.profile.ramp.from", "a ramp starts at 100% at most", "give a share such as `10%`");
    }
    let over = required_duration("traffic.profile.ramp.over", spec.over, checker);
    Some(Profile::Ramp { from, over: over? })
}

fn step_profile(spec: &StepSpec, checker: &mut Checker<'_>) -> Option<Profile> {
    let at = checker.required("traffic.profile.step.at", spec.at, "say when, such as `at: 30s`");
    let factor = factor("traffic.profile.step.factor", spec.factor, checker);
    Some(Profile::Step { at: at?.0, factor: factor? })
}

fn burst_profile(spec: &BurstSpec, checker: &mut Checker<'_>) -> Option<Profile> {
    let every = required_duration("traffic.profile.burst.every", spec.every, checker);
    let length = required_duration("traffic.profile.burst.for", spec.length, checker);
    let factor = factor("traffic.profile.burst.factor", spec.factor, checker);
    if let (Some(every), Some(length)) = (every, length)
        && length >= every
    {
        let hint = "make `for` shorter than `every`";
        let fields = ["traffic.profile.burst.for", "traffic.profile.burst.every"];
        checker.clash(&fields, "each burst lasts until the next begins", hint);
    }
    Some(Profile::Burst { every: every?, length: length?, factor: factor? })
}

fn required_duration(field: &str, value: Option<HumanDuration>, checker: &mut Checker<'_>) -> Option<Duration> {
    let duration = checker.required(field, value, "give a duration such as `30s`")?;
    Some(checker.lasting(field, Some(duration), Duration::from_secs(1)))
}

fn factor(field: &str, value: Option<f64>, checker: &mut Checker<'_>) -> Option<f64> {
    let factor = checker.required(field, value, "say by how much, such as `factor: 3`")?;
    let possible = factor.is_finite() && factor > 0.0;
    if !possible {
        checker.invalid(field, "the factor must be above 0", "give a number such as `3` or `0.5`");
    }
    possible.then_some(factor)
}
