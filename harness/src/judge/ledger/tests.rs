//! The ledger against models that count every copy by itself.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

proptest! {
    #[test]
    fn the_ledger_counts_like_a_map(chunks in proptest::collection::vec(0u32..100, 1..5), marks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..300)) {
        let ledger = Ledger::new(chunks.clone());
        let mut model: BTreeMap<(u64, u32), u32> = BTreeMap::new();
        for (chunk, offset) in marks {
            let chunk = chunk.index(chunks.len());
            if chunks[chunk] == 0 { continue; }
            let offset = offset.index(chunks[chunk] as usize) as u32;
            let count = model.entry((chunk as u64, offset)).or_default();
            *count += 1;
            let expected = if *count == 1 { Mark::First } else { Mark::Again };
            prop_assert_eq!(ledger.mark(chunk as u64, offset), expected);
        }
        prop_assert_eq!(ledger.unique(), model.len() as u64);
        prop_assert_eq!(ledger.extra(), model.values().map(|count| u64::from(count - 1)).sum::<u64>());
        for (chunk, records) in chunks.iter().enumerate() {
            let mut seen = BTreeMap::new();
            ledger.for_each_exception(chunk as u64, |offset, copies| { seen.insert(offset, copies); });
            for offset in 0..*records {
                let expected = match model.get(&(chunk as u64, offset)) { None => Copies::None, Some(1) => Copies::One, Some(_) => Copies::More };
                prop_assert_eq!(ledger.copies(chunk as u64, offset), expected);
                prop_assert_eq!(seen.get(&offset).copied().unwrap_or(Copies::One), expected);
                let number = ledger.number(chunk as u64, offset);
                prop_assert_eq!(ledger.place(number), (chunk as u64, offset));
            }
        }
    }
}

proptest! {
    #[test]
    fn marks_made_together_equal_marks_made_one_by_one(offsets in proptest::collection::vec((0u64..2, 0u32..70), 0..200)) {
        let (together, single) = (Ledger::new([70, 70]), Ledger::new([70, 70]));
        let mut marks = together.marks();
        let mut first = 0;
        for (at, (chunk, offset)) in offsets.iter().enumerate() {
            marks.add(*chunk, *offset);
            first += u64::from(single.mark(*chunk, *offset) == Mark::First);
            if at % 7 == 0 {
                prop_assert_eq!(marks.first(), std::mem::take(&mut first));
            }
        }
        drop(marks);
        prop_assert_eq!((together.unique(), together.extra()), (single.unique(), single.extra()));
        for chunk in 0..2 {
            for offset in 0..70 {
                prop_assert_eq!(together.copies(chunk, offset), single.copies(chunk, offset));
            }
        }
    }
}

proptest! {
    #[test]
    fn copies_are_counted_whether_they_are_changed_or_not(copies in proptest::collection::vec((0u32..40, any::<bool>()), 0..200), together in 1usize..9) {
        let ledger = Ledger::new([100, 40]);
        // Of each record, for each of its copies: whether it is changed, and whether it is late.
        let mut model: BTreeMap<u32, Vec<(bool, bool)>> = BTreeMap::new();
        for (number, request) in copies.chunks(together).enumerate() {
            let mut marks = ledger.marks();
            let before = model.len();
            for (offset, corrupt) in request {
                // All copies in one request arrive at one instant, so those of one record are all late or none is.
                let late = (number as u32 + offset).is_multiple_of(3);
                marks.late(late);
                if *corrupt { marks.add_corrupt(1, *offset) } else { marks.add(1, *offset) }
                model.entry(*offset).or_default().push((*corrupt, late));
            }
            prop_assert_eq!(marks.first(), (model.len() - before) as u64);
        }
        let numbers = |which: fn(&[(bool, bool)]) -> bool| model.iter().filter(|(_, of)| which(of)).map(|(offset, _)| 100 + u64::from(*offset)).collect::<RoaringTreemap>();
        let Exceptions { corrupt, also_intact, late } = ledger.exceptions().clone();
        prop_assert_eq!(&corrupt, &numbers(|of| of.iter().any(|(corrupt, _)| *corrupt)));
        prop_assert_eq!(&also_intact, &numbers(|of| of.iter().any(|(corrupt, _)| *corrupt) && of.iter().any(|(corrupt, _)| !corrupt)));
        prop_assert_eq!(&late, &numbers(|of| of[0].1));
        let corrupted_only = numbers(|of| of.iter().all(|(corrupt, _)| *corrupt));
        prop_assert_eq!((ledger.corrupt(), ledger.corrupted_only()), (corrupt.len(), corrupted_only.len()));
        prop_assert_eq!(ledger.exceptions().corrupted_only(), corrupted_only);
        prop_assert_eq!(ledger.unique(), model.len() as u64);
        prop_assert_eq!(ledger.extra(), model.values().map(|of| of.len() as u64 - 1).sum::<u64>());
        prop_assert_eq!(ledger.delivered(), numbers(|of| of.iter().any(|(corrupt, _)| !corrupt)).len());
        for offset in 0..40 {
            let expected = match model.get(&offset).map_or(0, Vec::len) { 0 => Copies::None, 1 => Copies::One, _ => Copies::More };
            prop_assert_eq!(ledger.copies(1, offset), expected);
        }
    }
}

