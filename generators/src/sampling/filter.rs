//! The processor `filter` on spans.

use super::config::{AttributeMatch, ErrorMode, Filter, MatchProperties, MatchType, SpanConditions, SpanMatch};
use super::ottl::{Condition, Holds, Scene};
use super::pattern::{Pattern, PatternError};
use super::trace::{KIND_NAMES, Span, get};
use crate::model::{Attribute, Value};
use std::collections::BTreeSet;

/// What the processor takes for the service of a resource that names none.
const NO_SERVICE: &str = "<nil-service-name>";

/// What becomes of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage {
    /// It passes.
    Passes,
    /// It is dropped.
    Dropped,
    /// The text says what is not known.
    Unknown(String),
}

/// Which strings match.
#[derive(Debug, Clone)]
enum Strings {
    Exact(BTreeSet<String>),
    Patterns(Vec<Pattern>),
}

impl Strings {
    fn new(texts: &[String], match_type: MatchType) -> Result<Self, PatternError> {
        match match_type {
            MatchType::Strict => Ok(Self::Exact(texts.iter().cloned().collect())),
            MatchType::Regexp => {
                texts.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>().map(Self::Patterns)
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(texts) => texts.contains(text),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(text)),
        }
    }
}

#[derive(Debug, Clone)]
enum Wanted {
    /// Any value will do.
    Present,
    Equal(Value),
    Text(Strings),
}

/// Properties made ready: of each list that is there one must match, but all attributes and libraries.
#[derive(Debug, Clone)]
struct Properties {
    services: Option<Strings>,
    names: Option<Strings>,
    kinds: Option<Strings>,
    libraries: Vec<(Strings, Option<Strings>)>,
    attributes: Vec<(String, Wanted)>,
    resources: Vec<(String, Wanted)>,
    /// Everything that is read of attributes.
    keys: Vec<String>,
}

/// A configuration made ready.
#[derive(Debug, Clone)]
pub struct ReadyFilter {
    include: Option<Properties>,
    exclude: Option<Properties>,
    conditions: Vec<SpanConditions>,
    /// An expression in it cannot be read, so that nothing is known.
    unreadable: Option<String>,
}

impl ReadyFilter {
    /// Makes a configuration ready.
    pub fn new(config: &Filter) -> Self {
        let conditions = config.conditions.clone();
        match properties_of(&config.spans) {
            Ok((include, exclude)) => Self { include, exclude, conditions, unreadable: None },
            Err(error) => Self { include: None, exclude: None, conditions, unreadable: Some(error.to_string()) },
        }
    }

    /// What becomes of a span.
    pub fn passage(&self, span: &Span<'_>) -> Passage {
        if let Some(what) = &self.unreadable {
            return Passage::Unknown(what.clone());
        }
        let excluded = self.include.as_ref().is_some_and(|include| !include.matches(span))
            || self.exclude.as_ref().is_some_and(|exclude| exclude.matches(span));
        if excluded {
            return Passage::Dropped;
        }
        let mut passage = Passage::Passes;
        for conditions in &self.conditions {
            match dropped_by(conditions, span) {
                Passage::Dropped => return Passage::Dropped,
                Passage::Unknown(what) if passage == Passage::Passes => passage = Passage::Unknown(what),
                _ => {}
            }
        }
        passage
    }

    /// The keys of the attributes that it looks at.
    pub fn keys(&self) -> Vec<&str> {
        let properties = self.include.iter().chain(&self.exclude);
        let mut keys: Vec<_> = properties.flat_map(|p| p.keys.iter().map(String::as_str)).collect();
        let conditions = self.conditions.iter().flat_map(|group| group.resource.iter().chain(&group.span));
        keys.extend(conditions.flat_map(Condition::keys));
        keys
    }

    /// Whether it looks at `tracestate`.
    pub fn reads_trace_state(&self) -> bool {
        let mut conditions = self.conditions.iter().flat_map(|group| group.resource.iter().chain(&group.span));
        conditions.any(Condition::reads_trace_state)
    }
}

type Both = (Option<Properties>, Option<Properties>);

