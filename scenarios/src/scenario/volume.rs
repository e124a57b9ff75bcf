//! Whether rate, extent and profile together send anything, and not more than can be counted.

use std::time::Duration;

use spanproof_generators::model::Stratum;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;

use super::bounds::SPANS_MAX;
use super::checker::Checker;
use super::{Extent, Profile, Run, Traffic};
use crate::units::{HumanDuration, RateOf};

pub(super) fn check(traffic: &Traffic, run: &Run, checker: &mut Checker<'_>) {
    let spans_per_trace = match &traffic.workload {
        Workload::Uniform(uniform) => f64::from(uniform.spans_per_trace),
        // How many it has in the mean is known when its shapes are made; what is too slow only by that is refused by then.
        Workload::Shop(_) => {
            let probes = traffic.anomalies.iter().find(|(stratum, _)| *stratum == Stratum::HealthCheck);
            let probes = probes.map_or(0.0, |(_, share)| share.ratio());
            (1.0 - probes) * f64::from(Shop::MEAN_SPANS_MIN) + probes
        }
    };
    let (planned, one_trace) = match (run.extent, traffic.rate.of) {
        (Extent::Spans(spans), _) => (spans as f64, 1.0),
        (Extent::Duration(duration), RateOf::Spans) => {
            (traffic.rate.per_second * duration.as_secs_f64(), spans_per_trace)
        }
        (Extent::Duration(duration), RateOf::Traces) => (traffic.rate.per_second * duration.as_secs_f64(), 1.0),
    };
    if planned < one_trace {
        let message = format!("`{}` is too slow to send one trace in the time given", traffic.rate);
        let fields = ["traffic.rate", "run.duration", "traffic.workload.uniform.spans_per_trace", "traffic.workload"];
        checker.clash(&fields, message, "raise the rate or `run.duration`");
    }
    let warming_up = traffic.rate.per_second * run.warmup.as_secs_f64();
    if planned * traffic.profile.factor_max() + warming_up > SPANS_MAX {
        let fields = ["run", "run.spans", "run.duration", "run.warmup", "traffic.rate", "traffic.profile"];
        checker.clash(&fields, "the run is larger than can be accounted for", "keep it below 10^11 spans");
    }
    if let Extent::Duration(duration) = run.extent {
        check_profile(traffic.profile, duration, checker);
    }
}

/// A change that the run never reaches is a mistake.
fn check_profile(profile: Profile, duration: Duration, checker: &mut Checker<'_>) {
    let (field, after, late) = match profile {
        Profile::Constant => return,
        Profile::Ramp { over, .. } => ("traffic.profile.ramp.over", over, over > duration),
        Profile::Step { at, .. } => ("traffic.profile.step.at", at, at >= duration),
        Profile::Burst { every, .. } => ("traffic.profile.burst.every", every, every >= duration),
    };
    if late {
        let (after, duration) = (HumanDuration(after), HumanDuration(duration));
        let message = format!("the run ends after {duration}, before `{field}: {after}` happens");
        let hint = "lengthen `run.duration`, or let it happen earlier";
        checker.clash(&[field, "run.duration", "traffic.profile"], message, hint);
    }
}