/// Whichever copy comes second, on whatever thread, must see that the other was there.
#[test]
fn threads_that_race_with_intact_and_changed_copies_lose_neither() {
    const RECORDS: u32 = 20_000;
    let ledger = Ledger::new([RECORDS]);
    let race = |corrupt: bool| {
        for first in (0..RECORDS).step_by(50) {
            let mut marks = ledger.marks();
            for offset in first..first + 50 {
                if corrupt { marks.add_corrupt(0, offset) } else { marks.add(0, offset) }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| race(true));
        scope.spawn(|| race(false));
    });
    assert_eq!((ledger.unique(), ledger.extra()), (u64::from(RECORDS), u64::from(RECORDS)));
    let exceptions = ledger.exceptions();
    assert_eq!((exceptions.corrupt.len(), exceptions.also_intact.len()), (u64::from(RECORDS), u64::from(RECORDS)));
    assert!(exceptions.corrupted_only().is_empty());
}

#[test]
fn threads_that_mark_the_same_records_lose_no_count() {
    let ledger = Ledger::new([10_000]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for offset in 0..10_000 {
                    ledger.mark(0, offset);
                }
            });
        }
    });
    assert_eq!((ledger.unique(), ledger.extra()), (10_000, 30_000));
    assert_eq!(ledger.copies(0, 9_999), Copies::More);
}

/// What happens to a ledger, step by step.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many records of a chunk come once, from the first.
    Most(u64, u32),
    Intact(u64, u32),
    Corrupt(u64, u32),
    /// So many chunks have settled.
    Fold(u64),
}

/// Two chunks large enough to fold with exceptions, one that may have none, and an empty one.
const FOLDING: [u32; 4] = [1000, 350, 33, 0];

fn step() -> impl Strategy<Value = Step> {
    let place = (0u64..3).prop_flat_map(|chunk| (Just(chunk), 0..FOLDING[chunk as usize]));
    prop_oneof![
        3 => (0u64..3, 0u32..4).prop_map(|(chunk, short)| Step::Most(chunk, FOLDING[chunk as usize].saturating_sub(short * short))),
        4 => place.clone().prop_map(|(chunk, offset)| Step::Intact(chunk, offset)),
        2 => place.prop_map(|(chunk, offset)| Step::Corrupt(chunk, offset)),
        3 => (0u64..5).prop_map(Step::Fold),
    ]
}

