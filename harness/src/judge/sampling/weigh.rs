//! Every trace of the plan: what the rules say of it, what became of it, and the word for that.

use super::limits::{Answer, Asked, Rates};
use super::presence::{Arrivals, Piece, Presence, Seen, deciding, seen};
use super::rules::{Tail, tails};
use super::traces::{Books, Fell, Sent, Traces};
use super::{Became, Expected, Rule, Rules, Sampled, Wrong};
use crate::collector_config::Does;
use crate::explain::{ReadyWay, Told, ToldWay, told_way};
use spanproof_generators::sampling::chain::{Fate, Step};
use spanproof_generators::sampling::oracle::Program;
use spanproof_generators::sampling::tail::{Ballot, Vote};
use spanproof_generators::sampling::trace::Trace;
use std::collections::HashMap;
use std::time::Duration;

/// Wrong traces that are told one by one, of each kind.
const TOLD_MAX: u64 = 5;

/// Reasons for which nothing is claimed that are told apart.
const REASONS_MAX: usize = 20;

/// Of so many traces it is said which policy decides, which takes some microseconds each; of further ones only what they all say.
const ATTRIBUTED_MAX: u64 = 1_000_000;

/// Of a trace of which nothing is sure to have come.
const UNSURE: &str = "whether it came to the target, and how often, is not known";

/// Weighs every trace.
///
/// # Errors
/// Rules that this build cannot read, or a workload that it does not have; why, in words.
pub fn weigh(rules: &Rules, books: &Books<'_>) -> Result<Sampled, String> {
    let subject = rules.subject()?;
    let way = subject.stages.ways.first().ok_or("there is no way")?;
    let ready = ReadyWay::new(&subject, way).ok_or("a component refuses its settings")?;
    let pool = books.pool()?;
    let mut traces = Traces::new(books, &pool);
    let tails = tails(&subject);
    let configured = way.steps.iter().filter_map(|step| match &step.does {
        Does::SamplesTraces(tail) => Some(&**tail),
        _ => None,
    });
    let mut scales = Scales {
        books,
        ready,
        programs: HashMap::new(),
        rates: Rates::of(configured),
        tails,
        arrivals: Arrivals::default(),
        asked: Asked::default(),
        weighed: 0,
        found: Sampled { version: (rules.version.to_string(), rules.version_is_known), ..Sampled::default() },
    };
    if !scales.tails.is_empty() {
        traces.each(|sent| scales.note_arrival(sent));
    }
    traces.each(|sent| scales.weigh(sent));
    Ok(scales.end())
}

/// What the rules say of a trace.
struct Said {
    expected: Expected,
    /// For each of its spans whether it comes out if the trace does.
    survivors: Vec<bool>,
    by: String,
    /// Why nothing is claimed.
    unknown: Option<String>,
    /// Whether a rate was asked about it.
    is_asked: bool,
}

struct Scales<'a> {
    books: &'a Books<'a>,
    ready: ReadyWay<'a>,
    programs: HashMap<(u32, u8), Program>,
    tails: Vec<Tail>,
    rates: Rates,
    arrivals: Arrivals,
    asked: Asked,
    weighed: u64,
    found: Sampled,
}

