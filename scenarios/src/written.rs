//! A scenario written out whole: what the file said, with everything that flags changed in it, so that it means the same wherever
//! it is read, and with some of its faults, another rate, or another duration.

use crate::document::{Content, Document, Entry, FieldPath, Node, Step, write};
use crate::limits::Limit;
use crate::load::{LoadOptions, Source, load_document};
use crate::problem::Problems;
use crate::scenario::{CollectorConfig, FaultKind, Scenario, Target};
use crate::units::{HumanDuration, Rate};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// A scenario whose text can be written again.
#[derive(Debug, Clone)]
pub struct Written {
    root: Node,
    scenario: Scenario,
}

/// What is to be otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variation {
    /// The faults that stay, by their places in the list.
    pub faults: BTreeSet<usize>,
    /// Another rate.
    pub rate: Option<Rate>,
    /// A duration, instead of the one that was there or of a number of spans.
    pub duration: Option<Duration>,
}

impl Written {
    /// Loads a scenario and keeps what is needed to write it.
    ///
    /// # Errors
    /// Those of [`crate::load::load`].
    pub fn load(source: &Source, options: &LoadOptions) -> Result<Self, Problems> {
        let (scenario, mut document) = load_document(source, options)?;
        settle_paths(&mut document, &scenario);
        let mut written = Self { root: document.root, scenario };
        written.set("run.seed", written.scenario.run.seed.to_string());
        Ok(written)
    }

    /// What it means.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// A whole scenario file. A limit that names a fault goes with it.
    pub fn text(&self, variation: &Variation) -> String {
        let mut varied = self.clone();
        let stays = |limit: &Limit| limit.fault().is_none_or(|name| self.has_fault(variation, name));
        varied.keep("limits", |index| self.scenario.limits.get(index).is_some_and(stays));
        varied.keep("abort", |index| self.scenario.abort.get(index).is_some_and(stays));
        varied.keep("faults", |index| variation.faults.contains(&index));
        if let Some(rate) = variation.rate {
            varied.set("traffic.rate", rate.to_string());
        }
        if let Some(duration) = variation.duration {
            varied.remove("run", "spans");
            varied.set("run.duration", HumanDuration(duration).to_string());
        }
        write(&varied.root, 0)
    }

    /// The part of that file that lists the faults; empty without any.
    pub fn faults(&self, variation: &Variation) -> String {
        let mut varied = self.clone();
        varied.keep("faults", |index| variation.faults.contains(&index));
        if let Content::Map(entries) = &mut varied.root.content {
            entries.retain(|entry| entry.key == "faults" && !variation.faults.is_empty());
            if entries.is_empty() {
                return String::new();
            }
        }
        write(&varied.root, 0)
    }

    fn has_fault(&self, variation: &Variation, name: &str) -> bool {
        self.scenario
            .faults
            .iter()
            .enumerate()
            .any(|(index, fault)| fault.name == name && variation.faults.contains(&index))
    }

    /// Keeps those elements of a list of the scenario that are wanted.
    fn keep(&mut self, list: &str, wanted: impl Fn(usize) -> bool) {
        if let Some(Content::List(elements)) = self.root.child_mut(&key(list)).map(|node| &mut node.content) {
            let mut index = 0..;
            elements.retain(|_| index.next().is_some_and(&wanted));
        }
    }

    /// Puts a word at a field of two steps, the first of which is there.
    fn set(&mut self, path: &str, text: String) {
        let Some((section, field)) = path.split_once('.') else { return };
        let Some(section) = self.root.child_mut(&key(section)) else { return };
        let place = section.place;
        let value = Node::new(place, Content::Scalar { text, plain: true });
        if let Some(node) = section.child_mut(&key(field)) {
            *node = value;
        } else if let Content::Map(entries) = &mut section.content {
            entries.push(Entry { key: field.to_owned(), key_place: place, value });
        }
    }

    fn remove(&mut self, section: &str, field: &str) {
        if let Some(Content::Map(entries)) = self.root.child_mut(&key(section)).map(|node| &mut node.content) {
            entries.retain(|entry| entry.key != field);
        }
    }
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

/// Writes whole paths where there were relative ones: the text may be read from another folder.
fn settle_paths(document: &mut Document, scenario: &Scenario) {
    if let Target::Process(process) = &scenario.target
        && process.command.components().count() > 1
    {
        settle(document, &FieldPath::keys("target.process.command"), &process.command);
    }
    if let CollectorConfig::Files(files) = &scenario.collector.config {
        let list = FieldPath::keys("collector.config");
        for (index, file) in files.iter().enumerate() {
            settle(document, &list.then(Step::Index(index)), file);
        }
    }
    let list = FieldPath::keys("faults");
    for (index, fault) in scenario.faults.iter().enumerate() {
        let FaultKind::Commands(commands) = &fault.kind else { continue };
        let fields = [("start", &commands.start), ("undo", &commands.undo), ("evidence", &commands.evidence)];
        for (field, command) in fields.into_iter().filter(|(_, command)| command.program.components().count() > 1) {
            let keys = ["fault", "exec", field].map(|key| Step::Key(key.to_owned()));
            let words = keys.into_iter().fold(list.then(Step::Index(index)), |path, key| path.then(key));
            settle(document, &words.then(Step::Index(0)), &command.program);
        }
    }
}

fn settle(document: &mut Document, path: &FieldPath, file: &Path) {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let node = path.steps().iter().try_fold(&mut document.root, |node, step| node.child_mut(step));
    if let Some(node) = node {
        node.content = Content::Scalar { text: whole.display().to_string(), plain: false };
    }
}

#[cfg(test)]
mod tests;
