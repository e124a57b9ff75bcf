//! Examples and windows are what the plan says of their records, in every chunk.

use super::*;
use roaring::RoaringTreemap;

/// A plan of several chunks.
fn long() -> Evidence {
    let mut spec = plan().spec().clone();
    spec.rate = Rate::Traces(5000.0);
    Evidence::of_clean_run(Arc::new(Plan::new(spec).unwrap()))
}

#[test]
fn an_example_is_named_by_the_ids_that_its_record_is_sent_under_and_by_its_place() {
    let evidence = long();
    let plan = &evidence.plan;
    assert!(plan.chunks() > 1);
    for number in [0, plan.spans_before(1) - 1, plan.spans_before(1), plan.spans_before(1) + 7, plan.spans() - 1] {
        let examples = example::examples(&evidence, &RoaringTreemap::from([number]));
        let [found] = &examples[..] else { panic!("{examples:?}") };
        let chunk = plan.chunk_of(number);
        let record = plan.open(chunk).describe(plan, (number - plan.spans_before(chunk)) as u32);
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(found.trace_id, Some(hex(&record.trace_id)));
        assert_eq!(found.span_id, Some(hex(&record.span_id)));
        assert!(found.text.contains(&format!(" of 3 in trace {} (", record.trace_index)), "{}", found.text);
        assert_eq!(found.at_seconds, Some(record.due_ns as f64 / 1e9));
    }
}

#[test]
fn only_the_first_few_records_are_examples() {
    let evidence = long();
    let first = example::examples(&evidence, &(10..15).collect());
    assert_eq!(first.len(), 5);
    assert_eq!(example::examples(&evidence, &(10..10_000).collect()), first);
}

#[test]
fn a_window_reaches_from_the_first_to_the_last_instant_of_its_records() {
    let evidence = long();
    let at = |number| example::examples(&evidence, &RoaringTreemap::from([number]))[0].at_seconds.unwrap();
    let border = evidence.plan.spans_before(1);
    let last = evidence.plan.spans() - 1;
    for records in
        [vec![3], vec![0, border], vec![0, 5, border, border + 1], vec![border + 3, last], (0..=last).collect()]
    {
        let set: RoaringTreemap = records.iter().copied().collect();
        let window = example::window(&evidence, &set).unwrap();
        let (first, last) = (records[0], records[records.len() - 1]);
        assert_eq!((window.from_seconds, window.to_seconds), (at(first), at(last)), "{first} to {last}");
    }
    assert_eq!(example::window(&evidence, &RoaringTreemap::new()), None);
}