impl Scales<'_> {
    /// When a trace began to come, which tells how many a tail sampler holds at once.
    fn note_arrival(&mut self, on: &Sent<'_, '_>) {
        if let Some(tail) = self.tails.first() {
            self.arrivals.note_trace(&on.pieces, tail.wait_min);
        }
    }

    fn weigh(&mut self, on: &Sent<'_, '_>) {
        let (given, unsure) = (on.of(Presence::Came), on.of(Presence::Unsure));
        self.found.open.extend(on.records(&on.absent(&unsure)));
        if given.is_empty() && unsure.is_empty() {
            return;
        }
        let mut said = match given.is_empty() {
            true => unknown(on.spans(), UNSURE.to_owned()),
            false => self.ask(on),
        };
        if said.expected == Expected::Kept && !given.iter().any(|at| said.survivors[*at]) {
            // All that the target got of it is what a filter takes.
            said.expected = Expected::Dropped;
        }
        self.weighed += 1;
        let became = self.file(on, &given, &said);
        self.note_rate(on, given.len() as u64, &said, became);
        let is_wrong = match (said.expected, became) {
            (Expected::Kept, Became::Kept) | (Expected::Dropped, Became::Dropped) => false,
            (Expected::Unknown, _) => false,
            (Expected::Limited | Expected::Either, became) => became == Became::Split,
            (Expected::Kept | Expected::Dropped, _) => true,
        };
        if is_wrong {
            let told = self.ready.send(on.view());
            self.tell(on, &given, became, told_way(&self.ready, &told));
        }
        if let Some(why) = said.unknown {
            self.note_unknown(why);
        }
        self.found.rules.entry(Rule { expected: said.expected, by: said.by }).or_default().note(became);
    }

    /// What the rules say of the trace, given what came of it and when.
    fn ask(&mut self, on: &Sent<'_, '_>) -> Said {
        let whole = on.pieces.iter().all(|piece| piece.presence == Presence::Came);
        let seen = match self.tails.as_slice() {
            [] => Seen::All,
            [tail, ..] => self.seen(on, tail),
        };
        match seen {
            Seen::Unknown(why) => unknown(on.spans(), why.to_owned()),
            Seen::All if whole || self.tails.is_empty() => self.ask_of_all(on),
            Seen::All => self.ask_of(on, &[came(&on.pieces)]),
            Seen::OneOf(cases) => self.ask_of(on, &cases),
            Seen::Some => either(on.spans()),
        }
    }

    fn seen(&self, on: &Sent<'_, '_>, tail: &Tail) -> Seen {
        let decided_by = deciding(&on.pieces, tail).map_or(Duration::ZERO, |deciding| deciding.to);
        if self.books.cut_at.is_some_and(|cut| decided_by > cut) {
            return Seen::Unknown("the run was cut short before it was decided");
        }
        match seen(&on.pieces, tail, &self.arrivals, self.books.disturbed) {
            Seen::OneOf(_) | Seen::Some if self.ready.decides() > 1 => {
                Seen::Unknown("spans came late, and other samplers or filters stand beside the tail sampler")
            }
            seen => seen,
        }
    }

    /// Of a trace that the stages see whole.
    fn ask_of_all(&mut self, on: &Sent<'_, '_>) -> Said {
        if self.weighed < ATTRIBUTED_MAX || !self.rates.is_empty() {
            return said(&self.ready, &self.ready.send(on.view()));
        }
        let Self { ready, programs, .. } = self;
        let program = programs.entry(on.key).or_insert_with(|| ready.compile(&on.known.source));
        let (fate, survivors) = ready.fate(program, &on.view().id, || on.view());
        let by = "further traces, whose rule was not looked up".to_owned();
        of_fate(fate, survivors, by, false)
    }

    /// Of a trace of which a tail sampler saw one of these sets of pieces. What came later follows the decision.
    fn ask_of(&self, on: &Sent<'_, '_>, cases: &[Vec<usize>]) -> Said {
        let whole = on.view();
        let answers = cases.iter().map(|case| {
            let mut positions: Vec<usize> = case.iter().flat_map(|piece| &on.pieces[*piece].spans).copied().collect();
            positions.sort_unstable();
            let spans = positions.iter().map(|at| whole.spans[*at].clone()).collect();
            (positions, self.ready.send(Trace { id: whole.id, spans, bytes: None }))
        });
        let mut agreed: Option<Said> = None;
        for (positions, told) in answers {
            let mut answer = said(&self.ready, &told);
            let mut survivors = vec![true; whole.spans.len()];
            positions.iter().zip(&answer.survivors).for_each(|(at, out)| survivors[*at] = *out);
            answer.survivors = survivors;
            match &agreed {
                Some(first) if first.expected != answer.expected => return differ(first, answer, whole.spans.len()),
                _ => agreed = Some(answer),
            }
        }
        agreed.unwrap_or_else(|| unknown(whole.spans.len(), "nothing of it came in time".to_owned()))
    }

    /// Lays the trace's records where they belong, and gives the trace its word.
    fn file(&mut self, on: &Sent<'_, '_>, given: &[usize], said: &Said) -> Became {
        let wanted: Vec<usize> = match said.expected {
            Expected::Kept | Expected::Limited | Expected::Either => {
                given.iter().copied().filter(|at| said.survivors[*at]).collect()
            }
            Expected::Dropped | Expected::Unknown => given.to_vec(),
        };
        let out = |at: &&usize| on.fell(**at) == Fell::Came;
        let came = wanted.iter().filter(out).count();
        let became = match came {
            0 => Became::Dropped,
            _ if came == wanted.len() => Became::Kept,
            _ => Became::Split,
        };
        let records = |at: &[usize]| on.records(at);
        let absent = on.absent(given);
        let found = &mut self.found;
        match (said.expected, became) {
            (Expected::Kept | Expected::Limited | Expected::Either, _) => {
                // What filters and samplers of spans take from a trace that comes out.
                let (taken, kept): (Vec<usize>, Vec<usize>) =
                    given.iter().copied().filter(|at| !said.survivors[*at]).partition(|at| absent.contains(at));
                found.left_out.extend(records(&taken));
                if !kept.is_empty() {
                    found.kept_wrongly.extend(records(&kept));
                    found.wrong_traces.kept += 1;
                }
                match (said.expected, became) {
                    (_, Became::Split) => {
                        found.split.extend(records(&wanted));
                        found.wrong_traces.split += 1;
                    }
                    (Expected::Kept, Became::Dropped) => {
                        found.dropped_wrongly.extend(records(&wanted));
                        found.wrong_traces.dropped += 1;
                    }
                    (_, Became::Dropped) => found.left_out.extend(records(&wanted)),
                    (_, Became::Kept) => {}
                }
            }
            (Expected::Dropped, _) => {
                found.left_out.extend(records(&absent));
                match became {
                    Became::Dropped => {}
                    Became::Kept => {
                        found.kept_wrongly.extend(records(given));
                        found.wrong_traces.kept += 1;
                    }
                    Became::Split => {
                        found.split.extend(records(given));
                        found.wrong_traces.split += 1;
                    }
                }
            }
            (Expected::Unknown, _) => found.open.extend(records(&absent)),
        }
        became
    }

    fn note_rate(&mut self, on: &Sent<'_, '_>, cost: u64, said: &Said, became: Became) {
        let answer = match (said.expected, became) {
            _ if self.rates.is_empty() => return,
            // Whether a rate was asked about it, and in vain, nobody knows.
            (Expected::Either | Expected::Unknown, _) => Answer::KeptAnyway,
            _ if !said.is_asked => return,
            (Expected::Kept, _) => Answer::KeptAnyway,
            (Expected::Limited, Became::Dropped) => Answer::Refused,
            (Expected::Limited, Became::Kept | Became::Split) => Answer::Kept,
            // Another stage dropped it, and its tokens may be spent.
            (Expected::Dropped, _) => Answer::KeptAnyway,
        };
        self.asked.note(on.began(), cost, answer);
    }

    fn note_unknown(&mut self, why: String) {
        let unknown = &mut self.found.unknown;
        let key =
            if unknown.len() < REASONS_MAX || unknown.contains_key(&why) { why } else { "other reasons".to_owned() };
        *unknown.entry(key).or_default() += 1;
    }

    /// Tells one that is wrong, unless enough of its kind were.
    fn tell(&mut self, on: &Sent<'_, '_>, given: &[usize], became: Became, told: ToldWay) {
        let of_kind = self.found.wrong.iter().filter(|wrong| wrong.became == became).count() as u64;
        if of_kind >= TOLD_MAX {
            return;
        }
        let steps = told.steps.iter().map(|step| {
            let wants = step.ballots.iter().filter(|ballot| ballot.vote != "-");
            let ballots: Vec<String> = wants
                .map(|ballot| format!("{}: {} ({})", ballot.policy.escape_debug(), ballot.vote, ballot.reason))
                .collect();
            let votes = if ballots.is_empty() { String::new() } else { format!(" [{}]", ballots.join("; ")) };
            format!("`{}` {}{votes}", step.component, step.text)
        });
        let why = steps.collect::<Vec<_>>().join(", then ");
        let came = given.iter().filter(|at| on.fell(**at) == Fell::Came).count() as u64;
        let record = given.first().map(|at| on.record(*at)).unwrap_or_default();
        self.found.wrong.push(Wrong { record, became, why, came, given: given.len() as u64 });
    }

    fn end(mut self) -> Sampled {
        if !self.rates.is_empty() {
            let (wait_min, wait_max) = self
                .tails
                .first()
                .map_or((Duration::ZERO, Duration::ZERO), |tail| (tail.wait_min, tail.wait_max + tail.held_before));
            self.found.limits.push(self.asked.claim(&self.rates, wait_min, wait_max));
        }
        self.found
    }
}

