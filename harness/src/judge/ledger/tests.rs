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
                let late = (number as u32 + offset) % 3 == 0;
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

proptest! {
    #[test]
    fn a_ledger_is_rebuilt_from_what_is_missing_and_repeated(chunks in proptest::collection::vec(0u32..100, 1..5), opened: prop::sample::Index, copies in proptest::collection::vec(0u32..3, 400)) {
        let opened = opened.index(chunks.len() + 1) as u64;
        let ledger = Ledger::new(chunks.clone());
        let rebuilt = Ledger::complete(chunks.clone(), opened, Exceptions::default(), [3, 4]);
        let mut copies = copies.into_iter();
        for chunk in 0..opened {
            for offset in 0..ledger.records_in(chunk) {
                let copies = copies.next().unwrap_or(1);
                (0..copies).for_each(|_| _ = ledger.mark(chunk, offset));
                match copies {
                    0 => rebuilt.unmark(rebuilt.number(chunk, offset)),
                    1 => {}
                    _ => _ = rebuilt.mark(chunk, offset),
                }
            }
        }
        for (chunk, records) in chunks.iter().enumerate() {
            for offset in 0..*records {
                prop_assert_eq!(rebuilt.copies(chunk as u64, offset), ledger.copies(chunk as u64, offset));
            }
        }
        prop_assert_eq!((rebuilt.unique(), rebuilt.extra()), (ledger.unique(), ledger.extra()));
        prop_assert_eq!((rebuilt.invented(), rebuilt.foreign()), (3, 4));
    }
}
