//! How well a fact tells the affected records from the others, and whether chance could have done it.

use spanproof_reports::figures::count;

/// A fact has to separate at least so well to be told: the share of the affected that have it less the share of the others.
const SEPARATION_MIN: f64 = 0.3;

/// A fact is told when chance would show one like it less often than once in some 10,000 findings.
const CHANCE_LOG: f64 = 9.0;

/// A fact raises the share of the affected when that is at least so many times what it is elsewhere.
const RAISED: f64 = 2.0;

/// Two facts whose counts differ by no more than this share say the same.
const ALIKE: f64 = 0.02;

/// How many records there are on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Records that the finding is about.
    pub affected: u64,
    /// All others that were sent.
    pub others: u64,
}

/// Things that befell independently of each other, of so many to which it could have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Events {
    pub affected: u64,
    pub all: u64,
}

impl Events {
    /// The logarithm of the number of ways to choose the affected ones, or a little less than it: of n things, k can be chosen
    /// in at least (n/k)^k ways.
    fn ways_log(self) -> f64 {
        let fewer = self.affected.min(self.all - self.affected).max(1);
        fewer as f64 * (self.all as f64 / fewer as f64).ln()
    }
}

/// A fact, and how many records on either side show it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    /// The fact in words, e.g. `service checkout`.
    pub text: String,
    /// Of facts that separate equally well, the one with the lower rank is the more telling.
    pub rank: u8,
    /// Whether a filter in a collector could have been told to go by this.
    pub a_filter_could: bool,
    /// Whether it is true of a span because of what the span is, and not of how it travelled.
    pub is_of_spans: bool,
    /// How many show it.
    pub having: Totals,
}

impl Totals {
    pub(super) fn all(self) -> u64 {
        self.affected + self.others
    }

    /// With the sides exchanged.
    pub(super) fn turned(self) -> Self {
        Self { affected: self.others, others: self.affected }
    }

    /// Adds a record to one of the sides.
    pub(super) fn add(&mut self, affected: bool, records: u64) {
        *(if affected { &mut self.affected } else { &mut self.others }) += records;
    }

    /// From -1 to 1; 1 when all affected and none of the others show the fact (Youden's J).
    pub(super) fn separation(self, candidate: &Candidate) -> f64 {
        self.share(candidate.having)
    }

    /// The same for counts alone.
    pub(super) fn share(self, having: Self) -> f64 {
        having.affected as f64 / self.affected.max(1) as f64 - having.others as f64 / self.others.max(1) as f64
    }

    /// Whether all affected records show the fact, and no other.
    pub(super) fn is_exact(self, candidate: &Candidate) -> bool {
        candidate.having == Self { affected: self.affected, others: 0 }
    }

    /// Whether the fact deserves to be told, when `tested` facts were looked at and the affected records are worth so many
    /// `events` that fell independently of each other. A fact that all of them show, and nothing else does, is judged by how
    /// many ways there were to choose so many events: few facts hold for just that number by chance.
    pub(super) fn separates(self, candidate: &Candidate, events: Events, tested: usize) -> bool {
        let evidence = if self.is_exact(candidate) {
            events.ways_log()
        } else {
            events.affected as f64 * self.surprise(candidate.having) - (tested.max(1) as f64).ln()
        };
        self.separation(candidate) >= SEPARATION_MIN && evidence > CHANCE_LOG
    }

    /// How surprising one affected record's share is (Kullback-Leibler divergence, in nats): by Chernoff's bound, so many
    /// independent records as `n` show such a share by chance with a probability below `exp(-n * surprise)`.
    fn surprise(self, having: Self) -> f64 {
        let share = having.affected as f64 / self.affected.max(1) as f64;
        let expected = having.all() as f64 / self.all().max(1) as f64;
        let term = |p: f64, q: f64| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
        term(share, expected) + term(1.0 - share, 1.0 - expected)
    }