fn came(pieces: &[Piece]) -> Vec<usize> {
    let came = pieces.iter().enumerate().filter(|(_, piece)| piece.presence == Presence::Came);
    came.map(|(at, _)| at).collect()
}

fn unknown(spans: usize, why: String) -> Said {
    Said {
        expected: Expected::Unknown,
        survivors: vec![true; spans],
        by: String::new(),
        unknown: Some(why),
        is_asked: false,
    }
}

/// Of a trace whose fate hangs on which of its spans came in time.
fn either(spans: usize) -> Said {
    let by = "when its spans came".to_owned();
    Said { expected: Expected::Either, survivors: vec![true; spans], by, unknown: None, is_asked: false }
}

/// Of a trace of which the rules say one thing or another.
fn differ(one: &Said, other: Said, spans: usize) -> Said {
    let unclaimed = |said: &Said| said.expected == Expected::Unknown;
    match (unclaimed(one), unclaimed(&other)) {
        (true, _) => unknown(spans, one.unknown.clone().unwrap_or_default()),
        (_, true) => other,
        (false, false) => either(spans),
    }
}

fn said(ready: &ReadyWay<'_>, told: &Told<'_>) -> Said {
    let is_asked = told.decided.iter().any(|decided| match &decided.what {
        Step::Tail(decision) => decision.ballots.iter().any(is_limited),
        _ => false,
    });
    of_fate(told.fate.clone(), told.survivors.clone(), by(ready, told), is_asked)
}