/// The steps in a ledger that folds and in one that does not, which must not be told apart.
fn walk(steps: &[Step]) -> (Ledger, Ledger) {
    let (folding, plain) = (Ledger::new(FOLDING), Ledger::new(FOLDING));
    for step in steps {
        match *step {
            Step::Most(chunk, records) => {
                for ledger in [&folding, &plain] {
                    let mut marks = ledger.marks();
                    (0..records).for_each(|offset| marks.add(chunk, offset));
                }
            }
            Step::Intact(chunk, offset) => assert_eq!(folding.mark(chunk, offset), plain.mark(chunk, offset)),
            Step::Corrupt(chunk, offset) => {
                assert_eq!(folding.mark_corrupt(chunk, offset), plain.mark_corrupt(chunk, offset));
            }
            Step::Fold(settled) => folding.fold(settled),
        }
    }
    (folding, plain)
}

fn all_exceptions(ledger: &Ledger) -> Vec<(u64, u32, Copies)> {
    let mut all = Vec::new();
    for chunk in 0..ledger.chunks() {
        ledger.for_each_exception(chunk, |offset, copies| all.push((chunk, offset, copies)));
    }
    all
}

fn assert_alike(one: &Ledger, other: &Ledger) {
    assert_eq!(all_exceptions(one), all_exceptions(other));
    for chunk in 0..one.chunks() {
        for offset in 0..one.records_in(chunk) {
            assert_eq!(one.copies(chunk, offset), other.copies(chunk, offset), "{chunk}.{offset}");
        }
    }
    assert_eq!(one.unique(), other.unique());
    let (one, other) = (one.exceptions().clone(), other.exceptions().clone());
    assert_eq!((one.corrupt, one.also_intact, one.late), (other.corrupt, other.also_intact, other.late));
}

fn arrivals(ledger: &Ledger, opened: u64) -> Arrivals {
    let mut arrivals = Arrivals { exceptions: ledger.exceptions().clone(), ..Arrivals::default() };
    for (chunk, offset, copies) in all_exceptions(ledger).into_iter().filter(|(chunk, ..)| *chunk < opened) {
        let set = if copies == Copies::None { &mut arrivals.missing } else { &mut arrivals.repeated };
        set.insert(ledger.number(chunk, offset));
    }
    arrivals
}

proptest! {
    #[test]
    fn a_ledger_that_folds_counts_like_one_that_does_not(steps in proptest::collection::vec(step(), 0..40)) {
        let (folding, plain) = walk(&steps);
        assert_alike(&folding, &plain);
        assert_eq!(folding.extra(), plain.extra());
    }

    #[test]
    fn a_ledger_is_rebuilt_from_its_sets(steps in proptest::collection::vec(step(), 0..40)) {
        let (_, plain) = walk(&steps);
        let sets = arrivals(&plain, 4);
        let repeated = sets.repeated.len();
        let rebuilt = Ledger::rebuilt(FOLDING, 4, sets);
        assert_alike(&rebuilt, &plain);
        // Copies beyond the second are in no set.
        assert_eq!(rebuilt.extra(), repeated);
        // It can be marked like any other.
        for chunk in 0..3 {
            assert_eq!(rebuilt.mark(chunk, 7), plain.mark(chunk, 7));
        }
        assert_alike(&rebuilt, &plain);
    }
}

#[test]
fn chunks_that_were_not_opened_are_rebuilt_empty() {
    let ledger = Ledger::new([10, 10]);
    (0..10).for_each(|offset| _ = ledger.mark(0, offset));
    let sets = Arrivals { invented: 3, foreign: 4, ..arrivals(&ledger, 1) };
    let rebuilt = Ledger::rebuilt([10, 10], 1, sets);
    assert_alike(&rebuilt, &ledger);
    assert_eq!((rebuilt.invented(), rebuilt.foreign(), rebuilt.planes()), (3, 4, 0));
}

/// A rebuilt ledger has planes where a folded one has them: for chunks with too many exceptions for a list.
#[test]
fn a_rebuilt_chunk_has_a_plane_if_one_record_in_a_hundred_or_more_is_missing_or_repeated() {
    let planes = |missing: std::ops::Range<u64>, repeated: std::ops::Range<u64>| {
        let sets = Arrivals { missing: missing.collect(), repeated: repeated.collect(), ..Arrivals::default() };
        Ledger::rebuilt([1000], 1, sets).planes()
    };
    assert_eq!((planes(0..9, 0..0), planes(0..0, 5..14), planes(0..5, 5..9)), (0, 0, 0));
    assert_eq!((planes(0..10, 0..0), planes(0..0, 5..15), planes(0..5, 5..10)), (1, 1, 1));
    assert_eq!(planes(0..1000, 0..0), 0, "of what was never touched nothing is kept");
}

