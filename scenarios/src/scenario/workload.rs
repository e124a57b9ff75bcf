//! Which traces are sent, and how many of them carry which anomaly.

use spanproof_generators::model::Stratum;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_generators::workload::uniform::Uniform;

use super::bounds::{ATTRIBUTES_MAX, POOL_MAX, SPAN_BYTES_MAX, SPANS_PER_TRACE_MAX};
use super::checker::{Checker, nonzero};
use crate::spec::{AnomaliesSpec, WorkloadSpec};
use crate::units::Ppb;

pub(super) fn workload(spec: &WorkloadSpec, checker: &mut Checker<'_>) -> Workload {
    match spec {
        WorkloadSpec::Shop(shop) => {
            let field = "traffic.workload.shop.pool_size";
            let pool_size = checker.positive(field, shop.pool_size, nonzero(4096)).get();
            at_most(field, pool_size, POOL_MAX, checker);
            Workload::Shop(Shop { pool_size })
        }
        WorkloadSpec::Uniform(uniform) => {
            let default = Uniform::default();
            let mut setting = |name: &str, value, default, max| {
                let field = format!("traffic.workload.uniform.{name}");
                let value = checker.positive(&field, value, nonzero(default)).get();
                at_most(&field, value, max, checker);
                value
            };
            Workload::Uniform(Uniform {
                spans_per_trace: setting(
                    "spans_per_trace",
                    uniform.spans_per_trace,
                    default.spans_per_trace,
                    SPANS_PER_TRACE_MAX,
                ),
                span_bytes: setting("span_bytes", uniform.span_bytes, default.span_bytes, SPAN_BYTES_MAX),
                attributes: setting("attributes", uniform.attributes, default.attributes, ATTRIBUTES_MAX),
            })
        }
    }
}

fn at_most(field: &str, value: u32, max: u32, checker: &mut Checker<'_>) {
    if value > max {
        checker.invalid(field, format!("`{value}` is more than this can be"), format!("give at most {max}"));
    }
}

/// Anomalies with a share above zero, in the order in which reports list them.
pub(super) fn anomalies(
    spec: Option<&AnomaliesSpec>,
    workload: Option<&Workload>,
    checker: &mut Checker<'_>,
) -> Vec<(Stratum, Ppb)> {
    const FIELD: &str = "traffic.anomalies";
    let given = spec.map(AnomaliesSpec::given).unwrap_or_default();
    let share_of = |stratum: Stratum| given.iter().find(|(name, _)| *name == stratum.name()).map(|(_, share)| *share);
    let asked: Vec<(Stratum, Ppb)> = Stratum::ANOMALIES
        .into_iter()
        .filter_map(|stratum| Some((stratum, share_of(stratum)?)))
        .filter(|(_, share)| share.0 > 0)
        .collect();
    let sum = asked.iter().fold(0_u64, |sum, (_, share)| sum.saturating_add(share.0));
    if sum > Ppb::WHOLE.0 {
        let message = format!("the shares add up to {}, more than all traces", Ppb(sum));
        let fields: Vec<String> = asked.iter().map(|(stratum, _)| format!("{FIELD}.{}", stratum.name())).collect();
        let fields: Vec<&str> = std::iter::once(FIELD).chain(fields.iter().map(String::as_str)).collect();
        checker.clash(&fields, message, "each trace has at most one anomaly: lower them to 100% together");
    }
    if let Some(uniform @ Workload::Uniform(_)) = workload {
        for (stratum, _) in &asked {
            let message = format!("the workload `{}` has no `{}`", uniform.name(), stratum.name());
            let hint = "remove it, or choose `workload: shop`, which has all of them";
            checker.clash(&[&format!("{FIELD}.{}", stratum.name()), "traffic.workload"], message, hint);
        }
    }
    asked
}