fn properties_of(spans: &SpanMatch) -> Result<Both, PatternError> {
    let ready = |properties: &Option<MatchProperties>| properties.as_ref().map(Properties::new).transpose();
    Ok((ready(&spans.include)?, ready(&spans.exclude)?))
}

/// The conditions on the resource, then those on the span.
fn dropped_by(conditions: &SpanConditions, span: &Span<'_>) -> Passage {
    let resource = conditions.resource.iter().map(|condition| (condition, Scene::Resource(span)));
    let own = conditions.span.iter().map(|condition| (condition, Scene::Span(span)));
    let mut passage = Passage::Passes;
    for (condition, scene) in resource.chain(own) {
        match condition.holds(&scene) {
            Holds::Yes if passage == Passage::Passes || conditions.error_mode != ErrorMode::Propagate => {
                return Passage::Dropped;
            }
            Holds::Fails if conditions.error_mode == ErrorMode::Propagate => {
                return Passage::Unknown(format!("`{}` fails, and the whole request with it", condition.text()));
            }
            Holds::Unknown(what) if passage == Passage::Passes => passage = Passage::Unknown(what),
            _ => {}
        }
    }
    passage
}

impl Properties {
    fn new(properties: &MatchProperties) -> Result<Self, PatternError> {
        let strings = |texts: &[String]| Strings::new(texts, properties.match_type);
        let given = |texts: &[String]| (!texts.is_empty()).then(|| strings(texts)).transpose();
        let wanted = |attributes: &[AttributeMatch]| -> Result<Vec<_>, PatternError> {
            attributes.iter().map(|a| Ok((a.key.clone(), Wanted::new(a, properties.match_type)?))).collect()
        };
        let mut libraries = Vec::new();
        for library in &properties.libraries {
            let version = library.version.as_ref().map(|version| strings(std::slice::from_ref(version))).transpose()?;
            libraries.push((strings(std::slice::from_ref(&library.name))?, version));
        }
        let listed = properties.attributes.iter().chain(&properties.resources).map(|attribute| attribute.key.clone());
        let service = (!properties.services.is_empty()).then(|| "service.name".to_owned());
        Ok(Self {
            services: given(&properties.services)?,
            names: given(&properties.span_names)?,
            kinds: given(&properties.span_kinds)?,
            libraries,
            attributes: wanted(&properties.attributes)?,
            resources: wanted(&properties.resources)?,
            keys: listed.chain(service).collect(),
        })
    }

    fn matches(&self, span: &Span<'_>) -> bool {
        let among =
            |strings: &Option<Strings>, text: &str| strings.as_ref().is_none_or(|strings| strings.matches(text));
        let service = || get(span.resource, "service.name").map_or(Some(NO_SERVICE.to_owned()), as_text);
        let kind = KIND_NAMES.get(span.kind as usize).copied().unwrap_or_default();
        let all = |wanted: &[(String, Wanted)], attributes: &[Attribute]| {
            wanted.iter().all(|(key, wanted)| get(attributes, key).is_some_and(|value| wanted.accepts(value)))
        };
        (self.services.is_none() || service().is_some_and(|service| among(&self.services, &service)))
            && among(&self.names, span.name)
            && among(&self.kinds, kind)
            && self
                .libraries
                .iter()
                .all(|(name, version)| name.matches(span.scope_name) && among(version, span.scope_version))
            && all(&self.resources, span.resource)
            && all(&self.attributes, &span.attributes)
    }
}

impl Wanted {
    fn new(attribute: &AttributeMatch, match_type: MatchType) -> Result<Self, PatternError> {
        match (&attribute.value, match_type) {
            (None, _) => Ok(Self::Present),
            (Some(value), MatchType::Strict) => Ok(Self::Equal(value.clone())),
            (Some(Value::Str(text)), MatchType::Regexp) => {
                Strings::new(std::slice::from_ref(text), match_type).map(Self::Text)
            }
            // The processor refuses to start.
            (Some(other), MatchType::Regexp) => Err(PatternError(format!("{other:?}"))),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Equal(wanted) => wanted == value,
            Self::Text(strings) => as_text(value).is_some_and(|text| strings.matches(&text)),
        }
    }
}

/// A plain value as text; lists, maps and bytes never match.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        _ => None,
    }
}
