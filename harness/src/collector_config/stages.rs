//! What each component on a way does to traces, in order, its settings read into the models that foretell a trace's fate.
//!
//! Start at [`Stages`]: the ways, and everything that was wrong with the settings of what stands on them. A component that is not
//! modelled is [`Does::Unknown`], with the reason: what is claimed of traces behind it is then unknown.

mod conditions;
mod filter;
mod limiter;
mod policy;
mod probabilistic;
mod tail;

pub use limiter::Limiter;

use super::facts::{self, Known};
use super::pipelines::{Path, Pipelines, Stage};
use super::settings::{Ignored, Mistake, Node, Reader};
use super::{ComponentId, SuspectWhy};
use serde_json::Value;
use spanproof_generators::sampling::config::{Filter, ProbabilisticSampler, TailSampling};
use spanproof_generators::sampling::version::Version;

/// What a component does to traces.
#[derive(Debug, Clone, PartialEq)]
pub enum Does {
    /// It decides for whole traces: `tail_sampling`.
    SamplesTraces(Box<TailSampling>),
    /// It decides for each span: `probabilistic_sampler`.
    SamplesSpans(ProbabilisticSampler),
    /// It drops spans that its conditions name: `filter`.
    Filters(Box<Filter>),
    /// It refuses all that comes while memory is short: `memory_limiter`.
    Limits(Limiter),
    /// It changes spans or resources and leaves out nothing.
    Changes(Vec<SuspectWhy>),
    /// It neither leaves out nor changes anything.
    Neutral,
    /// It is not modelled, or not all of its settings can be read; why.
    Unknown(String),
}

/// A component on a way.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The component.
    pub component: ComponentId,
    /// The pipeline, e.g. `traces/in`; of a connector the one that it takes from.
    pub pipeline: String,
    /// Whether it connects two pipelines.
    pub is_connector: bool,
    /// What it does.
    pub does: Does,
}

impl Step {
    /// The keys that lead to its settings.
    pub fn keys(&self) -> Vec<String> {
        let section = if self.is_connector { "connectors" } else { "processors" };
        vec![section.to_owned(), self.component.to_string()]
    }
}

/// The same stages, from some receivers to some exporters.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// Where traces come in.
    pub receivers: Vec<ComponentId>,
    /// What they pass, in order.
    pub steps: Vec<Step>,
    /// Where they leave.
    pub exporters: Vec<ComponentId>,
    /// The exporters' pipeline.
    pub pipeline: String,
}

/// All ways, and what was found in reading the settings on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// The ways from OTLP receivers to exporters; none where no pipeline leads from one to the other.
    pub ways: Vec<Way>,
    /// For what the collector refuses this configuration, and what contradicts itself.
    pub mistakes: Vec<Mistake>,
    /// What the collector takes and does not heed.
    pub ignored: Vec<Ignored>,
}

pub(super) fn read(raw: &Value, pipelines: &Pipelines, version: Version) -> Stages {
    let mut found = Stages { ways: Vec::new(), mistakes: Vec::new(), ignored: Vec::new() };
    let mut known: Vec<(Stage, Does)> = Vec::new();
    for path in pipelines.paths() {
        let mut steps = Vec::new();
        for stage in &path.stages {
            let does = match known.iter().find(|(seen, _)| is_same(seen, stage)) {
                Some((_, does)) => does.clone(),
                None => {
                    let does = found.take(raw, stage, version);
                    known.push((stage.clone(), does.clone()));
                    does
                }
            };
            steps.push(Step {
                component: stage.component.clone(),
                pipeline: stage.pipeline.clone(),
                is_connector: stage.is_connector,
                does,
            });
        }
        found.add(path, steps);
    }
    found
}

/// Whether two stages are one component, perhaps in two pipelines.
fn is_same(a: &Stage, b: &Stage) -> bool {
    a.component == b.component && a.is_connector == b.is_connector
}

impl Stages {
    /// Ways that differ only in their ends are told as one.
    fn add(&mut self, path: &Path, steps: Vec<Step>) {
        let same = |way: &&mut Way| way.steps == steps && way.pipeline == path.pipeline;
        let way = match self.ways.iter_mut().find(same) {
            Some(way) => way,
            None => {
                let pipeline = path.pipeline.clone();
                self.ways.push(Way { receivers: Vec::new(), steps, exporters: Vec::new(), pipeline });
                let Some(way) = self.ways.last_mut() else { return };
                way
            }
        };
        push_once(&mut way.receivers, &path.receiver);
        push_once(&mut way.exporters, &path.exporter);
    }

    /// Reads what a stage does, and keeps what was wrong with it.
    fn take(&mut self, raw: &Value, stage: &Stage, version: Version) -> Does {
        let mut reader = Reader::new(raw);
        let does = does(&mut reader, stage, version);
        self.mistakes.append(&mut reader.mistakes);
        self.ignored.append(&mut reader.ignored);
        if reader.open.is_empty() { does } else { Does::Unknown(reader.open.join("; ")) }
    }
}

fn push_once(list: &mut Vec<ComponentId>, id: &ComponentId) {
    if !list.contains(id) {
        list.push(id.clone());
    }
}

fn does(reader: &mut Reader<'_>, stage: &Stage, version: Version) -> Does {
    let section = if stage.is_connector { "connectors" } else { "processors" };
    let id = stage.component.to_string();
    let node = Node::new(&stage.settings, &[section, &id]);
    match (stage.is_connector, stage.component.plain_kind().as_str()) {
        (false, "tailsampling") => Does::SamplesTraces(Box::new(tail::read(reader, &node, version))),
        (false, "probabilisticsampler") => Does::SamplesSpans(probabilistic::read(reader, &node)),
        (false, "filter") => Does::Filters(Box::new(filter::read(reader, &node))),
        (false, "memorylimiter") => Does::Limits(limiter::read(reader, &node, version)),
        _ => of_kind(stage),
    }
}

fn of_kind(stage: &Stage) -> Does {
    match facts::known(stage) {
        Known::Transparent => Does::Neutral,
        Known::Changes(why) => Does::Changes(why),
        Known::LeavesOut(SuspectWhy::Routes) => {
            Does::Unknown("it sends each trace to some of its pipelines, and to which is not modelled".to_owned())
        }
        Known::LeavesOut(_) | Known::Both(..) | Known::Unknown => {
            Does::Unknown(format!("what `{}` does to traces is not modelled", stage.component.kind().escape_debug()))
        }
    }
}

#[cfg(test)]
mod tests;