#[test]
fn what_is_not_in_the_plan_is_counted_by_its_kind() {
    let ledger = Ledger::new([10]);
    ledger.mark_invented();
    (0..3).for_each(|_| ledger.mark_foreign());
    assert_eq!((ledger.invented(), ledger.foreign(), ledger.unique()), (1, 3, 0));
}

#[test]
fn complete_chunks_fold_at_once_and_settled_ones_with_few_exceptions() {
    let ledger = Ledger::new([1000; 4]);
    // Chunk 0 is complete; 1 lacks nine records, less than one in a hundred; 2 lacks ten; 3 was never touched.
    for (chunk, first) in [(0, 0), (1, 9), (2, 10)] {
        (first..1000).for_each(|offset| _ = ledger.mark(chunk, offset));
    }
    assert_eq!(ledger.planes(), 3);
    ledger.fold(0);
    assert_eq!(ledger.planes(), 2, "only what is complete goes while the others may go on");
    ledger.fold(1);
    assert_eq!(ledger.planes(), 2, "chunk 1 is not among the first one that has settled");
    ledger.fold(4);
    assert_eq!(ledger.planes(), 1, "only what is far from complete stays");
    // A late copy of each brings both planes back, as they were.
    assert_eq!((ledger.mark(0, 5), ledger.mark(1, 5), ledger.mark(1, 20)), (Mark::Again, Mark::First, Mark::Again));
    assert_eq!(ledger.planes(), 3);
    assert_eq!((ledger.copies(0, 5), ledger.copies(0, 6)), (Copies::More, Copies::One));
    assert_eq!(
        (ledger.copies(1, 5), ledger.copies(1, 6), ledger.copies(1, 20)),
        (Copies::One, Copies::None, Copies::More)
    );
    ledger.fold(4);
    assert_eq!(ledger.planes(), 1, "and fold again");
    assert_eq!((ledger.unique(), ledger.extra()), (1000 + 992 + 990, 2));
}

/// Folding looks at a few planes at a time; all get their turn.
#[test]
fn every_chunk_gets_its_turn_to_fold() {
    let ledger = Ledger::new([1; 3 * LOOKS_MAX]);
    // The first third stays open and must not keep the others from being looked at.
    let open = LOOKS_MAX as u64;
    for chunk in open..ledger.chunks() {
        ledger.mark(chunk, 0);
    }
    for chunk in 0..open {
        ledger.mark(chunk, 0);
        ledger.mark(chunk, 0);
    }
    (0..3).for_each(|_| ledger.fold(0));
    assert_eq!(ledger.planes(), open);
}

#[test]
fn marks_made_while_others_fold_are_not_lost() {
    const CHUNKS: u64 = 8;
    const RECORDS: u32 = 5_000;
    let ledger = Ledger::new([RECORDS; CHUNKS as usize]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let folder = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                ledger.fold(CHUNKS)
            }
        });
        // Each record three times, by both threads together in every order.
        let marking = [1, 2].map(|copies| {
            let ledger = &ledger;
            scope.spawn(move || {
                for number in 0..copies * CHUNKS * u64::from(RECORDS) {
                    let number = number % (CHUNKS * u64::from(RECORDS));
                    ledger.mark(number % CHUNKS, (number / CHUNKS) as u32);
                }
            })
        });
        marking.into_iter().for_each(|thread| thread.join().unwrap());
        done.store(true, Ordering::Relaxed);
        folder.join().unwrap();
    });
    let records = CHUNKS * u64::from(RECORDS);
    assert_eq!((ledger.unique(), ledger.extra()), (records, 2 * records));
    assert!((0..CHUNKS).all(|chunk| (0..RECORDS).all(|offset| ledger.copies(chunk, offset) == Copies::More)));
}
