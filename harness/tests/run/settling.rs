//! The end of a run: how long it is waited, what that makes late, lost or repeated, and that none is taken for another.

use crate::external::{against, sink_address, target, target_of};
use crate::rig::{Ended, quickstart};
use std::time::Duration;

/// Five thousand spans, half a second of load, with this patience and these defects.
fn with(late_after: &str, plants: &[&str]) -> Ended {
    let late_after = format!("run.late_after={late_after}");
    let plants = plants.iter().flat_map(|defect| ["--plant", *defect]);
    let more = ["--set", &late_after, "--set", "run.spans=5000"];
    quickstart(&more.into_iter().chain(plants).collect::<Vec<_>>())
}

/// The embedded target holds nothing back, so `late_after` is all there is.
#[test]
fn a_delivery_just_inside_the_patience_passes() {
    let run = with("4s", &["deliver-late=3s,every=5"]).expect(0);
    assert_eq!((run.spans("late"), run.spans("delivered")), (0, run.spans("planned")), "{run}");
    assert!(settled(&run) > 2.0, "it was waited for\n{run}");
}

#[test]
fn a_delivery_just_outside_the_patience_is_late_and_not_lost() {
    let run = with("2s", &["deliver-late=3s,every=5"]).expect(1);
    assert_eq!(run.ids("failure"), ["late"], "{run}");
    assert!(run.spans("late") > 0 && run.spans("late") < run.spans("planned"), "{run}");
    assert_eq!((run.spans("lost_acknowledged"), run.spans("delivered")), (0, run.spans("planned")), "{run}");
    run.expect_sound_ledger();
}

#[test]
fn late_and_lost_spans_of_one_run_are_told_apart() {
    let run = with("2s", &["deliver-late=3s,every=5", "drop-one-in=100"]).expect(1);
    assert_eq!(run.ids("failure"), ["late", "lost-acknowledged"], "{run}");
    let (late, lost) = (run.spans("late"), run.spans("lost_acknowledged"));
    assert!(late > 0 && lost > 0 && run.spans("delivered") + lost == run.spans("planned"), "{run}");
    let count = |id: &str| run.findings_of(id)[0]["count"].as_u64().unwrap();
    assert_eq!((count("late"), count("lost-acknowledged")), (late, lost));
    run.expect_sound_ledger();
}

/// Of an external target nothing is known: it may hold a span for half a minute, and what has not come by then is lost.
#[test]
fn a_target_of_which_nothing_is_known_is_waited_for_half_a_minute() {
    let sink = sink_address();
    let target = target_of(&sink, &["drop-nth=777"]);
    let endpoint = format!("http://{}", target.grpc_addr());
    let run = against(target, &["--endpoint", &endpoint, "--sink-grpc", &sink], &[]).expect(1);
    assert_eq!(
        (run.ids("failure"), run.spans("lost_acknowledged")),
        (vec!["lost-acknowledged".to_owned()], 1),
        "{run}"
    );
    assert_eq!(run.result()["settle"]["ended"], "deadline");
    // How long it really took at most is for the machine to say.
    assert_eq!(run.result()["settle"]["planned_seconds"], 30.0, "{run}");
    assert!(settled(&run) >= 30.0, "{run}");
}

/// Told to wait for less, the harness cannot know whether what is absent would have come.
#[test]
fn an_absence_is_no_loss_if_it_was_not_waited_for() {
    let sink = sink_address();
    let target = target_of(&sink, &["drop-nth=777"]);
    let endpoint = format!("http://{}", target.grpc_addr());
    let more = ["--endpoint", &endpoint, "--sink-grpc", &sink, "--set", "run.settle=1s"];
    let run = against(target, &more, &[]).expect(3);
    assert_eq!((run.ids("inconclusive"), run.ids("failure")), (vec!["lost-acknowledged".to_owned()], vec![]), "{run}");
}

/// Everything arrives at once, and two seconds later once more. Nobody stops this target, so only patience can tell.
#[test]
fn a_repeat_that_comes_when_everything_has_arrived_is_seen() {
    let sink = sink_address();
    let repeating = target_of(&sink, &["deliver-late=2s,every=1"]);
    let first = target(&[&sink, &repeating.grpc_addr().to_string()], &[]);
    let endpoint = format!("http://{}", first.grpc_addr());
    let run = against(first, &["--endpoint", &endpoint, "--sink-grpc", &sink], &[]).expect(1);
    assert_eq!(
        (run.ids("failure"), run.spans("duplicated")),
        (vec!["duplicated".to_owned()], run.spans("planned")),
        "{run}"
    );
    repeating.shutdown(Duration::from_secs(5));
}

fn settled(run: &Ended) -> f64 {
    run.result()["settle"]["took_seconds"].as_f64().unwrap()
}
