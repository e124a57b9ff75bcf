//! What the records of a finding have in common is said by the finding itself, for patterns planted in the embedded target.

use crate::rig::{Ended, quickstart};

/// What the only finding with this id says of its records.
#[track_caller]
fn said(run: &Ended, id: &str) -> Vec<String> {
    let [finding] = &run.findings_of(id)[..] else { panic!("not one finding {id}\n{run}") };
    let said = finding["common"].as_array().unwrap_or_else(|| panic!("nothing is said in common\n{finding}"));
    said.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn planted(defect: &str, more: &[&str]) -> Ended {
    quickstart(&[&["--plant", defect, "--set", "run.late_after=4s"], more].concat()).expect(1)
}

#[test]
fn a_lost_service_is_named_and_so_is_the_flag_that_settles_whether_it_is_meant() {
    let run = planted("drop-service=checkout", &[]);
    let said = said(&run, "lost-acknowledged");
    assert!(said[0].starts_with("service checkout: all ") && said[0].contains(", none of the "), "{said:?}");
    assert!(run.stdout.contains("--absence unknown"), "{run}");
    let meant = quickstart(&["--plant", "drop-service=checkout", "--set", "run.late_after=4s", "--absence", "unknown"]);
    let meant = meant.expect(3);
    assert_eq!((meant.ids("failure"), meant.ids("inconclusive")), (vec![], vec!["absent-by-design".to_owned()]));
}

#[test]
fn every_third_request_of_one_connection_is_named() {
    // Requests small enough that a connection carries dozens of them, one at a time so that they keep their order.
    let more = ["--set", "traffic.batch={spans: 50, timeout: 100ms}", "--set", "traffic.client.max_in_flight=1"];
    let run = planted("drop-every-nth-request-of-one-connection=3", &more);
    let said = said(&run, "lost-acknowledged");
    assert!(said.iter().any(|one| one.starts_with("every 3rd request of connection ")), "{said:?}");
    assert!(said.iter().any(|one| one.contains(" whole requests of ")), "{said:?}");
}

#[test]
fn all_spans_over_a_size_are_named() {
    let run = planted("drop-over-bytes=4096", &["--set", "traffic.anomalies.error_trace=20%"]);
    let said = said(&run, "lost-acknowledged");
    assert!(said[0].starts_with("larger than 4 KiB (from ") && said[0].contains(", none of the "), "{said:?}");
}

#[test]
fn scattered_losses_have_nothing_in_common_and_that_is_said() {
    let said = said(&planted("drop-one-in=500", &[]), "lost-acknowledged");
    assert!(said.len() == 1 && said[0].starts_with("nothing: one span in "), "{said:?}");
}

#[test]
fn two_losses_at_once_are_told_apart_and_not_called_intended() {
    let run = planted("drop-service=email", &["--plant", "drop-one-in=50"]);
    let said = said(&run, "lost-acknowledged");
    assert!(said[0].starts_with("service email: ") && said[0].contains(", none of the "), "{said:?}");
    assert!(said[1].starts_with("apart from them: nothing: one span in "), "{said:?}");
    assert!(!run.stdout.contains("--absence unknown"), "{run}");
}

#[test]
fn whole_traces_are_named_as_what_a_sampler_leaves_out() {
    let run = planted("drop-whole-traces=1/20", &[]);
    let said = said(&run, "lost-acknowledged");
    assert!(said[0].starts_with("whole traces only: ") && said[0].ends_with(", 0 cut"), "{said:?}");
    assert!(run.stdout.contains("as a sampler leaves them out"), "{run}");
}

/// What differs in every span alike is one finding, whatever else differs in some of them.
#[test]
fn a_difference_in_every_span_is_one_finding_beside_others() {
    let run = planted("corrupt-everything", &["--plant", "change-kind,every=1000"]);
    let findings = run.findings_of("corrupted");
    let places: Vec<_> = findings.iter().map(|finding| finding["where"].as_str().unwrap()).collect();
    assert_eq!(places, ["attributes[\"planted.defect\"]", "kind"], "{run}");
    assert_eq!(findings[0]["common"][0], "every span alike");
    assert_eq!(findings[0]["count"].as_u64().unwrap(), run.spans("sent"));
    assert!(findings[1]["count"].as_u64().unwrap() < run.spans("sent") / 100, "{run}");
}

/// Of repeats as of losses: that they come as whole requests, and that they come here and there.
#[test]
fn repeated_requests_are_told_from_repeats_here_and_there() {
    let small_batches = ["--set", "traffic.batch={spans: 50, timeout: 100ms}"];
    let requests = said(&planted("send-request-twice,every=7", &small_batches), "duplicated");
    assert!(requests.iter().any(|one| one.contains(" whole requests of ")), "{requests:?}");
    let scattered = said(&planted("duplicate-one-in=500", &[]), "duplicated");
    assert!(scattered.len() == 1 && scattered[0].starts_with("nothing: one span in "), "{scattered:?}");
}

/// Of changes, too: only the spans that process orders have links to lose.
#[test]
fn the_only_spans_that_changed_are_told_from_changes_here_and_there() {
    let named = said(&planted("lose-links,every=1", &[]), "corrupted");
    assert!(named[0].starts_with("name \"process orders\": all ") && named[0].contains(", none of the "), "{named:?}");
    let scattered = said(&planted("change-name,every=500", &[]), "corrupted");
    assert!(scattered.len() == 1 && scattered[0].starts_with("nothing: one span in "), "{scattered:?}");
}
