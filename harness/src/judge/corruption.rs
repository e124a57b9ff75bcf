//! What is known of corrupt records: by what differs, which they are, and a few examples of each.
//!
//! To say what differs, a span is decoded in full, which costs some hundred times more than to see *that* it differs. A
//! pipeline that changes every span would make the judge the bottleneck; so what differs is remembered by the
//! [`Deviation`], which is equal for spans of one recipe that were changed alike, and only the first of them is decoded.

use super::explain::Difference;
use roaring::RoaringTreemap;
use spanproof_generators::plan::Deviation;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Examples kept of each kind, with what was sent and received, so that `show` has the values of more records than a finding
/// names.
const EXAMPLES_MAX: usize = 100;

/// Examples kept of each kind however many kinds there are: as many as a finding names.
const EXAMPLES_OF_KIND_MIN: usize = 5;

/// Examples kept of all kinds together; one holds some hundred bytes.
const EXAMPLES_OF_ALL_MAX: usize = 4_000;

/// Kinds kept; further ones are counted under [`OTHER`].
const KINDS_MAX: usize = 200;

/// The kind of those beyond [`KINDS_MAX`]. No field is called so, since fields begin with a letter.
const OTHER: &str = "(other fields)";

/// Deviations remembered, of some 100 bytes each; those of a pool of a hundred thousand spans, and some more.
const REMEMBERED_MAX: usize = 1 << 18;

/// The fields that differ, sorted, without positions in lists: `events[].name` and not `events[3].name`.
pub type Fields = Vec<String>;

/// One corrupt copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptExample {
    /// Number of the record in the plan.
    pub record: u64,
    /// When it arrived, nanoseconds from the start of the run.
    pub received_ns: u64,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// All copies in which the same fields differ.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorruptionKind {
    /// How many copies.
    pub count: u64,
    /// Of which records, by their number in the plan.
    pub records: RoaringTreemap,
    /// The first ones.
    pub examples: Vec<CorruptExample>,
}

/// Corrupt copies by the fields that differ.
#[derive(Debug, Default)]
pub struct Corruptions {
    inner: Mutex<Inner>,
    unexplained: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    numbers: BTreeMap<Fields, usize>,
    kinds: Vec<CorruptionKind>,
    remembered: HashMap<Deviation, usize>,
    /// Of all kinds together.
    examples: usize,
}

impl Corruptions {
    /// Counts a corrupt copy whose deviation is known already. False when it is not, or when an example is still wanted:
    /// then what differs has to be found out and given to [`Corruptions::note`].
    pub fn note_known(&self, record: u64, deviation: &Deviation) -> bool {
        let mut inner = self.inner();
        let Some(number) = inner.remembered.get(deviation).copied() else { return false };
        if inner.wants_example_of(number) {
            return false;
        }
        let kind = &mut inner.kinds[number];
        kind.count += 1;
        kind.records.insert(record);
        true
    }

    /// Counts a corrupt copy and what differs, and remembers it by its deviation.
    pub fn note(&self, example: CorruptExample, deviation: Deviation) {
        let mut inner = self.inner();
        let number = inner.number_of(fields(&example.differences));
        if !deviation.is_irregular() && inner.remembered.len() < REMEMBERED_MAX {
            inner.remembered.insert(deviation, number);
        }
        let wanted = inner.wants_example_of(number);
        inner.examples += usize::from(wanted);
        let kind = &mut inner.kinds[number];
        kind.count += 1;
        kind.records.insert(example.record);
        kind.examples.extend(wanted.then_some(example));
    }

    /// Counts a copy that differs by its hash, and in which a full decode finds nothing: the two judges of spanproof disagree.
    pub fn note_unexplained(&self) {
        self.unexplained.fetch_add(1, Ordering::Relaxed);
    }

    /// Copies about which the two judges disagree.
    pub fn unexplained(&self) -> u64 {
        self.unexplained.load(Ordering::Relaxed)
    }