fn of_fate(fate: Fate<'static>, survivors: Vec<bool>, by: String, is_asked: bool) -> Said {
    let (expected, unknown) = match fate {
        Fate::Keep => (Expected::Kept, None),
        Fate::Drop => (Expected::Dropped, None),
        Fate::Bounded => (Expected::Limited, None),
        Fate::Unknown(why) => (Expected::Unknown, Some(why.into_owned())),
    };
    let by = if unknown.is_some() { String::new() } else { by };
    Said { expected, survivors, by, unknown, is_asked }
}

fn is_limited(ballot: &Ballot) -> bool {
    use spanproof_generators::sampling::tail::Open;
    matches!(&ballot.vote, Vote::MaybeSampled(Open::Limited) | Vote::MaybeDropped(Open::Limited))
}

/// The rule that decides, in words: of a trace that is dropped the stage behind which nothing was left, of one that is kept the last
/// policy that wanted it.
fn by(ready: &ReadyWay<'_>, told: &Told<'_>) -> String {
    let dropped = told.fate == Fate::Drop;
    let tail = |step: &&crate::explain::Decided<'_>| matches!(step.what, Step::Tail(_));
    let last = told.decided.last();
    let deciding = if dropped { last } else { told.decided.iter().rfind(tail).or(last) };
    let Some(deciding) = deciding else { return "nothing leaves it out".to_owned() };
    let component = &ready.way.steps[deciding.step].component;
    let Step::Tail(decision) = &deciding.what else { return format!("`{component}`") };
    let limited = decision.ballots.iter().find(|ballot| is_limited(ballot));
    let by = match &told.fate {
        Fate::Bounded => limited,
        _ => decision.decided_by.and_then(|at| decision.ballots.get(at)),
    };
    by.map_or_else(
        || format!("no policy of `{component}`"),
        |ballot| format!("policy `{}` of `{component}`", ballot.policy.escape_debug()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{CollectorConfig, Source as Text};
    use crate::judge::evidence::Evidence;
    use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
    use roaring::RoaringTreemap;
    use spanproof_generators::identity::RunTag;
    use spanproof_generators::model::Stratum;
    use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Ppb, Rate, Shape as Profile};
    use spanproof_generators::sampling::version::Version;
    use spanproof_generators::schedule::{Arrivals as Starts, Segment};
    use spanproof_generators::seed::Seed;
    use spanproof_generators::workload::Workload;
    use spanproof_generators::workload::shop::Shop;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    const ERRORS: &str = "{ name: errors, type: status_code, status_code: { status_codes: [ERROR] } }";
    const TENTH: &str = "{ name: tenth, type: probabilistic, probabilistic: { sampling_percentage: 10 } }";

    /// Five hundred traces of a shop, one in ten of them with an error, one in ten a health check.
    fn plan(packing: Packing) -> Arc<Plan> {
        let shares = [(Stratum::ErrorTrace, 100_000_000), (Stratum::HealthCheck, 100_000_000)];
        let plan = Plan::new(PlanSpec {
            seed: Seed(11),
            tag: RunTag::new(5),
            lane: 0,
            epoch_unix_ns: 1_700_000_000_000_000_000,
            workload: Workload::Shop(Shop { pool_size: 64 }),
            mix: Mix { shares: shares.into_iter().map(|(stratum, share)| (stratum, Ppb(share))).collect() },
            packing,
            batch: BatchRule { spans: 512, timeout_ns: 1_000_000_000 },
            request_bytes_max: 3_670_016,
            rate: Rate::Traces(500.0),
            shape: Profile { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
            arrivals: Starts::Constant,
            extent: Extent::Profile,
        });
        Arc::new(plan.unwrap())
    }

    fn rules(processors: &str, names: &str) -> Rules {
        let text = format!(
            "receivers: {{ otlp: {{}} }}\nprocessors:\n{processors}\nexporters: {{ otlp_grpc: {{ endpoint: 'x:1' }} }}\n\
             service: {{ pipelines: {{ traces: {{ receivers: [otlp], processors: [{names}], exporters: [otlp_grpc] }} }} }}\n"
        );
        let config = CollectorConfig::read(&[Text { name: "c", text: &text }], &BTreeMap::new()).unwrap();
        Rules::of(&config.pipelines().unwrap(), Some(Version::MEASURED)).unwrap()
    }

    /// A wait that is longer than any trace lasts.
    fn tail(policies: &[&str]) -> Rules {
        let policies = policies.join(", ");
        rules(&format!("  tail_sampling: {{ decision_wait: 300s, policies: [{policies}] }}"), "tail_sampling")
    }

    fn weighed(evidence: &Evidence, rules: &Rules) -> Sampled {
        let books = Books {
            plan: &evidence.plan,
            account: &evidence.account,
            requests: &evidence.requests,
            instants: &[],
            chunks_opened: evidence.chunks_opened,
            disturbed: &[],
            cut_at: None,
        };
        weigh(rules, &books).unwrap()
    }

    /// A run in which these records did not come out.
    fn without(plan: &Arc<Plan>, absent: &RoaringTreemap) -> Evidence {
        let mut evidence = Evidence::of_clean_run(Arc::clone(plan));
        evidence.account.sets.lost_acknowledged = absent.clone();
        evidence
    }

    /// The records that the rules drop, as a run tells in which everything came out.
    fn to_drop(plan: &Arc<Plan>, rules: &Rules) -> RoaringTreemap {
        weighed(&without(plan, &RoaringTreemap::new()), rules).kept_wrongly
    }

    fn traces(sampled: &Sampled) -> u64 {
        sampled.rules.values().map(|tally| tally.traces()).sum()
    }

    fn records_of(plan: &Plan, trace: usize) -> RoaringTreemap {
        let chunk = plan.open(0);
        let first = chunk.offset_of(trace, 0);
        let end = if trace + 1 < chunk.traces() { chunk.offset_of(trace + 1, 0) } else { chunk.records() };
        (u64::from(first)..u64::from(end)).collect()
    }

    #[test]
    fn errors_are_to_be_kept_and_all_else_to_be_dropped() {
        let plan = plan(Packing::PerService);
        let rules = tail(&[ERRORS]);
        let everything = weighed(&without(&plan, &RoaringTreemap::new()), &rules);
        let planned = plan.strata()[&Stratum::ErrorTrace];
        let by = |expected, by: &str| everything.rules[&Rule { expected, by: by.to_owned() }];
        let errors = by(Expected::Kept, "policy `errors` of `tail_sampling`").kept;
        // A few others have a failed span, too.
        assert!((planned..planned + 20).contains(&errors), "{errors}");
        // Some traces are sent under two ids.
        let others = traces(&everything) - errors;
        assert!(others >= plan.traces() - errors);
        assert_eq!(everything.wrong_traces.kept, others);
        assert_eq!(by(Expected::Dropped, "no policy of `tail_sampling`").kept, others);
        assert_eq!(everything.wrong.len(), 5);

        let right = weighed(&without(&plan, &everything.kept_wrongly), &rules);
        assert_eq!(
            (right.wrong_traces, right.as_expected()),
            (super::super::WrongTraces::default(), traces(&everything))
        );
        assert_eq!(right.left_out, everything.kept_wrongly);
    }

    #[test]
    fn a_trace_that_is_gone_is_dropped_wrongly_and_one_that_lacks_a_span_is_split() {
        let plan = plan(Packing::PerService);
        let rules = tail(&[ERRORS, TENTH]);
        let dropped = to_drop(&plan, &rules);
        let kept: Vec<usize> =
            (0..plan.traces() as usize).filter(|at| records_of(&plan, *at).is_disjoint(&dropped)).collect();
        let gone = weighed(&without(&plan, &(&dropped | records_of(&plan, kept[3]))), &rules);
        assert_eq!((gone.wrong_traces.dropped, gone.wrong_traces.split, gone.wrong_traces.kept), (1, 0, 0));
        assert_eq!(gone.dropped_wrongly, records_of(&plan, kept[3]));
        assert!(gone.wrong[0].why.contains("`tail_sampling` keeps it, by `"), "{}", gone.wrong[0].why);

        let mut cut = dropped.clone();
        cut.insert(records_of(&plan, kept[4]).min().unwrap());
        let cut = weighed(&without(&plan, &cut), &rules);
        assert_eq!((cut.wrong_traces.dropped, cut.wrong_traces.split, cut.wrong_traces.kept), (0, 1, 0));
        assert_eq!(cut.split, records_of(&plan, kept[4]));

        let mut came = dropped.clone();
        let one = came.min().unwrap();
        came.remove(one);
        let came = weighed(&without(&plan, &came), &rules);
        assert_eq!((came.wrong_traces.split, came.wrong_traces.kept), (1, 0), "a part of a dropped trace");
        assert!(!came.left_out.contains(one));
    }

    #[test]
    fn a_filter_takes_spans_and_what_it_leaves_is_kept() {
        let plan = plan(Packing::PerService);
        let rules = rules("  filter: { traces: { span: ['kind == SPAN_KIND_CLIENT'] } }", "filter");
        let dropped = to_drop(&plan, &rules);
        assert!(dropped.len() > 1000 && dropped.len() < plan.spans());
        let right = weighed(&without(&plan, &dropped), &rules);
        assert_eq!((right.wrong_traces, right.left_out), (super::super::WrongTraces::default(), dropped));
    }

    #[test]
    fn what_the_target_never_got_is_nobodys_decision_and_what_it_may_have_got_twice_is_unknown() {
        let plan = plan(Packing::WholeTraces);
        let rules = tail(&[ERRORS]);
        let dropped = to_drop(&plan, &rules);
        let mut evidence = without(&plan, &dropped);
        let first = RequestId { chunk: 0, number: 0 };
        let records = plan.open(0).records_of(&plan, 0);
        let of_request = |outcome, attempts| {
            let record = RequestRecord { outcome, attempts, answer: String::new(), ended_ns: 0 };
            BTreeMap::from([(first, record)])
        };
        evidence.requests = of_request(Outcome::Refused, 1);
        let all = weighed(&without(&plan, &dropped), &rules);
        let refused = weighed(&evidence, &rules);
        assert_eq!(refused.unknown, BTreeMap::new());
        assert!(refused.as_expected() < all.as_expected());
        assert!(refused.left_out.len() < all.left_out.len());
        evidence.requests = of_request(Outcome::Acknowledged, 2);
        let twice = weighed(&evidence, &rules);
        let unknown: u64 = twice.unknown.values().sum();
        assert_eq!(unknown + twice.as_expected(), all.as_expected());
        assert!(unknown > 0 && records.iter().any(|record| twice.open.contains(u64::from(*record))));
    }

    #[test]
    fn a_rate_is_claimed_as_a_whole_and_never_by_the_trace() {
        let plan = plan(Packing::PerService);
        let rules = tail(&["{ name: rate, type: rate_limiting, rate_limiting: { spans_per_second: 100 } }"]);
        let everything = weighed(&without(&plan, &RoaringTreemap::new()), &rules);
        assert_eq!(everything.wrong_traces, super::super::WrongTraces::default());
        assert!(everything.limits[0].above.is_some());
        let nothing = weighed(&without(&plan, &(0..plan.spans()).collect()), &rules);
        assert!(nothing.limits[0].above.is_none() && nothing.limits[0].below.is_some());
        assert_eq!(nothing.left_out.len(), plan.spans());
    }

    #[test]
    fn behind_a_component_that_nobody_knows_nothing_is_claimed_but_what_was_dropped_before() {
        let plan = plan(Packing::PerService);
        let sampler = format!("  tail_sampling: {{ decision_wait: 300s, policies: [{ERRORS}] }}");
        let known = rules(&sampler, "tail_sampling");
        let both = rules(&format!("{sampler}\n  mystery: {{}}"), "tail_sampling, mystery");
        let sampled = weighed(&without(&plan, &to_drop(&plan, &known)), &both);
        assert!(sampled.unknown.keys().all(|why| why.contains("mystery")));
        assert!(sampled.unknown.values().sum::<u64>() >= plan.strata()[&Stratum::ErrorTrace]);
        assert_eq!(sampled.unknown.values().sum::<u64>() + sampled.as_expected(), traces(&sampled));
    }

    #[test]
    fn rules_that_leave_nothing_out_are_none() {
        let text = "receivers: { otlp: {} }\nexporters: { otlp_grpc: {} }\n\
                    service: { pipelines: { traces: { receivers: [otlp], exporters: [otlp_grpc] } } }";
        let config = CollectorConfig::read(&[Text { name: "c", text }], &BTreeMap::new()).unwrap();
        assert_eq!(Rules::of(&config.pipelines().unwrap(), None), None);
    }
}
