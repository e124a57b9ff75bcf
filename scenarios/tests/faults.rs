//! Faults as a scenario writes them: what they mean, and every problem with them at once, each in its place.

use std::path::PathBuf;
use std::time::Duration;

use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::{GrpcStatus, Http2Error, Scenario, SinkFault, Windows};
use spanproof_scenarios::units::Ppb;

fn with(faults: &str, limits: &str) -> Result<Scenario, Problems> {
    let text = format!(
        "scenario: 1\nname: drill\ntraffic: {{workload: shop, rate: 100}}\nrun: {{duration: 10s, warmup: 2s}}\nfaults:\n{faults}\
         limits: [{limits}]\n"
    );
    load(&Source { name: "my.yaml".to_owned(), text, directory: PathBuf::new() }, &LoadOptions::default())
}

fn kind(fault: &str) -> SinkFault {
    let scenario = with(&format!("  - {{name: x, at: 1s, for: 2s, fault: {fault}}}\n"), "");
    scenario.unwrap_or_else(|problems| panic!("{fault}: {problems}")).faults[0].kind
}

#[test]
fn a_fault_has_a_name_a_time_and_what_happens() {
    let scenario = with(
        "  - {name: down, at: 11s, for: 3s, fault: {grpc_status: {code: UNAVAILABLE, retry_after: 5s}}}\n  \
         - {name: flapping, at: 1s, for: 500ms, every: 2s, times: 4, share: 30%, on: sink, fault: hang}\n",
        "'latency.intended_to_delivered.p99 < 1s before down', 'recovery.drained < 9s after flapping'",
    )
    .unwrap();
    let [down, flapping] = &scenario.faults[..] else { panic!("{scenario:?}") };
    let seconds = Duration::from_secs;
    assert_eq!((&*down.name, down.share), ("down", Ppb::WHOLE));
    assert_eq!(down.windows, Windows { at: seconds(11), lasting: seconds(3), every: seconds(3), times: 1 });
    let retry_after = Some(seconds(5));
    assert_eq!(down.kind, SinkFault::GrpcStatus { code: GrpcStatus::Unavailable, retry_after });
    assert_eq!((flapping.share, flapping.kind), (Ppb::from_percent(30), SinkFault::Hang));
    assert_eq!((flapping.windows.times, flapping.windows.end()), (4, Duration::from_millis(7500)));
    assert_eq!(scenario.limits.len(), 2);
}

#[test]
fn every_kind_is_read() {
    assert_eq!(kind("{http_status: {status: 504}}"), SinkFault::HttpStatus { status: 504, retry_after: None });
    assert_eq!(kind("{slow: {by: 4s}}"), SinkFault::Slow { by: Duration::from_secs(4) });
    assert_eq!(kind("hang"), SinkFault::Hang);
    assert_eq!(kind("reset"), SinkFault::Reset { error: Http2Error::Cancel });
    assert_eq!(kind("{reset: {error: INTERNAL_ERROR}}"), SinkFault::Reset { error: Http2Error::InternalError });
    assert_eq!(kind("lost_answer"), SinkFault::LostAnswer);
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_in_its_place() {
    let problems = with(
        "  - {name: down, at: 12s, for: 3s, fault: {grpc_status: {code: GONE}}}\n  \
         - {name: Down, for: 0s, fault: hang}\n  \
         - {name: twice, at: 1s, for: 3s, every: 2s, times: 3, fault: {slow: {}}}\n  \
         - {name: twice, at: 1s, for: 3s, times: 3, share: 101%, fault: {http_status: {status: 200}}}\n  \
         - {name: often, at: 1s, for: 1s, every: 2s, fault: lost_answer}\n",
        "'latency.intended_to_delivered.p99 < 1s during twise', 'recovery.recovered < 1s after often'",
    );
    insta::assert_snapshot!(problems.unwrap_err().to_string());
}