    /// All kinds.
    pub fn kinds(&self) -> BTreeMap<Fields, CorruptionKind> {
        let inner = self.inner();
        inner.numbers.iter().map(|(fields, number)| (fields.clone(), inner.kinds[*number].clone())).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The first few of every kind are kept whatever there is of others.
    fn wants_example_of(&self, number: usize) -> bool {
        let kept = self.kinds[number].examples.len();
        kept < EXAMPLES_OF_KIND_MIN || (kept < EXAMPLES_MAX && self.examples < EXAMPLES_OF_ALL_MAX)
    }

    fn number_of(&mut self, fields: Fields) -> usize {
        let full = self.kinds.len() >= KINDS_MAX && !self.numbers.contains_key(&fields);
        let fields = if full { vec![OTHER.to_owned()] } else { fields };
        let next = self.kinds.len();
        let number = *self.numbers.entry(fields).or_insert(next);
        if number == next {
            self.kinds.push(CorruptionKind::default());
        }
        number
    }
}

/// How the field of a schema URL ends that arrived empty: some components are known to erase them, and none to write another.
pub const ERASED: &str = ".schema_url (erased)";

/// The name of what differs: its field, without positions in lists.
pub fn field(difference: &Difference) -> String {
    let path = without_positions(&difference.path);
    match path.strip_suffix(".schema_url").filter(|_| is_nothing(&difference.received)) {
        Some(of) => format!("{of}{ERASED}"),
        None => path,
    }
}

/// Values are written as literals, and what is absent not at all.
fn is_nothing(value: &str) -> bool {
    matches!(value, "" | "\"\"")
}

/// The names of the fields that differ.
fn fields(differences: &[Difference]) -> Fields {
    let mut fields: Fields = differences.iter().map(field).collect();
    fields.sort();
    fields.dedup();
    fields
}

/// The path with every position in a list left out; what stands in quotes is somebody's key and stays.
pub fn without_positions(path: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::with_capacity(path.len()), false, false);
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        out.push(character);
        match character {
            '"' if !escaped => quoted = !quoted,
            '[' if !quoted => while characters.next_if(char::is_ascii_digit).is_some() {},
            _ => {}
        }
        escaped = quoted && character == '\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(path: &str) -> Difference {
        Difference { path: path.to_owned(), expected: "a".to_owned(), received: "b".to_owned() }
    }

    fn example(record: u64, paths: &[&str]) -> CorruptExample {
        CorruptExample { record, received_ns: 1, differences: paths.iter().map(|path| difference(path)).collect() }
    }

    #[test]
    fn positions_are_left_out_of_fields_and_keys_are_not() {
        assert_eq!(without_positions("events[12].attributes[\"a[3]\\\"[4]\"]"), "events[].attributes[\"a[3]\\\"[4]\"]");
        assert_eq!(without_positions("resource.attributes[..]"), "resource.attributes[..]");
        // A key that ends with a backslash, which is written as two, ends at the quote behind them.
        assert_eq!(without_positions(r#"attributes["ab\\"].values[4]"#), r#"attributes["ab\\"].values[]"#);
    }

    #[test]
    fn a_known_deviation_is_counted_without_being_explained_once_there_are_examples_enough() {
        let (corruptions, deviation) = (Corruptions::default(), Deviation::default());
        for record in 0..100 {
            assert!(!corruptions.note_known(record, &deviation));
            corruptions.note(example(record, &["name", "events[1].name", "events[0].name"]), deviation);
        }
        assert!(corruptions.note_known(100, &deviation) && corruptions.note_known(100, &deviation));
        let kinds = corruptions.kinds();
        let kind = &kinds[&vec!["events[].name".to_owned(), "name".to_owned()]];
        assert_eq!((kinds.len(), kind.count, kind.records.len(), kind.examples.len()), (1, 102, 101, 100));
    }

    #[test]
    fn examples_are_bounded_in_all_and_no_kind_goes_without() {
        let corruptions = Corruptions::default();
        // The first kind is so small that the bound of all is met amid one of the others.
        for record in 0..20_050 {
            let fields = format!("attributes[\"{}\"]", (record + 150) / 200);
            corruptions.note(example(record, &[&fields]), Deviation { content: record, ..Deviation::default() });
        }
        let kept: Vec<usize> = corruptions.kinds().values().map(|kind| kind.examples.len()).collect();
        assert_eq!((kept.len(), kept.iter().min(), kept.iter().max()), (101, Some(&5), Some(&100)));
        assert_eq!(kept.iter().sum::<usize>(), EXAMPLES_OF_ALL_MAX + 60 * 5);
    }

    /// Of a copy in which a field came twice, the deviation does not say all.
    #[test]
    fn irregular_copies_are_explained_each_by_itself() {
        let corruptions = Corruptions::default();
        let deviation = Deviation { irregular: true, ..Deviation::default() };
        (0..9).for_each(|record| corruptions.note(example(record, &["name"]), deviation));
        assert!(!corruptions.note_known(9, &deviation));
        assert_eq!(corruptions.kinds()[&vec!["name".to_owned()]].count, 9);
    }

    #[test]
    fn no_more_deviations_are_remembered_than_there_is_room_for() {
        let corruptions = Corruptions::default();
        let deviation = |content| Deviation { content, ..Deviation::default() };
        let last = REMEMBERED_MAX as u64;
        (0..=last).for_each(|content| corruptions.note(example(content, &["name"]), deviation(content)));
        assert!(corruptions.note_known(0, &deviation(last - 1)));
        assert!(!corruptions.note_known(0, &deviation(last)));
    }

    #[test]
    fn copies_about_which_the_judges_disagree_are_counted() {
        let corruptions = Corruptions::default();
        (0..3).for_each(|_| corruptions.note_unexplained());
        assert_eq!(corruptions.unexplained(), 3);
    }

    #[test]
    fn kinds_beyond_the_bound_are_counted_together() {
        let corruptions = Corruptions::default();
        for record in 0..300 {
            let deviation = Deviation { content: record, ..Deviation::default() };
            corruptions.note(example(record, &[&format!("attributes[\"{record}\"]")]), deviation);
        }
        let kinds = corruptions.kinds();
        assert_eq!((kinds.len(), kinds.values().map(|kind| kind.count).sum::<u64>()), (201, 300));
        assert_eq!(kinds[&vec![OTHER.to_owned()]].records.len(), 100);
    }
}
