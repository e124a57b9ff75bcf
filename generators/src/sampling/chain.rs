//! What becomes of a trace on its way through samplers and filters, in any order, one after another.

use super::config::{HeadSampler, Problem, Stage};
use super::filter::{Passage, ReadyFilter};
use super::head::{Parent, Question, consistent_threshold};
use super::probabilistic::{ReadySampler, SpanFate, Written};
use super::tail::{Decision, Open, Outcome, TailSampler};
use super::trace::Trace;
use super::tracestate::TraceState;
use super::version::Model;
use std::borrow::Cow;

/// What becomes of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate<'a> {
    /// It comes out: whole, but for the spans that a filter took or a sampler that decides by span.
    Keep,
    /// Nothing of it comes out.
    Drop,
    /// A rate decides.
    Bounded,
    /// The text says what is not known.
    Unknown(Cow<'a, str>),
}

/// A stage made ready.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is a handful of them")]
pub enum ReadyStage {
    /// A sampler in the SDK.
    Head(HeadSampler),
    /// `probabilistic_sampler`.
    Sampler(ReadySampler),
    /// `filter`.
    Filter(ReadyFilter),
    /// `tail_sampling`.
    Tail(TailSampler),
}

/// What a stage did.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A sampler in the SDK kept the trace, or did not.
    Head(bool),
    /// `probabilistic_sampler`, span by span.
    Sampler(Vec<SpanFate>),
    /// `filter`, span by span.
    Filter(Vec<Passage>),
    /// `tail_sampling`.
    Tail(Decision),
}

/// The way of one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// What each stage did, up to the one behind which nothing was left.
    pub steps: Vec<Step>,
    /// Whether each span of the trace as it began comes out, if the trace does.
    pub survivors: Vec<bool>,
    /// What becomes of the trace.
    pub fate: Fate<'static>,
}

/// Stages one after another.
#[derive(Debug, Clone)]
pub struct Chain {
    pub(super) stages: Vec<ReadyStage>,
}

impl Chain {
    /// Makes stages ready, as `model` understands them.
    ///
    /// # Errors
    /// Everything for which a collector would not start.
    pub fn new(stages: &[Stage], model: Model) -> Result<Self, Vec<Problem>> {
        let (mut ready, mut problems) = (Vec::with_capacity(stages.len()), Vec::new());
        for stage in stages {
            match stage {
                Stage::Head(sampler) => ready.push(ReadyStage::Head(sampler.clone())),
                Stage::ProbabilisticSampler(config) => ready.push(ReadyStage::Sampler(ReadySampler::new(config))),
                Stage::Filter(config) => ready.push(ReadyStage::Filter(ReadyFilter::new(config))),
                Stage::TailSampling(config) => match TailSampler::new(config, model) {
                    Ok(sampler) => ready.push(ReadyStage::Tail(sampler)),
                    Err(more) => problems.extend(more),
                },
            }
        }
        if problems.is_empty() { Ok(Self { stages: ready }) } else { Err(problems) }
    }

    /// The same, for traces whose spans stand in no known order.
    pub fn in_any_order(mut self) -> Self {
        let any_order = |stage| match stage {
            ReadyStage::Tail(sampler) => ReadyStage::Tail(sampler.in_any_order()),
            stage => stage,
        };
        self.stages = self.stages.into_iter().map(any_order).collect();
        self
    }

    /// Sends a trace through. All its spans must reach each `tail_sampling` within its time.
    pub fn course(&self, trace: Trace<'_>) -> Course {
        let mut way = Way::new(trace);
        for stage in &self.stages {
            let step = way.pass(stage);
            way.steps.push(step);
            if way.trace.spans.is_empty() {
                break;
            }
        }
        way.end()
    }
}

/// A trace on its way.
struct Way<'a> {
    trace: Trace<'a>,
    /// For each span that is left, which it was at the beginning.
    places: Vec<usize>,
    spans: usize,
    steps: Vec<Step>,
    /// Whether all that is left comes out is open.
    open: Option<Open>,
    /// Why it is not known what is left; then votes on it say nothing.
    blurred: Option<String>,
    /// A sampler wrote a `tracestate` that nobody can tell.
    trace_state_lost: bool,
}

