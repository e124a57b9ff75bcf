//! The way of one trace through the stages: what each decides, and why; and where nothing can be said any more.

use super::{Subject, unknown};
use crate::collector_config::{Does, Way};
use spanproof_generators::sampling::chain::{Chain, Course, Fate, Step};
use spanproof_generators::sampling::config::Stage;
use spanproof_generators::sampling::oracle::Program;
use spanproof_generators::sampling::tail::{Ballot, Vote};
use spanproof_generators::sampling::trace::{Source, Trace};
use spanproof_generators::sampling::version::Model;
use std::borrow::Cow;

/// A way made ready to send traces through.
pub(crate) struct ReadyWay<'a> {
    /// The way.
    pub(crate) way: &'a Way,
    /// The stages that decide.
    deciding: Vec<Deciding>,
    chain: Chain,
    /// The component from which on nothing is known, by its position, and why.
    blocked: Option<(usize, String)>,
}

/// A stage that decides.
#[derive(Debug, Clone)]
struct Deciding {
    /// Its position among the steps of the way.
    step: usize,
    /// Policies that read what an earlier component may have changed, each with that component's name.
    open: Vec<(String, String)>,
}

/// What a stage did to a trace.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    /// Its position among the steps of the way.
    pub(crate) step: usize,
    /// What it did.
    pub(crate) what: Step,
    open: &'a [(String, String)],
}

/// The whole way of a trace.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    /// What each stage that decides did, up to the one behind which nothing was left or known.
    pub(crate) decided: Vec<Decided<'a>>,
    /// Whether each span comes out, if the trace does.
    pub(crate) survivors: Vec<bool>,
    /// What becomes of it.
    pub(crate) fate: Fate<'static>,
}

impl<'a> ReadyWay<'a> {
    /// Makes a way ready; `None` where the model refuses it, which the reading of the settings has told of before.
    pub(crate) fn new(subject: &Subject, way: &'a Way) -> Option<Self> {
        let (mut deciding, mut stages) = (Vec::new(), Vec::new());
        let mut blocked = None;
        for (step, component) in way.steps.iter().enumerate() {
            if let Some(by) = unknown::blinds(subject, way, step) {
                blocked = Some((step, format!("it reads what `{by}` may have changed")));
                break;
            }
            let mut open = Vec::new();
            let stage = match &component.does {
                Does::SamplesTraces(tail) => {
                    let (veiled, veiled_policies) = unknown::veiled(subject, way, step, tail);
                    open = veiled_policies;
                    Stage::TailSampling(veiled)
                }
                Does::SamplesSpans(sampler) => Stage::ProbabilisticSampler(sampler.clone()),
                Does::Filters(filter) => Stage::Filter((**filter).clone()),
                Does::Unknown(why) => {
                    blocked = Some((step, why.clone()));
                    break;
                }
                Does::Limits(_) | Does::Changes(_) | Does::Neutral => continue,
            };
            deciding.push(Deciding { step, open });
            stages.push(stage);
        }
        let chain = Chain::new(&stages, Model::actual(subject.version)).ok()?.in_any_order();
        Some(Self { way, deciding, chain, blocked })
    }

    /// Sends a trace through.
    pub(crate) fn send(&self, trace: Trace<'_>) -> Told<'_> {
        let Course { steps, survivors, fate } = self.chain.course(trace);
        let decided = self.deciding.iter().zip(steps);
        let decided: Vec<Decided<'_>> =
            decided.map(|(stage, what)| Decided { step: stage.step, what, open: &stage.open }).collect();
        let fate = self.with_doubt(fate, &decided);
        Told { decided, survivors, fate }
    }

    /// How many stages decide.
    pub(crate) fn decides(&self) -> usize {
        self.deciding.len()
    }

    /// The program for the traces of a source: their fates by the million, without reasons.
    pub(crate) fn compile(&self, source: &Source<'_>) -> Program {
        self.chain.compile(source)
    }

    /// The fate of a trace, and which of its spans come out if it does; as [`ReadyWay::send`] would tell, and fast.
    pub(crate) fn fate<'b>(
        &self,
        program: &Program,
        id: &[u8; 16],
        trace: impl Fn() -> Trace<'b>,
    ) -> (Fate<'static>, Vec<bool>) {
        let told = |trace| {
            let told = self.send(trace);
            (told.fate, told.survivors)
        };
        match (self.chain.fate(program, id, &trace), program.survivors()) {
            (Fate::Drop, Some(survivors)) => (Fate::Drop, survivors.to_vec()),
            (Fate::Keep, Some(survivors)) if self.blocked.is_none() => (Fate::Keep, survivors.to_vec()),
            _ => told(trace()),
        }
    }

    /// Nothing is claimed beyond a vote that is not known, or a component that is not.
    fn with_doubt(&self, fate: Fate<'static>, decided: &[Decided<'_>]) -> Fate<'static> {
        let unknown = |why: String| Fate::Unknown(Cow::Owned(why));
        match (fate, &self.blocked) {
            (Fate::Unknown(why), _) => decided.iter().find_map(Decided::doubt).map_or(Fate::Unknown(why), unknown),
            (Fate::Keep | Fate::Bounded, Some((at, why))) => {
                unknown(format!("`{}`: {why}", self.way.steps[*at].component))
            }
            (fate, _) => fate,
        }
    }
}

impl Decided<'_> {
    /// The component that may have changed what a ballot's policy reads, where that leaves the vote open.
    pub(crate) fn veil(&self, ballot: &Ballot) -> Option<&str> {
        let is_open = matches!(ballot.vote, Vote::MaybeSampled(_) | Vote::MaybeDropped(_));
        let by = self.open.iter().find(|(policy, _)| *policy == ballot.policy).filter(|_| is_open)?;
        Some(&by.1)
    }

    /// Why what it decides is unknown, where that comes of such a vote.
    pub(crate) fn doubt(&self) -> Option<String> {
        let Step::Tail(decision) = &self.what else { return None };
        let told = |ballot: &Ballot| {
            let by = self.veil(ballot)?;
            Some(format!("policy `{}` reads what `{by}` may have changed", ballot.policy.escape_debug()))
        };
        decision.ballots.iter().find_map(told)
    }
}
