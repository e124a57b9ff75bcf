//! Sampling: the embedded target decides by the collector's configuration as a collector does, and then with mistakes.

use super::{OWN_SETTING, settings};
use crate::selftest::case::{Case, Expected, Traffic};

const SEVERAL: &str = "one mistake touches requests, another traces; the finding counts traces";

const RIGHT: Expected = Expected { told: &["changed-as-known"], ..Expected::PASS };

const fn wrong(failing: &'static [&'static str]) -> Expected {
    Expected { told: &["changed-as-known"], ..Expected::failing(failing) }
}

const fn planted(name: &'static str, plant: &'static str, expected: Expected, shows: &'static str) -> Case {
    Case::defect(name, plant, expected, shows).not_counted(SEVERAL).behind(OWN_SETTING)
}

/// Everything that a sampler may do wrong.
pub(super) const SAMPLING: [Case; 18] = [
    Case::without_defect(
        "sampling",
        Traffic::Common,
        &[settings::TAIL],
        RIGHT,
        "whole traces are kept or dropped as the configuration says; that schema URLs are erased is known",
    )
    .behind(OWN_SETTING),
    planted(
        "missample=inverted",
        "missample=inverted",
        wrong(&["dropped-wrongly", "kept-wrongly", "lost-acknowledged"]),
        "what ought to be dropped is kept, and what ought to be kept is dropped",
    )
    .with(&[settings::TAIL]),
    planted(
        "missample=off-by-one",
        "missample=off-by-one",
        wrong(&["dropped-wrongly", "lost-acknowledged"]),
        "traces with exactly as many spans as are wanted are dropped",
    )
    .with(&[settings::TAIL]),
    planted(
        "missample=unsalted",
        "missample=unsalted",
        wrong(&["dropped-wrongly", "kept-wrongly", "lost-acknowledged"]),
        "the share is right and the traces are others",
    )
    .with(&[settings::TAIL]),
    planted(
        "missample=wrong-bytes",
        "missample=wrong-bytes",
        wrong(&["dropped-wrongly", "kept-wrongly", "lost-acknowledged"]),
        "likewise, since half of the id is not hashed",
    )
    .with(&[settings::TAIL]),
    planted(
        "missample=errors-too",
        "missample=errors-too",
        wrong(&["dropped-wrongly", "lost-acknowledged"]),
        "traces with errors are sampled like the rest",
    )
    .with(&[settings::TAIL]),
    planted(
        "missample=by-request",
        "missample=by-request",
        wrong(&["dropped-wrongly", "lost-acknowledged", "split"]),
        "each request's part of a trace is decided by itself",
    )
    .with(&[settings::TAIL]),
    planted(
        "missample=late-again",
        "missample=late-again",
        wrong(&["lost-acknowledged", "split"]),
        "spans that come when their trace is decided are decided once more, by themselves",
    )
    .with(&[settings::HASTY_TAIL, "traffic.anomalies.slow_trace=30%", "run.spans=8000"]),
    Case::without_defect(
        "sampling:late",
        Traffic::Common,
        &[settings::HASTY_TAIL, "traffic.anomalies.slow_trace=30%", "run.spans=8000"],
        RIGHT,
        "spans that come late follow the decision on their trace",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "sampling:threshold",
        Traffic::Common,
        &[settings::EQUALIZING],
        Expected::open(&["changed-by-design"]),
        "span by span, by the id; what a sampler writes into the trace state is not held against it",
    )
    .behind(OWN_SETTING),
    planted(
        "missample=unapplied",
        "missample=unapplied",
        Expected { open: &["changed-by-design"], ..Expected::failing(&["kept-wrongly"]) },
        "a threshold is written, and what lies below it is kept, too",
    )
    .with(&[settings::EQUALIZING]),
    planted("missample=unlimited", "missample=unlimited", wrong(&["above-rate"]), "a rate lets everything through")
        .with(&[settings::LOW_RATE]),
    planted(
        "missample=no-tokens",
        "missample=no-tokens",
        Expected { told: &[], open: &["nothing-delivered"], ..wrong(&["below-rate"]) },
        "a rate lets nothing through, and has tokens",
    )
    .with(&[settings::HIGH_RATE]),
    Case::without_defect(
        "promises",
        Traffic::Common,
        &[settings::TAIL, "promises=[{traces: error, kept: 100%}, {spans: trace.error, kept: 100%}]"],
        RIGHT,
        "what is promised is kept",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "promise-broken",
        Traffic::Common,
        &[settings::TAIL, "promises=[{traces: not error, kept: 100%}]"],
        wrong(&["promise-broken"]),
        "the target does as its configuration says, and somebody believed that it says something else",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "promise-untried",
        Traffic::Common,
        &[settings::TAIL, "promises=[{traces: service == 'nobody', kept: 100%}]"],
        Expected { open: &["promise-untried"], ..RIGHT },
        "a promise about what was not sent is not kept by that",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "sampling:unknown",
        Traffic::Common,
        &[settings::SWALLOWING_TARGET, settings::FILTER],
        Expected { told: &["version-assumed"], ..Expected::open(&["fate-unknown", "nothing-delivered"]) },
        "of a filter whose condition nobody here can read nothing is claimed",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "sampling:bytes",
        Traffic::Common,
        &[settings::SWALLOWING_TARGET, settings::BYTES],
        Expected { told: &["version-assumed"], ..Expected::open(&["nothing-delivered", "rate-unknown"]) },
        "nor of how much a rate of bytes lets through",
    )
    .behind(OWN_SETTING),
];
