//! Spans that arrive intact, but under a resource or scope that is not theirs, or not as it was sent.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use spanproof_reports::figures::hex;

use super::pick::Pick;
use super::spans::{SERVICE_NAME, string_attribute};
use super::{Defect, DefectKind, Passage, Tamper};

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let pick = Pick::new(defect.every, seed);
    Some(match defect.kind() {
        DefectKind::ChangeScope => Box::new(ChangeScope(pick)),
        DefectKind::ChangeService => Box::new(ChangeService(pick)),
        DefectKind::ResourceStrings => Box::new(ResourceStrings(pick)),
        DefectKind::SwapResources => Box::new(SwapResources { pick, last: None, owed: None }),
        _ => return None,
    })
}

struct ChangeScope(Pick);

impl Tamper for ChangeScope {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        for resource in &mut passage.message.resource_spans {
            let mut moved = Vec::new();
            resource.scope_spans.retain_mut(|scope| {
                let picked = take_picked(&mut scope.spans, &mut self.0);
                let emptied = !picked.is_empty() && scope.spans.is_empty();
                if !picked.is_empty() {
                    moved.push(under_another_name(scope, picked));
                }
                !emptied
            });
            bites += moved.iter().map(|scope| scope.spans.len() as u64).sum::<u64>();
            resource.scope_spans.extend(moved);
        }
        bites
    }
}

fn under_another_name(scope: &ScopeSpans, spans: Vec<Span>) -> ScopeSpans {
    let mut renamed: InstrumentationScope = scope.scope.clone().unwrap_or_default();
    renamed.name.push('!');
    ScopeSpans { scope: Some(renamed), spans, schema_url: scope.schema_url.clone() }
}

struct ChangeService(Pick);

impl Tamper for ChangeService {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        let mut moved = Vec::new();
        passage.message.resource_spans.retain_mut(|resource| {
            let scopes = self.take_scopes(resource);
            let emptied = !scopes.is_empty() && resource.scope_spans.is_empty();
            if !scopes.is_empty() {
                bites += scopes.iter().map(|scope| scope.spans.len() as u64).sum::<u64>();
                moved.push(under_another_service(resource, scopes));
            }
            !emptied
        });
        passage.message.resource_spans.extend(moved);
        bites
    }
}

impl ChangeService {
    /// Takes the picked spans out of a resource, each still under its scope.
    fn take_scopes(&mut self, resource: &mut ResourceSpans) -> Vec<ScopeSpans> {
        let mut taken = Vec::new();
        resource.scope_spans.retain_mut(|scope| {
            let spans = take_picked(&mut scope.spans, &mut self.0);
            let emptied = !spans.is_empty() && scope.spans.is_empty();
            if !spans.is_empty() {
                taken.push(ScopeSpans { scope: scope.scope.clone(), spans, schema_url: scope.schema_url.clone() });
            }
            !emptied
        });
        taken
    }
}

fn under_another_service(resource: &ResourceSpans, scope_spans: Vec<ScopeSpans>) -> ResourceSpans {
    let mut renamed: Resource = resource.resource.clone().unwrap_or_default();
    renamed.attributes.retain(|attribute| attribute.key != SERVICE_NAME);
    renamed.attributes.push(string_attribute(SERVICE_NAME, "planted-defect"));
    ResourceSpans { resource: Some(renamed), scope_spans, schema_url: resource.schema_url.clone() }
}

fn take_picked(spans: &mut Vec<Span>, pick: &mut Pick) -> Vec<Span> {
    spans.extract_if(.., |_| pick.next()).collect()
}

/// Nothing is held back for a swap: a picked request gets the resource of the one before it, and the next request under that
/// resource gets in turn the one that was replaced.
struct SwapResources {
    pick: Pick,
    last: Option<Resource>,
    owed: Option<Owed>,
}

/// The second half of a swap.
struct Owed {
    to: Resource,
    give: Option<Resource>,
}

impl Tamper for SwapResources {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let Some(first) = first_with_spans(&mut passage.message) else { return 0 };
        let own = first.resource.clone();
        let exchanged = match (&self.owed, &self.last) {
            (Some(owed), _) if own.as_ref() == Some(&owed.to) => self.owed.take().map(|owed| owed.give),
            (None, Some(last)) if own.as_ref() != Some(last) && self.pick.next() => {
                self.owed = Some(Owed { to: last.clone(), give: own.clone() });
                Some(Some(last.clone()))
            }
            _ => None,
        };
        self.last = own;
        match exchanged {
            Some(other) => {
                first.resource = other;
                1
            }
            None => 0,
        }
    }

    /// Whatever else a request holds stays under its own resource.
    fn touched(&self, _bites: u64, passage: &Passage) -> u64 {
        let first = passage.message.resource_spans.iter().find(|resource| spans_under(resource) > 0);
        first.map_or(0, spans_under)
    }
}

