//! What the target's configuration foretells of an outage, set beside what comes of it.

use crate::collector::collector;
use crate::rig::{Ended, spanproof};

/// The drill of a backend that is gone, from 1 s on for 4 s, with more arguments.
fn outage(more: &[&str]) -> Ended {
    let short = [
        "--quiet",
        "--out",
        "out",
        "--set",
        "run.duration=7s",
        "--set",
        "faults[0].at=1s",
        "--set",
        "faults[0].for=4s",
    ];
    let small = ["--set", "traffic.workload.shop.pool_size=256", "--set", "limits=[spans.corrupted == 0]"];
    spanproof(&[&["run", "drills/backend-down"], &short[..], &small, more].concat())
}

fn prediction(run: &Ended) -> serde_json::Value {
    run.result()["prediction"].clone()
}

fn range(told: &serde_json::Value, name: &str) -> std::ops::RangeInclusive<u64> {
    told[name]["low"].as_u64().unwrap()..=told[name]["high"].as_u64().unwrap()
}

/// Whether there is a check that has compared.
fn has_check(run: &Ended) -> bool {
    run.result()["checks"].as_array().unwrap().iter().any(|check| check["id"] == "prediction")
}

/// Whether the judge sees a difference.
fn is_unforeseen(run: &Ended) -> bool {
    !run.findings_of("unforeseen").is_empty()
}

/// Pauses without chance and one request sent at a time: what is given up is known span by span, but where requests end within
/// milliseconds of a boundary. How many those are hangs on the seed, and the check leaves them out. With a budget of 2 s a request is tried at 0, 0.5 and 1.25 s, so each that is
/// given up keeps the only consumer for 1.25 s, and 9 s of outage cost seven of them.
#[test]
fn without_chance_each_lost_span_is_foretold() {
    let Some(target) = collector() else { return };
    let exact = [
        "--rate=300",
        "--set=run.duration=12s",
        "--set=faults[0].for=9s",
        "--set=collector.env.JITTER=0",
        "--set=collector.env.CONSUMERS=1",
        "--set=collector.env.RETRY_FOR=2s",
    ];
    let run = outage(&[&["--target", target.as_str()], &exact[..]].concat()).expect(1);
    let told = prediction(&run);
    assert_eq!(told["exact"], true, "{told}");
    let (certain, open) = (told["certain"].as_u64().unwrap(), told["open"].as_u64().unwrap());
    let lost = run.spans("lost_acknowledged");
    assert!(lost > 0 && (certain..=certain + open).contains(&lost), "{lost} lost, {told}");
    // The check has held each span against its own fate.
    assert!(has_check(&run), "{run}");
    assert!(!is_unforeseen(&run), "{run}");
    assert!(run.stdout.contains("as foretold") && !run.stdout.contains("not as foretold"), "{run}");
}

/// The usual settings: how many are lost lies in the range, by the collector and by the one inside spanproof.
#[test]
fn with_chance_the_number_of_lost_spans_lies_in_the_range() {
    let of_collector = collector().map(|target| {
        outage(&["--target", &target, "--set", "collector.env.RETRY_FOR=2s", "--set", "collector.env.CONSUMERS=5"])
    });
    let of_embedded = outage(&["--set", "target.embedded.retry.budget=2s", "--set", "target.embedded.consumers=5"]);
    for run in of_collector.into_iter().chain([of_embedded]) {
        let told = prediction(&run);
        assert_eq!(told["exact"], false, "{told}");
        let lost = run.spans("lost_acknowledged");
        assert!(lost > 0 && range(&told, "lost").contains(&lost), "{lost} lost, {told}");
        assert!(!is_unforeseen(&run), "{run}");
    }
}

#[test]
fn a_queue_that_gets_full_is_foretold_with_what_it_refuses() {
    let Some(target) = collector() else { return };
    let run = outage(&["--target", &target, "--set", "collector.env.QUEUE=40"]);
    let told = prediction(&run);
    // UNAVAILABLE is no final answer, and nobody here sends again.
    let refused = run.spans("lost_unknown");
    assert!(refused > 0 && range(&told, "refused").contains(&refused), "{refused} refused, {told}");
    assert_eq!(run.spans("lost_acknowledged"), 0, "{run}");
    assert_eq!(told["queue_peak"]["high"], 40);
    let full = told["queue_full_seconds"].as_f64().unwrap();
    assert!((1.0..3.0).contains(&full), "{told}");
    let advice = run.findings_of("unknown")[0]["try"].to_string();
    assert!(
        advice.contains("`queue_size` 40 -> ") && advice.contains("requests come until the backend has taken"),
        "{advice}"
    );
}

