//! Which of many facts are told, in which order, and what could be meant, from counts made by hand.

use super::super::{cuts, facts, nothing, survey::STRETCHES};
use super::*;

/// A survey of nothing: every count is still to be made up.
fn empty() -> Survey<'static> {
    let mut survey = survey_of(&RoaringTreemap::new());
    for counts in [&mut survey.recipes, &mut survey.exporters, &mut survey.stretches] {
        counts.fill(Totals::default());
    }
    survey.last_of_request = Totals::default();
    survey.strata.clear();
    for counts in [&mut survey.positions, &mut survey.request_spans, &mut survey.trace_spans] {
        counts.clear();
    }
    survey.connections.clear();
    survey
}

fn totals(affected: u64, others: u64) -> Totals {
    Totals { affected, others }
}

fn texts(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|candidate| candidate.text.as_str()).collect()
}

/// A survey of a run of 256 s in which one record a second is affected for `width` of them from second 10 on, and in all other
/// seconds another one is not; in second 0 and in the one after the window nothing was sent at all.
fn in_a_window(width: usize) -> Survey<'static> {
    let mut survey = empty();
    survey.stretch_ns = 1_000_000_000;
    for (at, stretch) in survey.stretches.iter_mut().enumerate() {
        *stretch = if (10..10 + width).contains(&at) { totals(1, 0) } else { totals(0, 1) };
    }
    survey.stretches[0] = totals(0, 0);
    survey.stretches[10 + width] = totals(0, 0);
    survey
}

#[test]
fn a_window_is_told_from_its_first_to_its_last_affected_record_unless_it_is_most_of_the_run() {
    for (width, text) in [(1, "due between 0:10 and 0:11"), (192, "due between 0:10 and 3:22")] {
        let found = cuts::candidates(&in_a_window(width));
        assert_eq!(texts(&found), [text]);
        assert_eq!(found[0].having, totals(width as u64, 0));
    }
    assert_eq!(texts(&cuts::candidates(&in_a_window(193))), [""; 0]);
    let mut even = empty();
    even.stretches = vec![totals(1, 1); STRETCHES];
    assert_eq!(texts(&cuts::candidates(&even)), [""; 0]);
}

#[test]
fn where_nothing_is_common_one_in_how_many_is_told() {
    for (affected, others, text) in [
        (3, 297, "one span in 100, "),
        (3, 298, "one span in 100, "),
        (2, 3, "one span in 3, "),
        (5, 5, "one span in 2, "),
        (6, 5, "6 of 11 spans, "),
    ] {
        let said = nothing(totals(affected, others));
        assert!(said.starts_with(&format!("nothing: {text}")), "{said}");
    }
}

#[test]
fn every_scale_is_cut_where_it_separates_best() {
    let mut survey = empty();
    survey.positions = [(0, totals(0, 5)), (7, totals(5, 0))].into();
    survey.request_spans = [(10, totals(0, 5)), (500, totals(5, 0))].into();
    survey.trace_spans = [(12, totals(5, 0)), (30, totals(0, 5))].into();
    let found = cuts::candidates(&survey);
    let expected = [
        "beyond the first 1 spans of a request, as we sent it",
        "in requests of more than 400 spans, as we sent them",
        "in traces of at most 20 spans",
    ];
    assert_eq!(texts(&found), expected);
    assert!(found.iter().all(|one| one.having == totals(5, 0)));
}

/// Sizes and durations that nothing was sent with are no neighbours of a cut.
#[test]
fn sizes_and_durations_are_those_of_what_was_sent() {
    let plan = &evidence().plan;
    let recipes = || 0..plan.recipes() as u32;
    let facts = |recipe| plan.span_facts(recipe);
    let smallest = recipes().min_by_key(|recipe| facts(*recipe).bytes).unwrap();
    let largest = recipes().max_by_key(|recipe| facts(*recipe).bytes).unwrap();
    let mut survey = empty();
    survey.recipes[smallest as usize] = totals(0, 5);
    survey.recipes[largest as usize] = totals(5, 0);
    let found = cuts::candidates(&survey);
    let (from, to) = (count(facts(largest).bytes.into()), count(facts(smallest).bytes.into()));
    assert!(found[0].text.ends_with(&format!(" (from {from} B on, and not up to {to} B)")), "{found:?}");
    let shortest = recipes().min_by_key(|recipe| facts(*recipe).duration_ns).unwrap();
    let longest = recipes().max_by_key(|recipe| facts(*recipe).duration_ns).unwrap();
    let mut survey = empty();
    survey.recipes[shortest as usize] = totals(5, 1);
    survey.recipes[longest as usize] = totals(1, 5);
    let found = cuts::candidates(&survey);
    let cut = found.iter().find(|one| one.text.starts_with("not longer than ")).unwrap();
    assert_eq!(cut.having, totals(5, 1));
}

/// A run of which the first exporter sent the affected records, and every other as many others.
fn of_one_exporter(number: usize) -> Survey<'static> {
    let mut survey = empty();
    survey.exporters.fill(totals(0, 10));
    survey.exporters[number] = totals(10, 0);
    survey.stretches[0] = totals(10, 10 * (survey.exporters.len() as u64 - 1));
    survey
}