    /// The share of affected records where the fact holds, and that where it does not.
    pub(super) fn rates(self, having: Self) -> (f64, f64) {
        let rate = |part: Self| part.affected as f64 / part.all().max(1) as f64;
        (rate(having), rate(self.without(having)))
    }

    fn without(self, having: Self) -> Self {
        Self { affected: self.affected - having.affected, others: self.others - having.others }
    }

    /// Whether more of the records that show the fact are affected than of those that do not, twice as many or more, and not by
    /// chance: when `tested` facts were looked at and the affected records are worth so many independent `events`.
    pub(super) fn raises(self, candidate: &Candidate, events: u64, tested: usize) -> bool {
        let (here, elsewhere) = self.rates(candidate.having);
        let weight = events as f64 / self.affected.max(1) as f64;
        here >= RAISED * elsewhere && weight * self.gain(candidate.having) - (tested.max(1) as f64).ln() > CHANCE_LOG
    }

    /// How much likelier the counts are when the records that show the fact have a share of their own: the logarithm of the
    /// ratio, in nats (the G-test's statistic, halved).
    pub(super) fn gain(self, having: Self) -> f64 {
        self.unknown() - having.unknown() - self.without(having).unknown()
    }

    /// What it takes to say which of the records are affected when only how many is known, in nats.
    fn unknown(self) -> f64 {
        let all = self.all() as f64;
        let of = |records: u64| if records == 0 { 0.0 } else { records as f64 * (all / records as f64).ln() };
        of(self.affected) + of(self.others)
    }

    /// Whether two facts hold for the same records, as far as counts can tell.
    pub(super) fn alike(self, a: &Candidate, b: &Candidate) -> bool {
        let near = |a: u64, b: u64, of: u64| a.abs_diff(b) as f64 <= ALIKE * of as f64;
        near(a.having.affected, b.having.affected, self.affected) && near(a.having.others, b.having.others, self.others)
    }
}

