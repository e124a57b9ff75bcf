//! Targets that take too little: what was promised to nobody is not called lost, and too little evidence is no pass.

use crate::ending_early::SILENT;
use crate::rig::{quickstart, small, start_in};
use crate::starting::script;
use tempfile::TempDir;

#[test]
fn a_target_that_never_answers_leaves_everything_unknown() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display().to_string();
    let target = format!("process:{}", script(&folder, SILENT));
    let settings =
        ["traffic.client.timeout=500ms", "run.spans=3000", "run.settle=1s", "traffic.client.max_in_flight=500"];
    let settings = settings.into_iter().flat_map(|setting| ["--set", setting]);
    let more: Vec<&str> = ["--target", &target].into_iter().chain(settings).collect();
    let run = start_in(folder, &small("quickstart", &more), &[("FOLDER", &path)]).wait().expect(3);
    assert!(run.ids("failure").is_empty(), "{run}");
    assert_eq!(run.spans("acknowledged"), 0);
    assert!(run.spans("unknown") > 0 && run.spans("unknown") == run.spans("lost_unknown"), "{run}");
    run.expect_sound_ledger();
}

/// The client's queue is full most of the time, so that whole planned batches never leave.
#[test]
fn a_plan_of_which_too_little_was_sent_is_no_pass_but_a_loss_in_it_fails() {
    let full =
        ["--set", "traffic.client.queue=1", "--set", "traffic.client.max_in_flight=1", "--plant", "stall=300ms/400ms"];
    let run = quickstart(&full).expect(3);
    assert!(run.spans("not_sent") > run.spans("planned") / 20, "{run}");
    assert_eq!(run.ids("failure"), [""; 0]);
    assert!(run.ids("inconclusive").contains(&"not-sent".to_owned()), "{run}");
    run.expect_sound_ledger();
    let lossy = ["--plant", "drop-one-in=100", "--set", "run.late_after=3s"];
    let run = quickstart(&[&full[..], &lossy].concat()).expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"]);
    run.expect_sound_ledger();
}

#[test]
fn a_target_that_refuses_everything_has_promised_nothing() {
    let run = quickstart(&["--set", "target.embedded.memory_limit=1", "--set", "run.settle=1s"]).expect(3);
    assert_eq!((run.spans("acknowledged"), run.spans("delivered")), (0, 0), "{run}");
    assert!(
        run.ids("failure").is_empty() && run.ids("inconclusive").contains(&"nothing-delivered".to_owned()),
        "{run}"
    );
    run.expect_sound_ledger();
}

/// A client that retries as an SDK does gets everything through a target that refuses now and then.
#[test]
fn what_is_refused_for_now_and_sent_again_arrives() {
    let retry = "traffic.client.retry={enabled: true, initial_interval: 50ms, max_interval: 200ms, budget: 20s}";
    let run = quickstart(&["--set", "target.embedded.memory_limit=400KiB", "--set", retry]).expect(0);
    assert_eq!(run.spans("delivered"), run.spans("planned"));
    run.expect_sound_ledger();
}