#[test]
fn an_instance_is_named_where_its_service_has_several_and_resources_are_counted_over_all() {
    let plan = &evidence().plan;
    let exporters = plan.pool().exporters();
    let mut several = 0;
    // Some of both kinds are enough.
    let some = (0..exporters).step_by(5);
    let looked_at = some.len();
    for number in some {
        let (exporter, found) = (plan.exporter_facts(number), facts::candidates(&of_one_exporter(number as usize)));
        let instances: Vec<_> = found.iter().filter(|one| one.text.starts_with("instance ")).collect();
        assert_eq!(instances.len(), usize::from(exporter.instances > 1), "{exporter:?}");
        if let [instance] = instances[..] {
            several += 1;
            assert_eq!(instance.text, format!("instance {} of {}", exporter.instance, exporter.service));
            assert_eq!(instance.having, totals(10, 0));
        }
        let named = found.iter().find(|one| one.text == "resource service.name").unwrap();
        assert_eq!(named.having, totals(10, 10 * (u64::from(exporters) - 1)));
    }
    assert!(several > 0 && several < looked_at);
}

#[test]
fn a_connection_is_told_where_there_are_several_with_what_it_carried() {
    let mut survey = empty();
    survey.stretches[0] = totals(6, 8);
    let sent = |spans, affected| survey::Sent { due_ns: 0, spans, affected };
    survey.connections.insert(3, vec![sent(5, 2), sent(5, 4)]);
    assert_eq!(texts(&facts::candidates(&survey)), [""; 0]);
    survey.connections.insert(4, vec![sent(4, 0)]);
    let found = facts::candidates(&survey);
    assert_eq!(texts(&found), ["connection 3"], "one that carried nothing affected says nothing");
    assert_eq!(found[0].having, totals(6, 4));
}

/// The counts of a fact are those of its recipes, on both sides, and a fact of few of the affected is no candidate.
#[test]
fn facts_of_spans_are_counted_over_their_recipes_and_rare_ones_are_left_out() {
    let plan = &evidence().plan;
    let service = |recipe| plan.span_facts(recipe).service;
    let mut survey = empty();
    let mut expected = std::collections::BTreeMap::<String, Totals>::new();
    for recipe in 0..plan.recipes() as u32 {
        let one = totals(u64::from(recipe % 3), u64::from(recipe % 5));
        survey.recipes[recipe as usize] = one;
        for sum in [expected.entry(service(recipe)).or_default(), &mut survey.stretches[0]] {
            (sum.affected, sum.others) = (sum.affected + one.affected, sum.others + one.others);
        }
    }
    // Of one service only, so that it and no other is in more than one in twenty of the affected.
    for recipe in (0..plan.recipes() as u32).filter(|recipe| service(*recipe) == "checkout") {
        survey.recipes[recipe as usize].affected += 5000;
        survey.stretches[0].affected += 5000;
        expected.get_mut("checkout").unwrap().affected += 5000;
    }
    let found = facts::candidates(&survey);
    let services: Vec<_> = found.iter().filter(|one| one.text.starts_with("service ")).collect();
    assert_eq!(services.len(), 1, "{services:?}");
    assert_eq!((services[0].text.as_str(), services[0].having), ("service checkout", expected["checkout"]));
    let enough = survey.totals().affected as f64 * 0.05;
    assert!(found.iter().all(|one| one.having.affected as f64 >= enough));
}

/// One fact repeats another, one separates less well by just so much that it is left out, and one is one too many.
#[test]
fn the_three_best_facts_are_told_unless_they_say_the_same_or_separate_much_worse() {
    let mut survey = empty();
    survey.stretches[0] = totals(1000, 9000);
    survey.stretches[255] = totals(0, 0);
    survey.stretch_ns = 1;
    survey.positions = [(0, totals(0, 9000)), (7, totals(1000, 0))].into();
    survey.request_spans = [(10, totals(10, 9000)), (500, totals(990, 0))].into();
    let events = Events { affected: 1000, all: 10_000 };
    let told = |survey: &Survey<'static>| {
        let told = best(candidates(survey), totals(1000, 9000), events);
        told.into_iter().map(|one| one.text).filter(|text| !text.starts_with("due ")).collect::<Vec<_>>()
    };
    assert_eq!(told(&survey), ["beyond the first 1 spans of a request, as we sent it"], "alike");
    survey.request_spans = [(10, totals(150, 9000)), (500, totals(850, 0))].into();
    assert_eq!(told(&survey), ["beyond the first 1 spans of a request, as we sent it"], "0.15 less");
    survey.request_spans = [(10, totals(30, 9000)), (500, totals(970, 0))].into();
    survey.trace_spans = [(10, totals(60, 9000)), (500, totals(940, 0))].into();
    let three = [
        "beyond the first 1 spans of a request, as we sent it",
        "in requests of more than 400 spans, as we sent them",
        "in traces of more than 400 spans",
    ];
    assert_eq!(told(&survey), three);
    let kind = evidence().plan.strata().iter().next().unwrap().0;
    survey.strata.insert(*kind, totals(910, 0));
    assert_eq!(told(&survey), three, "a fourth is one too many");
    survey.trace_spans.clear();
    assert_eq!(told(&survey)[2], format!("traces of kind {}", kind.name()));
}

