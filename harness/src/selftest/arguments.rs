//! From a case to the arguments of `spanproof run`.

use super::Setup;
use super::case::{Expected, Place, Traffic};
use std::path::Path;

/// Small: a second of load, and what its traces last. With few shapes, since making them takes longest; with short batches,
/// so that there are enough requests to bite; with little patience, since a lost span is waited for. Without limits, so that
/// a verdict is that of the checks.
const COMMON: [&str; 3] = ["run.spans=4000", "traffic.rate=4000", "run.late_after=4s"];
const SHOP: [&str; 2] = ["traffic.workload.shop.pool_size=256", "traffic.batch.timeout=250ms"];

/// Every anomaly of `shop`, often enough that each is in a short run.
const ANOMALIES: [&str; 11] = [
    "error_trace",
    "slow_trace",
    "health_check",
    "service_name_missing",
    "service_name_empty",
    "service_name_blank",
    "service_name_unknown",
    "parent_missing",
    "new_root",
    "trace_id_changed",
    PADDED,
];
const PADDED: &str = "trace_id_padded";
const SLOW: &str = "slow_trace";

impl Traffic {
    /// Its settings.
    fn settings(self) -> Vec<String> {
        let of_all = |share: &dyn Fn(&str) -> u32| {
            let anomalies = ANOMALIES.iter().map(|name| format!("traffic.anomalies.{name}={}%", share(name)));
            SHOP.iter().map(ToString::to_string).chain(anomalies).collect()
        };
        match self {
            Self::Common => of_all(&|name| if [SLOW, PADDED].contains(&name) { 0 } else { 2 }),
            Self::AllAnomalies => of_all(&|_| 2),
            Self::Padded => of_all(&|name| if name == PADDED { 100 } else { 0 }),
            Self::Uniform => vec!["traffic.workload=uniform".to_owned(), "traffic.anomalies={}".to_owned()],
        }
    }
}

/// The arguments of one run into `directory`.
pub(super) fn arguments(
    setup: &Setup,
    (traffic, plant, more): (Traffic, &str, &[&str]),
    expected: &Expected,
    seed: u64,
    directory: &Path,
) -> Vec<String> {
    let own = serde_json::Value::from(setup.binary.display().to_string()).to_string();
    let limits = expected.limit.map_or(String::new(), |(text, _)| text.to_owned());
    let with_own = |setting: &&str| setting.replace("{spanproof}", &own);
    let settings = COMMON
        .iter()
        .map(ToString::to_string)
        .chain(traffic.settings())
        .chain([format!("limits=[{limits}]")])
        // A target behind which the defects are to stand takes the place of a case's own.
        .chain(more.iter().filter(|more| setup.behind.is_none() || !more.starts_with("target=")).map(with_own));
    let mut arguments: Vec<String> = ["run", "quickstart", "--seed", &seed.to_string()].map(str::to_owned).to_vec();
    arguments.extend(["--out".to_owned(), directory.display().to_string()]);
    arguments.extend(settings.flat_map(|setting| ["--set".to_owned(), setting]));
    if let Some(target) = &setup.behind {
        arguments.extend(["--target".to_owned(), target.clone()]);
    }
    if !plant.is_empty() {
        let flag = if setup.place() == Place::Behind { "--plant-behind" } else { "--plant" };
        arguments.extend([flag.to_owned(), plant.to_owned()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_generators::model::Stratum;

    #[test]
    fn every_anomaly_there_is_is_among_those_sent() {
        let names: Vec<&str> = Stratum::ANOMALIES.iter().map(|stratum| stratum.name()).collect();
        assert_eq!(names, ANOMALIES);
    }
}