struct ResourceStrings(Pick);

impl Tamper for ResourceStrings {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        for resource_spans in &mut passage.message.resource_spans {
            let spans = spans_under(resource_spans);
            let Some(resource) = &mut resource_spans.resource else { continue };
            let typed = || resource.attributes.iter().filter_map(|attribute| attribute.value.as_ref()?.value.as_ref());
            if spans > 0 && typed().any(|value| as_text(value).is_some()) && self.0.next() {
                resource.attributes.iter_mut().for_each(to_text);
                bites += spans;
            }
        }
        bites
    }
}

fn to_text(attribute: &mut KeyValue) {
    let value = attribute.value.as_mut().and_then(|value| value.value.as_mut());
    if let Some(value) = value
        && let Some(text) = as_text(value)
    {
        *value = Value::StringValue(text);
    }
}

/// How a backend that knows only strings writes a value of another type; lists and maps are left alone.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::BoolValue(truth) => Some(truth.to_string()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        Value::BytesValue(bytes) => Some(hex(bytes)),
        _ => None,
    }
}

fn spans_under(resource: &ResourceSpans) -> u64 {
    resource.scope_spans.iter().map(|scope| scope.spans.len() as u64).sum()
}

fn first_with_spans(message: &mut ExportTraceServiceRequest) -> Option<&mut ResourceSpans> {
    message.resource_spans.iter_mut().find(|resource| spans_under(resource) > 0)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Diff, Home, run};
    use super::super::spans::service_name;
    use super::*;

    fn moved(defect: &str) -> (Vec<(Home, Home)>, u64) {
        let Diff { moved, changed, lost, added, repeated, bites, .. } = run(defect, 100);
        assert!(bites > 0 && changed.is_empty() && lost.is_empty() && added.is_empty() && repeated.is_empty());
        (moved, bites)
    }

    #[test]
    fn a_span_moves_under_a_scope_of_another_name_and_else_the_same() {
        for defect in ["change-scope,every=5", "change-scope,every=1"] {
            let (moved, bites) = moved(defect);
            assert_eq!(moved.len() as u64, bites);
            for (before, mut after) in moved {
                let name = std::mem::replace(&mut after.scope.name, before.scope.name.clone());
                assert_ne!(name, before.scope.name);
                assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn a_span_moves_under_a_resource_of_another_service_and_else_the_same() {
        for defect in ["change-service,every=5", "change-service,every=1"] {
            let (moved, bites) = moved(defect);
            assert_eq!(moved.len() as u64, bites);
            for (mut before, mut after) in moved {
                assert_eq!(service_name(Some(&after.resource)), Some("planted-defect"));
                before.resource.attributes.retain(|attribute| attribute.key != SERVICE_NAME);
                after.resource.attributes.retain(|attribute| attribute.key != SERVICE_NAME);
                assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn a_resource_has_strings_for_all_that_is_none_and_is_else_the_same() {
        for defect in ["resource-strings,every=5", "resource-strings,every=1"] {
            let (moved, bites) = moved(defect);
            assert_eq!(moved.len() as u64, bites);
            for (before, mut after) in moved {
                let at = before.resource.attributes.iter().position(|attribute| attribute.key == "pid").unwrap();
                assert_eq!(after.resource.attributes[at], string_attribute("pid", "4"));
                after.resource.attributes[at] = before.resource.attributes[at].clone();
                assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn what_is_no_list_and_no_map_has_a_text() {
        let texts =
            [Value::BoolValue(true), Value::IntValue(-3), Value::DoubleValue(0.75), Value::BytesValue(vec![0, 0xff])];
        assert_eq!(texts.map(|value| as_text(&value).unwrap()), ["true", "-3", "0.75", "00ff"]);
        for value in [Value::StringValue(String::new()), Value::ArrayValue(Default::default())] {
            assert_eq!(as_text(&value), None);
        }
    }

    #[test]
    fn two_requests_exchange_resources_that_both_were_sent() {
        let (moved, bites) = moved("swap-resources,every=5");
        // Each request of the sample has six spans under its first resource.
        assert_eq!(moved.len() as u64, bites * 6);
        let mut balance = std::collections::BTreeMap::<String, i64>::new();
        for (before, after) in moved {
            assert_ne!(before.resource, after.resource);
            assert_eq!(before.scope, after.scope);
            *balance.entry(format!("{:?}", before.resource)).or_default() -= 1;
            *balance.entry(format!("{:?}", after.resource)).or_default() += 1;
        }
        // Both halves of every swap have happened, but for one that may be under way at the end.
        let open = balance.values().filter(|balance| **balance != 0).count();
        assert!(open == 0 || open == 2, "{balance:?}");
    }
}
