//! Faults as a scenario writes them: what they mean, and every problem with them at once, each in its place.

use std::path::PathBuf;
use std::time::Duration;

use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::{
    AnswerShape, Direction, FaultKind, GrpcStatus, Http2Error, LinkFault, LinkSite, Reach, ReachOf, RetryAfter,
    Scenario, SinkFault, TargetFault, Windows,
};
use spanproof_scenarios::units::{HumanDuration, Ppb};

fn with(faults: &str, limits: &str) -> Result<Scenario, Problems> {
    let text = format!(
        "scenario: 1\nname: drill\ntraffic: {{workload: shop, rate: 100}}\nrun: {{duration: 10s, warmup: 2s}}\nfaults:\n{faults}\
         limits: [{limits}]\n"
    );
    load(&Source { name: "my.yaml".to_owned(), text, directory: PathBuf::new() }, &LoadOptions::default())
}

fn kind(fault: &str) -> SinkFault {
    let scenario = with(&format!("  - {{name: x, at: 1s, for: 2s, fault: {fault}}}\n"), "");
    match scenario.unwrap_or_else(|problems| panic!("{fault}: {problems}")).faults[0].kind.clone() {
        FaultKind::Sink { fault, reach: Reach::WHOLE } => fault,
        other => panic!("{other:?}"),
    }
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
    assert_eq!(down.name, "down");
    assert_eq!(down.windows, Windows { at: seconds(11), lasting: seconds(3), every: seconds(3), times: 1 });
    let retry_after = Some(seconds(5));
    let fault = SinkFault::GrpcStatus { code: GrpcStatus::Unavailable.into(), retry_after };
    assert_eq!(down.kind, FaultKind::Sink { fault, reach: Reach::WHOLE });
    assert_eq!(flapping.kind, FaultKind::Sink { fault: SinkFault::Hang, reach: Reach::share(Ppb::from_percent(30)) });
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
    let lost = |error, after_headers| SinkFault::LostAnswer { error, after_headers };
    assert_eq!(kind("lost_answer"), lost(Http2Error::Cancel, false));
    assert_eq!(kind("{lost_answer: {error: NO_ERROR, after_headers: true}}"), lost(Http2Error::NoError, true));
    let code = "42".parse().unwrap();
    assert_eq!(kind("{grpc_status: {code: 42}}"), SinkFault::GrpcStatus { code, retry_after: None });
    assert_eq!(kind("{partial_success: {rejected: -1}}"), SinkFault::Partial { rejected: -1 });
    assert_eq!(kind("{broken_answer: {shape: no_status}}"), SinkFault::BrokenAnswer(AnswerShape::NoStatus));
    assert_eq!(kind("discard"), SinkFault::Discard);
    let code = GrpcStatus::InvalidArgument.into();
    assert_eq!(kind("{poison: {one_in: 1000}}"), SinkFault::Poison { one_in: 1000, code });
}

#[test]
fn a_link_is_that_to_the_sink_unless_said_otherwise() {
    let link = |more: &str| {
        let fault = "fault: {link: {latency: {by: 200ms, jitter: 50ms}}}";
        let scenario = with(&format!("  - {{name: x, at: 1s, for: 2s, {fault}{more}}}\n"), "").unwrap();
        scenario.faults[0].kind.clone()
    };
    let ms = |ms| HumanDuration(Duration::from_millis(ms));
    let fault = LinkFault::Latency { by: ms(200), jitter: ms(50), direction: Direction::Both };
    let expected = |site, share| FaultKind::Link { site, fault, share };
    assert_eq!(link(""), expected(LinkSite::Egress, Ppb::WHOLE));
    assert_eq!(link(", on: egress, share: 30%"), expected(LinkSite::Egress, Ppb::from_percent(30)));
    assert_eq!(link(", on: ingress"), expected(LinkSite::Ingress, Ppb::WHOLE));
    let words = link(", on: ingress, share: 30%").to_string();
    assert_eq!(words, "the link to the target is 200ms slower, 50ms more or less, for 30% of the connections");
}

#[test]
fn what_a_link_cannot_is_said_in_its_place() {
    let wrong = [
        ("on: sink, fault: {link: reset}", "write `on: egress` or `on: ingress`"),
        ("share_to: 50%, fault: {link: reset}", "connections last"),
        ("share_of: requests, fault: {link: reset}", "on the way there are connections"),
        ("share: 50%, fault: {link: refuse}", "who refuses connections refuses all of them"),
        ("share: 0%, fault: {link: reset}", "touches nothing"),
        ("fault: {link: {latency: {}}}", "say how much later all comes"),
        ("fault: {link: {stall: {direction: up}}}", "expected `upstream`, `downstream` or `both`"),
        ("fault: link", "expected one of `refuse`, `reset`"),
    ];
    for (fault, said) in wrong {
        let problems = with(&format!("  - {{name: x, at: 1s, for: 2s, {fault}}}\n"), "").unwrap_err().to_string();
        assert!(problems.contains(said), "{fault}: {problems}");
    }
}

