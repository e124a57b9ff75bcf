//! Whether the results of a run will fit on their disk, asked before anything starts.

use super::RunError;
use spanproof_generators::plan::Plan;
use std::path::Path;
use std::time::Duration;

/// Sets of records that evidence holds, each with at worst a bit for every record: missing, repeated, corrupt, late, and corrupt
/// but intact too.
const SETS: u64 = 5;

/// What evidence keeps at worst of how a corrupt record differs: its place in one of the sets of kinds, which are sparse then.
const KIND_BYTES: u64 = 2;

/// What a roaring bitmap adds for each of its containers of 65,536 records, generously.
const CONTAINER_BYTES: u64 = 64;

/// What evidence keeps of a request that did not succeed, as text.
const REQUEST_BYTES: u64 = 64;

/// What the latency log takes for each second and series: a histogram of 3 digits, compressed, in base 64. Some 700 bytes are
/// usual.
const LOG_BYTES: u64 = 4 << 10;

/// Latency series in the log.
const SERIES: u64 = 3;

/// Everything else: documents, pages, timeline, examples of findings, and some log of the target.
const DOCUMENTS_BYTES: u64 = 8 << 20;

/// The most that a run of `plan` writes, in bytes, when everything goes wrong that can. `settle` is how long it may wait for
/// the last records. A target's own log is not bounded by us, and not in it.
pub(super) fn needed(plan: &Plan, settle: Duration) -> u64 {
    let spans = plan.spans();
    let sets = SETS * (spans.div_ceil(8) + (spans / 65_536 + 1) * CONTAINER_BYTES);
    // Chunks are alike but for the last, which is smaller.
    let requests = plan.open(0).requests().len() as u64 * plan.chunks();
    let seconds = (plan.seconds().max(0.0) + settle.as_secs_f64()).ceil() as u64;
    let kinds = spans * KIND_BYTES;
    sets + kinds + requests * REQUEST_BYTES + seconds * SERIES * LOG_BYTES + DOCUMENTS_BYTES
}

/// Refuses a directory whose disk has less room than `needed`.
pub(super) fn check(directory: &Path, needed: u64) -> Result<(), RunError> {
    let room = rustix::fs::statvfs(directory)
        .map_err(|errno| RunError::File { path: directory.to_owned(), source: errno.into() })?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free >= needed { Ok(()) } else { Err(RunError::Room { directory: directory.to_owned(), needed, free }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_generators::identity::RunTag;
    use spanproof_scenarios::catalogue;
    use spanproof_scenarios::load::{LoadOptions, load};
    use spanproof_scenarios::overrides::Overrides;

    fn plan(spans: &str) -> Plan {
        let mut overrides = Overrides::new();
        overrides.set(&format!("run.spans={spans}"));
        let source = catalogue::find("throughput").unwrap().source();
        let scenario = load(&source, &LoadOptions { overrides, ..LoadOptions::default() }).unwrap();
        Plan::new(crate::run::plan_spec(&scenario, RunTag::ZERO)).unwrap()
    }

    #[test]
    fn the_estimate_covers_every_part_and_grows_with_each() {
        let (small, large) = (plan("100000"), plan("10000000"));
        let settle = Duration::from_secs(10);
        // Five bits and two bytes a record, and a request for every 512 records.
        let evidence = |plan: &Plan| plan.spans() * 21 / 8 + plan.spans() / 512 * REQUEST_BYTES;
        for plan in [&small, &large] {
            let needed = needed(plan, settle);
            let least = evidence(plan) + DOCUMENTS_BYTES + 10 * SERIES * LOG_BYTES;
            assert!(needed >= least, "{needed} for {} records", plan.spans());
            assert!(needed < 2 * least, "{needed} frightens people for {} records", plan.spans());
        }
        assert!(needed(&large, settle) - needed(&small, settle) > 25_900_000);
        assert_eq!(needed(&small, settle * 2) - needed(&small, settle), 10 * SERIES * LOG_BYTES);
    }

    #[test]
    fn room_is_compared_with_what_the_disk_has() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(folder.path(), 1).is_ok());
        let error = check(folder.path(), u64::MAX).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--out") && error.to_string().contains("free"), "{error}");
    }
}
