//! Writing changes into the document.

use super::Overrides;
use super::assignment::{Assignment, Change, SET};
use crate::document::{Content, Document, Entry, FieldPath, Node, Origin, Place, Step, parse_value, shortened};
use crate::problem::{Problem, ProblemKind};
use crate::units::ValueError;

/// Fields that hold one of several things by name: setting something under another name replaces what was there.
const CHOICES: [&str; 3] = ["target", "traffic.workload", "traffic.profile"];

/// Fields of which only one can be given: setting one removes the other.
const RIVALS: [(&str, &str); 4] = [
    ("run.duration", "run.spans"),
    ("run.spans", "run.duration"),
    ("collector.config", "collector.config_inline"),
    ("collector.config_inline", "collector.config"),
];

impl Overrides {
    /// Applies flags, then what the environment has for an external target and no flag has set.
    pub(crate) fn apply(&self, document: &mut Document, problems: &mut Vec<Problem>) {
        for assignment in &self.flags {
            assignment.apply(document, problems);
        }
        if !is_external(document) {
            return;
        }
        for assignment in &self.environment {
            let is_flagged = assignment.field().is_some_and(|path| document.origin_of(path) == Origin::Flag);
            if !is_flagged {
                assignment.apply(document, problems);
            }
        }
    }
}

fn is_external(document: &Document) -> bool {
    is_target(document, "external")
}

fn is_target(document: &Document, kind: &str) -> bool {
    let target = document.find(&FieldPath::keys("target")).map(|node| &node.content);
    match target {
        Some(Content::Scalar { text, .. }) => text == kind,
        Some(Content::Map(entries)) => entries.iter().any(|entry| entry.key == kind),
        _ => false,
    }
}

/// Whether the document, as it stands, has traffic sent over HTTP; without a word of it, it is gRPC.
fn is_http(document: &Document) -> bool {
    let protocol = document.find(&FieldPath::keys("traffic.transport.protocol")).map(|node| &node.content);
    matches!(protocol, Some(Content::Scalar { text, .. }) if text == "http")
}

impl Assignment {
    /// Adds the text of the flag to the document and writes the value; a failure points into that text.
    fn apply(&self, document: &mut Document, problems: &mut Vec<Problem>) {
        let text_index = document.texts.len();
        document.texts.push(self.text.clone());
        let written = match &self.change {
            Ok(change) => self.write(change, document, text_index),
            Err(error) => Err(error.clone()),
        };
        if let Err(error) = written {
            let end = self.text.text.len();
            let place = Place { text: text_index, start: error.at.min(end), end };
            let problem = document.problem(place, ProblemKind::Usage);
            problems.push(problem.message(error.message).hint(error.hint));
        }
    }

    fn write(&self, change: &Change, document: &mut Document, text_index: usize) -> Result<(), ValueError> {
        let text = &*self.text.text;
        let literal = |start: usize, end: usize| {
            let content = Content::Scalar { text: text[start..end].to_owned(), plain: true };
            Node::new(Place { text: text_index, start, end }, content)
        };
        match change {
            Change::Literal { value_at, .. } if text[*value_at..].trim().is_empty() => {
                Err(ValueError::new(*value_at, format!("`{}` has no value", self.text.name), ""))
            }
            Change::Literal { path, value_at } => write(document, path, literal(*value_at, text.len())),
            Change::Yaml { path, value_at } => match parse_value(text, text_index, *value_at) {
                (Some(value), errors) if errors.is_empty() => {
                    refuse_second_word(document, path, value.place)?;
                    write(document, path, value)
                }
                (_, errors) => {
                    let message = errors.first().map_or("the value is no YAML", |error| &error.message);
                    Err(ValueError::new(*value_at, message, "quote the value if it has special characters"))
                }
            },
            Change::Variable { path, value_at, value } => {
                let content = Content::Scalar { text: value.clone()?, plain: true };
                let node = Node::new(Place { text: text_index, start: *value_at, end: text.len() }, content);
                path.as_ref().map_or(Ok(()), |path| write(document, path, node))
            }
            Change::Endpoint { path, value_at, endpoint } => {
                let content = Content::Scalar { text: endpoint.of_traces(is_http(document)), plain: true };
                write(document, path, Node::new(Place { text: text_index, start: *value_at, end: text.len() }, content))
            }
            Change::Plant { value_at } => plant(document, literal(*value_at, text.len())),
            Change::Target { value_at } => {
                let end = text[*value_at..].find(':').map_or(text.len(), |colon| value_at + colon);
                let argument = (end < text.len()).then(|| literal(end + 1, text.len()));
                write_target(document, &literal(*value_at, end), argument)
            }
        }
    }
}

/// A field that a flag of its own has set is not quietly set again by `--set`: one of the two would be without effect.
fn refuse_second_word(document: &Document, path: &FieldPath, place: Place) -> Result<(), ValueError> {
    let text = document.find(path).and_then(|node| document.texts.get(node.place.text));
    let Some(text) = text.filter(|text| text.origin == Origin::Flag && text.name != SET) else { return Ok(()) };
    let message = format!("`{}` sets `{path}` too", shortened(&text.text));
    Err(ValueError::new(place.start, message, "keep one of the flags"))
}