#[test]
fn what_to_change_names_the_line_and_the_arithmetic() {
    let Some(target) = collector() else { return };
    let run = outage(&["--target", &target, "--set", "collector.env.RETRY_FOR=2s"]).expect(1);
    let advice = run.findings_of("lost-acknowledged")[0]["try"].to_string();
    assert!(advice.contains("`max_elapsed_time` 2s -> 7s: `backend-down` lasts 4s"), "{advice}");
    let (place, _) = advice.split_once(" `max_elapsed_time`").unwrap();
    let (file, line) = place.trim_matches('"').rsplit_once(':').unwrap();
    assert!(file.contains("backend-down"), "{advice}");
    let scenario = include_str!("../../../scenarios/catalogue/drills/backend-down.yaml");
    let line = scenario.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap();
    assert_eq!(line.trim(), "max_elapsed_time: ${env:RETRY_FOR:-5m}");
}

/// Spans lost by a defect while an outage costs nothing are not what was foretold.
#[test]
fn a_loss_that_the_outage_does_not_cost_is_unforeseen() {
    let run = outage(&["--plant", "drop-one-in=100"]).expect(1);
    assert_eq!(prediction(&run)["lost"]["high"], 0, "{run}");
    let [unforeseen] = &run.findings_of("unforeseen")[..] else { panic!("{run}") };
    assert_eq!(unforeseen["count"], run.spans("lost_acknowledged"));
    assert!(run.stdout.contains("not as foretold"), "{run}");
}

/// From the evidence alone comes the same, and without the spans that were foretold nothing is judged.
#[test]
fn a_forecast_is_judged_again_from_the_evidence() {
    let run = outage(&["--plant", "drop-one-in=100"]).expect(1);
    let before = run.result();
    assert!(!before["prediction"].is_null() && is_unforeseen(&run), "{run}");
    let again = run.then(&["judge", "out"]).expect(1);
    assert_eq!(again.result(), before);
    std::fs::remove_file(again.path("out/evidence/foretold-open.roaring")).unwrap();
    again.then(&["judge", "out"]).expect(3);
}

#[test]
fn the_plan_says_what_is_foretold() {
    let budget = dry(&["--set", "target.embedded.retry.budget=1s"]);
    assert!(budget.contains("predict  embedded: a queue of 1,000 requests"), "{budget}");
    assert!(budget.contains(" spans are acknowledged and then lost, of those due 0:0"), "{budget}");
    assert!(budget.contains(" requests in the queue at most, "), "{budget}");
}

/// What is not known is said to be unknown, with the reason, in the plan and in its JSON.
#[test]
fn the_plan_says_why_nothing_can_be_foretold() {
    let slow = "faults[0].fault={slow: {by: 2s}}";
    let external = [
        "--target=external",
        "--endpoint=http://127.0.0.1:4317",
        "--sink-grpc=127.0.0.1:5317",
        "--sink-http=127.0.0.1:5318",
    ];
    let cases: [(&[&str], &str); 4] = [
        (&["--set", slow], "what comes of `backend-down` is not followed"),
        (&["--absence=unknown"], "the target may leave spans out on purpose (`absence: unknown`)"),
        (&["--plant-behind=drop-nth=5"], "another collector stands between target and sink"),
        (&external, "the target's configuration is not known"),
    ];
    for (arguments, why) in cases {
        let said = dry(arguments);
        assert!(said.contains(&format!("predict  what is lost cannot be foretold, because {why}")), "{said}");
        let json: serde_json::Value = serde_json::from_str(&dry(&[arguments, &["--format=json"]].concat())).unwrap();
        assert_eq!(
            (&json["prediction"], &json["prediction_unknown"]),
            (&serde_json::Value::Null, &why.into()),
            "{json}"
        );
    }
}

/// And in the result, which then has no check of a forecast.
#[test]
fn a_result_says_why_nothing_was_foretold() {
    let run = outage(&["--absence=unknown"]).expect(0);
    let result = run.result();
    assert!(result["prediction"].is_null() && result["prediction_unknown"].is_string(), "{result}");
    assert!(!has_check(&run), "{run}");
    assert!(run.stdout.contains("predict  what is lost could not be foretold, because the target may leave"), "{run}");
}

fn dry(more: &[&str]) -> String {
    outage(&[&["--dry-run"], more].concat()).expect(0).stdout
}