/// The candidate as people read it.
pub(super) fn tell(candidate: &Candidate, totals: Totals) -> String {
    let Candidate { text, having, .. } = candidate;
    let these = if having.affected == totals.affected {
        format!("all {} of these", count(totals.affected))
    } else {
        format!("{} of these {}", count(having.affected), count(totals.affected))
    };
    let others = match having.others {
        0 => format!("none of the {} others", count(totals.others)),
        some => format!("{} of the {} others", count(some), count(totals.others)),
    };
    format!("{text}: {these}, {others}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One record in ten is affected.
    const TENTH: Totals = Totals { affected: 1000, others: 9000 };

    fn fact(affected: u64, others: u64) -> Candidate {
        let having = Totals { affected, others };
        Candidate { text: "service a".to_owned(), rank: 0, a_filter_could: false, is_of_spans: true, having }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn separation_is_the_share_of_the_affected_less_that_of_the_others() {
        for (affected, others, expected) in [(1000, 0, 1.0), (0, 9000, -1.0), (500, 4500, 0.0), (500, 1800, 0.3)] {
            assert!(near(TENTH.separation(&fact(affected, others)), expected), "{affected} {others}");
        }
        assert!(near(Totals::default().separation(&fact(0, 0)), 0.0));
    }

    #[test]
    fn surprise_grows_with_how_far_a_share_is_from_what_was_to_be_expected() {
        let surprise = |affected, others| TENTH.surprise(Totals { affected, others });
        assert!(near(surprise(1000, 0), 10_f64.ln()));
        assert!(near(surprise(0, 5000), 2_f64.ln()));
        assert!(near(surprise(500, 500), 0.5 * 5_f64.ln() + 0.5 * (0.5 / 0.9_f64).ln()));
        assert!(near(surprise(100, 900), 0.0));
    }

    #[test]
    fn the_ways_to_choose_some_are_those_to_leave_out_the_others() {
        let ways_log = |affected, all| Events { affected, all }.ways_log();
        assert!(near(ways_log(3, 12), 3.0 * 4_f64.ln()) && near(ways_log(9, 12), 3.0 * 4_f64.ln()));
        assert!(near(ways_log(0, 12), 12_f64.ln()) && near(ways_log(12, 12), 12_f64.ln()));
    }

    #[test]
    fn a_fact_is_told_if_it_separates_well_and_chance_would_hardly_show_it() {
        let told =
            |fact: &Candidate, affected, tested| TENTH.separates(fact, Events { affected, all: 10 * affected }, tested);
        assert!(told(&fact(500, 1800), 1000, 1), "0.3 is enough");
        assert!(!told(&fact(499, 1800), 1000, 1), "and less is not, be it ever so sure");
        // A share of a half against 0.23 surprises by 0.172 each.
        assert!(told(&fact(500, 1800), 60, 1) && !told(&fact(500, 1800), 40, 1), "few events say little");
        assert!(!told(&fact(500, 1800), 60, 10), "of many facts one fits by chance");
        assert!(told(&fact(500, 1800), 1000, 1_000_000_000), "but not so well");
        // A fact that says it all is judged by the ways to choose so many, however many facts were looked at.
        assert!(told(&fact(1000, 0), 10, 1_000_000_000) && !told(&fact(1000, 0), 3, 1));
        assert!(!told(&fact(999, 0), 10, 1_000_000_000), "nearly all is not all");
        assert!(!told(&fact(1000, 1), 10, 1_000_000_000), "nearly none is not none");
    }

    #[test]
    fn a_share_of_its_own_makes_counts_likelier_by_what_it_tells() {
        let gain = |affected, others| TENTH.gain(Totals { affected, others });
        let unknown = 1000.0 * 10_f64.ln() + 9000.0 * (10.0 / 9.0_f64).ln();
        assert!(near(gain(1000, 0), unknown), "who shows the fact tells all");
        assert!((gain(100, 900)).abs() < 1e-6, "an equal share tells nothing");
        let rest = 500.0 * 19_f64.ln() + 9000.0 * (9500.0 / 9000.0_f64).ln();
        assert!((gain(500, 0) - (unknown - rest)).abs() < 1e-6, "all of some, and the rest as before");
        assert_eq!(TENTH.rates(Totals { affected: 500, others: 500 }), (0.5, 500.0 / 9000.0));
    }

    #[test]
    fn a_fact_raises_a_share_if_it_doubles_it_and_chance_would_hardly_do_so() {
        let raises = |affected, others, events, tested| TENTH.raises(&fact(affected, others), events, tested);
        // A fifth of 2,000 here, against 600 of 8,000 elsewhere.
        assert!(raises(400, 1600, 1000, 1));
        assert!(!raises(400, 1600, 70, 1), "few events say little");
        // Twice 9.0909 % is just beyond.
        assert!(raises(200, 900, 1000, 1) && !raises(200, 1001, 1000, 1), "less than twice as many is not enough");
        assert!(raises(10, 0, 1000, 1) && !raises(10, 0, 1000, 1_000_000_000), "of many facts one fits by chance");
        assert!(!raises(0, 2000, 1000, 1), "a share that is lower is not raised");
    }

    #[test]
    fn facts_are_alike_if_both_their_counts_differ_by_two_in_a_hundred_at_most() {
        let alike = |affected, others| TENTH.alike(&fact(500, 1000), &fact(affected, others));
        assert!(alike(520, 1180) && alike(480, 820));
        assert!(!alike(521, 1000) && !alike(500, 1181));
    }

    #[test]
    fn a_fact_is_told_with_both_its_counts() {
        assert_eq!(tell(&fact(1000, 0), TENTH), "service a: all 1,000 of these, none of the 9,000 others");
        assert_eq!(tell(&fact(999, 12), TENTH), "service a: 999 of these 1,000, 12 of the 9,000 others");
    }
}