#[test]
fn retry_after_is_read_in_every_form() {
    let after = |settings: &str| match kind(&format!("{{http_status: {{status: 503, {settings}}}}}")) {
        SinkFault::HttpStatus { status: 503, retry_after } => retry_after,
        other => panic!("{other:?}"),
    };
    let wait = Duration::from_secs(5);
    assert_eq!(after("retry_after: 5s"), Some(RetryAfter::Seconds(wait)));
    assert_eq!(after("retry_after: 5s, retry_after_form: date"), Some(RetryAfter::Date(wait)));
    assert_eq!(after("retry_after: 5s, retry_after_form: twice"), Some(RetryAfter::Twice(wait)));
    let odd = ["words", "negative", "huge", "empty"].map(|form| after(&format!("retry_after_form: {form}")));
    assert_eq!(odd, [RetryAfter::Words, RetryAfter::Negative, RetryAfter::Huge, RetryAfter::Empty].map(Some));
}

#[test]
fn a_share_may_rise_or_be_one_of_connections() {
    let reach = |settings: &str| {
        let scenario = with(&format!("  - {{name: x, at: 1s, for: 2s, fault: hang, {settings}}}\n"), "").unwrap();
        match scenario.faults[0].kind.clone() {
            FaultKind::Sink { reach, .. } => reach,
            other => panic!("{other:?}"),
        }
    };
    let percent = Ppb::from_percent;
    let of = ReachOf::Requests;
    assert_eq!(reach("share: 0%, share_to: 60%"), Reach { from: percent(0), to: percent(60), of });
    let of = ReachOf::Connections;
    assert_eq!(reach("share: 50%, share_of: connections"), Reach { from: percent(50), to: percent(50), of });
}

#[test]
fn what_contradicts_itself_in_a_kind_is_told_in_its_place() {
    let problems = with(
        "  - {name: a, at: 1s, for: 1s, fault: {http_status: {status: 503, retry_after: 5s, retry_after_form: words}}}\n  \
         - {name: b, at: 1s, for: 1s, fault: {http_status: {status: 503, retry_after_form: date}}}\n  \
         - {name: c, at: 1s, for: 1s, share: 10%, share_of: requests, fault: {poison: {one_in: 10}}}\n  \
         - {name: d, at: 1s, for: 1s, fault: {poison: {one_in: 0}}}\n  \
         - {name: e, at: 1s, for: 1s, share: 0%, fault: {partial_success: {}}}\n  \
         - {name: f, at: 1s, for: 1s, share_to: 101%, fault: {broken_answer: {}}}\n  \
         - {name: g, at: 1s, for: 1s, fault: {grpc_status: {code: 0}}}\n",
        "",
    );
    insta::assert_snapshot!(problems.unwrap_err().to_string());
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

/// A scenario with this target and this fault.
fn on_target(target: &str, fault: &str) -> Result<Scenario, Problems> {
    let text = format!(
        "scenario: 1\nname: drill\ntarget: {target}\ncollector: {{config_inline: 'x: 1'}}\n\
         traffic: {{workload: shop, rate: 100}}\nrun: {{duration: 10s}}\nfaults: [{{name: x, at: 1s, for: 2s, {fault}}}]\n"
    );
    load(&Source { name: "my.yaml".to_owned(), text, directory: PathBuf::new() }, &LoadOptions::default())
}

#[test]
fn a_process_of_ours_may_be_stopped_or_ended() {
    for (fault, kind) in [
        ("freeze", TargetFault::Freeze),
        ("kill", TargetFault::Kill),
        ("terminate", TargetFault::Terminate),
        ("descriptors", TargetFault::Descriptors),
        ("reload", TargetFault::Reload),
        ("{cpu: {share: 20%}}", TargetFault::Cpu { share: Ppb(200_000_000) }),
    ] {
        let scenario = on_target("{process: {command: otelcol}}", &format!("on: target, fault: {fault}"));
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(scenario.faults[0].kind, FaultKind::Target(kind));
    }
}

#[test]
fn nobody_elses_process_is_touched_and_what_happens_says_where() {
    let process = "{process: {command: otelcol}}";
    let external = "{external: {endpoint: 'http://127.0.0.1:4317', sink: {grpc: '127.0.0.1:5317'}}}";
    let wrong = [
        on_target("embedded", "fault: kill"),
        on_target(external, "fault: freeze"),
        on_target(process, "on: sink, fault: kill"),
        on_target(process, "on: target, fault: hang"),
        on_target(process, "share: 10%, fault: terminate"),
        on_target(process, "fault: {cpu: {}}"),
        on_target(process, "fault: {cpu: {share: 0.5%}}"),
        on_target(process, "fault: {cpu: {share: 100%}}"),
        on_target(process, "fault: kill}, {name: y, at: 2s, for: 5s, fault: freeze"),
        on_target(process, "every: 6s, times: 3, fault: freeze"),
    ];
    let wrong: Vec<String> = wrong.into_iter().map(|problems| problems.unwrap_err().to_string()).collect();
    insta::assert_snapshot!(wrong.join("\n"));
}