#[test]
fn whole_traces_and_requests_are_told_with_their_numbers() {
    let mut survey = empty();
    survey.stretches[0] = totals(100, 900);
    (survey.traces, survey.traces_whole, survey.in_whole_traces, survey.traces_cut) = (1000, 50, 100, 3);
    let whole = Whole::of(&survey);
    assert_eq!(whole.said(&survey), ["whole traces only: 50 of 1,000 (5.0 %), 3 cut"]);
    assert_eq!(whole.events(&survey), Events { affected: 50, all: 1000 });
    let sent = |at, affected| survey::Sent { due_ns: at, spans: 50, affected };
    survey.connections.insert(0, vec![sent(0, 50), sent(1, 50), sent(2, 0), sent(3, 0)]);
    let whole = Whole::of(&survey);
    assert_eq!(whole.said(&survey), ["2 whole requests of 4"]);
    assert_eq!(whole.events(&survey), Events { affected: 2, all: 4 });
    survey.connections.insert(0, vec![sent(0, 49), sent(1, 49), sent(2, 1), sent(3, 1)]);
    survey.traces_whole = 0;
    survey.in_whole_traces = 0;
    let whole = Whole::of(&survey);
    assert_eq!(whole.said(&survey), [""; 0]);
    assert_eq!(whole.events(&survey), Events { affected: 100, all: 1000 });
}

/// Of requests over so many connections, every third one is affected, in the order of their instants.
fn every_third(connections: u64) -> Vec<String> {
    let mut survey = empty();
    for at in 0..30 {
        let affected = if at % 3 == 0 { 2 } else { 0 };
        let sent = survey::Sent { due_ns: at, spans: 2, affected };
        survey.connections.entry(at % connections).or_default().push(sent);
    }
    survey.stretches[0] = totals(20, 40);
    Whole::of(&survey).said(&survey)
}

#[test]
fn a_beat_is_over_all_requests_unless_only_one_of_several_connections_shows_it() {
    let whole = "10 whole requests of 30";
    assert_eq!(every_third(1), [whole, "every 3rd request"]);
    assert_eq!(every_third(2), [whole, "every 3rd request"]);
    // Every request of one connection, and none of the others.
    assert_eq!(every_third(3), [whole]);
}

/// How spans travelled explains what they are, so a fact of what they are is set apart from the rest only where that fact does not.
#[test]
fn a_fact_takes_all_of_what_it_is_true_of_unless_how_that_travelled_says_it_all() {
    let fact =
        |is_of_spans, having| Candidate { text: String::new(), rank: 0, a_filter_could: false, is_of_spans, having };
    let (all, of_spans) = (totals(1000, 9000), totals(100, 1));
    let is_set_apart = |travelled| {
        let raising = vec![fact(true, of_spans)];
        let told = vec![fact(false, travelled)];
        Compared { totals: all, whole: Whole::of(&empty()), told, raising }.takes_all_of().is_some()
    };
    assert!(!is_set_apart(totals(950, 9)));
    assert!(is_set_apart(totals(850, 9)), "too few of them travelled so");
    assert!(is_set_apart(totals(950, 900)), "too many others did");
}

#[test]
fn requests_are_counted_and_those_that_hold_an_affected_record() {
    let mut survey = empty();
    let sent = |due_ns, affected| survey::Sent { due_ns, spans: 50, affected };
    survey.connections = [(0, vec![sent(0, 50), sent(1, 0)]), (1, vec![sent(2, 1)])].into();
    assert_eq!((survey.requests(), survey.requests_hit()), (3, 2));
}

#[test]
fn only_what_a_filter_or_a_sampler_could_go_by_is_called_intended() {
    let some = totals(100, 900);
    let mut survey = empty();
    survey.stretches[0] = some;
    let whole = Whole::of(&survey);
    let fact = |a_filter_could, others| Candidate {
        text: "service a".to_owned(),
        rank: 0,
        a_filter_could,
        is_of_spans: true,
        having: totals(100, others),
    };
    let of = |told: &[Candidate]| intended(&whole, told, (some, some), true);
    assert_eq!(of(&[fact(true, 0)]).as_deref(), Some("exactly service a is missing, as a filter leaves it out"));
    assert_eq!((of(&[fact(false, 0)]), of(&[fact(true, 1)])), (None, None));
    let scattered = "a fixed share is missing, 10.0 % of everything alike, as a sampler leaves it out";
    assert_eq!(of(&[]).as_deref(), Some(scattered));
    let share = |of_all, is_alike| intended(&whole, &[], (some, of_all), is_alike);
    assert!(share(totals(10, 990), true).is_some());
    assert_eq!(share(totals(9, 991), true), None);
    assert_eq!(share(totals(10, 990), false), None, "what is affected more often is no fixed share");
}