impl<'a> Way<'a> {
    fn new(trace: Trace<'a>) -> Self {
        let spans = trace.spans.len();
        let places = (0..spans).collect();
        Self { trace, places, spans, steps: Vec::new(), open: None, blurred: None, trace_state_lost: false }
    }

    fn pass(&mut self, stage: &ReadyStage) -> Step {
        match stage {
            ReadyStage::Head(sampler) => self.pass_head(sampler),
            ReadyStage::Sampler(sampler) => {
                self.mind_trace_state();
                let id = self.trace.id;
                let fates: Vec<_> = self.trace.spans.iter().map(|span| sampler.decide(&id, span)).collect();
                for (span, fate) in self.trace.spans.iter_mut().zip(&fates) {
                    match &fate.trace_state {
                        Written::Replaced(text) => span.trace_state = Cow::Owned(text.clone()),
                        Written::Unknown => self.trace_state_lost = true,
                        Written::Unchanged => {}
                    }
                }
                self.retain(|at| fates[at].keep);
                Step::Sampler(fates)
            }
            ReadyStage::Filter(filter) => {
                let passages: Vec<_> = self.trace.spans.iter().map(|span| filter.passage(span)).collect();
                let unknown = passages.iter().find_map(|passage| match passage {
                    Passage::Unknown(what) => Some(what.clone()),
                    _ => None,
                });
                self.blurred = self.blurred.take().or(unknown);
                self.retain(|at| passages[at] != Passage::Dropped);
                Step::Filter(passages)
            }
            ReadyStage::Tail(sampler) => {
                self.mind_trace_state();
                let decision = sampler.decide(&self.trace);
                if self.blurred.is_none() {
                    self.settle(&decision.outcome);
                }
                Step::Tail(decision)
            }
        }
    }

    fn settle(&mut self, outcome: &Outcome) {
        let open = match outcome {
            Outcome::Keep => None,
            Outcome::Drop => return self.retain(|_| false),
            Outcome::Panic => Some(Open::Unknown("the collector panics over it".to_owned())),
            Outcome::Open(open) => Some(open.clone()),
        };
        self.open = self.open.take().max(open);
    }

    fn pass_head(&mut self, sampler: &HeadSampler) -> Step {
        // The answer for the root is the trace's: its children obey it.
        let first = self.trace.spans.first();
        let state = first.and_then(|span| TraceState::parse(&span.trace_state).ok());
        let randomness = state.and_then(|state| state.randomness());
        let keep = sampler.keeps(Question { id: &self.trace.id, parent: Parent::None, randomness });
        if let HeadSampler::Consistent { ratio, precision } = sampler {
            let threshold = consistent_threshold(*ratio, *precision);
            for span in &mut self.trace.spans {
                let Ok(mut state) = TraceState::parse(&span.trace_state) else { continue };
                state.raise_threshold(threshold);
                let text = state.write();
                span.trace_state = Cow::Owned(text);
            }
        }
        self.retain(|_| keep);
        Step::Head(keep)
    }

    /// Whoever reads a `tracestate` that is not known knows nothing.
    fn mind_trace_state(&mut self) {
        if self.trace_state_lost {
            self.blurred = Some("a sampler wrote a tracestate that is not known".to_owned());
        }
    }

    /// Keeps the spans at these places among those that are left.
    fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let before = self.places.len();
        let mut at = 0..;
        self.trace.spans.retain(|_| at.next().is_some_and(&keep));
        let mut at = 0..;
        self.places.retain(|_| at.next().is_some_and(&keep));
        if self.places.len() < before {
            self.trace.bytes = None;
        }
    }

    fn end(self) -> Course {
        let mut survivors = vec![false; self.spans];
        self.places.iter().for_each(|place| survivors[*place] = true);
        let fate = match (self.blurred, self.open) {
            _ if self.places.is_empty() => Fate::Drop,
            (Some(what), _) | (None, Some(Open::Unknown(what))) => Fate::Unknown(Cow::Owned(what)),
            (None, None) => Fate::Keep,
            (None, Some(Open::Limited)) => Fate::Bounded,
        };
        Course { steps: self.steps, survivors, fate }
    }
}