/// Chooses a kind of target, keeping the settings that the document has for it.
fn write_target(document: &mut Document, kind: &Node, argument: Option<Node>) -> Result<(), ValueError> {
    let Content::Scalar { text: name, .. } = &kind.content else { return Ok(()) };
    let at = kind.place.start;
    let target = FieldPath::keys("target");
    let kept = document.find(&target.then(Step::Key(name.clone()))).is_some();
    match (name.as_str(), argument) {
        ("process", Some(command)) => write(document, &FieldPath::keys("target.process.command"), command),
        ("external", Some(endpoint)) => write(document, &FieldPath::keys("target.external.endpoint"), endpoint),
        ("process", None) if !kept => {
            Err(ValueError::new(at, "which process?", "name the binary: `--target process:/path/to/otelcol`"))
        }
        (_, None) if kept => Ok(()),
        (_, None) => write(document, &target, kind.clone()),
        ("embedded", Some(_)) => {
            Err(ValueError::new(at, "the embedded target takes nothing behind a colon", "write `--target embedded`"))
        }
        (_, Some(_)) => {
            let message = format!("there is no kind of target `{}`", shortened(name));
            Err(ValueError::new(at, message, "use `embedded`, `process:COMMAND` or `external:ENDPOINT`"))
        }
    }
}

/// Adds a planted defect to those of the embedded target, which is also the target of a scenario that names none.
fn plant(document: &mut Document, defect: Node) -> Result<(), ValueError> {
    if ["process", "external"].iter().any(|kind| is_target(document, kind)) {
        let message = "only the embedded target has planted defects";
        let hint = "to plant one behind another target, use `--plant-behind`";
        return Err(ValueError::new(defect.place.start, message, hint));
    }
    let defects = reach(document, &FieldPath::keys("target.embedded.defects"), defect.place)?;
    let nothing = defects.is_null() || matches!(&defects.content, Content::Map(entries) if entries.is_empty());
    match &mut defects.content {
        Content::List(elements) => elements.push(defect),
        _ if nothing => *defects = Node::new(defect.place, Content::List(vec![defect])),
        // Whatever else stands there is no list, and reported as such.
        _ => {}
    }
    Ok(())
}

/// Puts `value` at `path`, making maps on the way.
fn write(document: &mut Document, path: &FieldPath, value: Node) -> Result<(), ValueError> {
    for (set, rival) in RIVALS {
        // Two flags that contradict each other are the user's mistake and reported as such.
        let rival = FieldPath::keys(rival);
        if *path == FieldPath::keys(set) && document.origin_of(&rival) != Origin::Flag {
            remove(document, &rival);
        }
    }
    let place = value.place;
    *reach(document, path, place)? = value;
    Ok(())
}

/// The node at `path`, made if it is not there: an empty map, as are those on the way.
fn reach<'a>(document: &'a mut Document, path: &FieldPath, place: Place) -> Result<&'a mut Node, ValueError> {
    let mut walked = FieldPath::default();
    let mut node = &mut document.root;
    for step in path.steps() {
        if let Step::Key(name) = step {
            open_choice(node, &walked, name, place)?;
        }
        node = enter(node, step, place)?;
        walked = walked.then(step.clone());
    }
    Ok(node)
}

/// Makes room for the choice `name` in the node at `path`, if that is a choice: `shop` becomes `{shop: {}}`, others go.
fn open_choice(node: &mut Node, path: &FieldPath, name: &str, place: Place) -> Result<(), ValueError> {
    if !CHOICES.iter().any(|choice| *path == FieldPath::keys(choice)) {
        return Ok(());
    }
    let rival = match &node.content {
        Content::Map(entries) => entries.iter().find(|entry| entry.key != name).map(|entry| (&entry.key, &entry.value)),
        Content::Scalar { text, .. } if text != name => Some((text, &*node)),
        _ => None,
    };
    if let Some((rival, _)) = rival.filter(|(_, node)| node.is_touched_by_flag()) {
        let message = format!("another flag has set `{path}` to `{}` already", shortened(rival));
        return Err(ValueError::new(place.start, message, "keep one of the flags"));
    }
    match &mut node.content {
        Content::Map(entries) => entries.retain(|entry| entry.key == name),
        _ => *node = Node::empty_map(place),
    }
    Ok(())
}

/// The child at `step`, made if a map can have it.
fn enter<'a>(node: &'a mut Node, step: &Step, place: Place) -> Result<&'a mut Node, ValueError> {
    if node.is_null() {
        *node = Node::empty_map(node.place);
    }
    if let (Content::Map(entries), Step::Key(key)) = (&mut node.content, step)
        && !entries.iter().any(|entry| entry.key == *key)
    {
        entries.push(Entry { key: key.clone(), key_place: place, value: Node::empty_map(place) });
    }
    let described = node.described();
    node.child_mut(step).ok_or_else(|| {
        let step = match step {
            Step::Key(key) => format!("`{}`", shortened(key)),
            Step::Index(index) => format!("element {index}"),
        };
        let message = format!("the scenario has {described} where {step} should be set");
        ValueError::new(place.start, message, "set the whole field instead")
    })
}

fn remove(document: &mut Document, path: &FieldPath) {
    let Some((Step::Key(name), parents)) = path.steps().split_last() else { return };
    let parent = parents.iter().try_fold(&mut document.root, |node, step| node.child_mut(step));
    if let Some(Content::Map(entries)) = parent.map(|node| &mut node.content) {
        entries.retain(|entry| entry.key != *name);
    }
}
