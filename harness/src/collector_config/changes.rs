//! What processors are told to change: which attributes by their keys, which fields. Where the settings leave that open, all.

use super::pipelines::Stage;
use super::{Keys, SuspectWhy};
use serde_json::Value;
use std::collections::BTreeSet;

/// The keys that an `attributes` processor writes or removes.
pub(super) fn of_attributes(stage: &Stage) -> Keys {
    acted_on(stage.settings.get("actions"))
}

/// The same of a `resource` processor, which has its actions under another name.
pub(super) fn of_resource(stage: &Stage) -> Keys {
    acted_on(stage.settings.get("attributes"))
}

/// What a `span` processor does: each part of its settings is another field. Only what is set is done.
pub(super) fn of_span(stage: &Stage) -> Vec<SuspectWhy> {
    let name = stage.settings.get("name").filter(|name| !name.is_null());
    let from_name = name.and_then(|name| name.get("to_attributes")).filter(|rules| !rules.is_null());
    let keeps_name = from_name.and_then(|rules| rules.get("keep_original_name")).and_then(Value::as_bool) == Some(true);
    let is_renamed = name.and_then(|name| name.get("from_attributes")).is_some_and(|keys| !keys.is_null());
    let mut why = Vec::new();
    if is_renamed || from_name.is_some() && !keeps_name {
        why.push(SuspectWhy::Renames);
    }
    // Their keys stand in regular expressions.
    why.extend(from_name.map(|_| SuspectWhy::ChangesAttributes(Keys::Any)));
    why.extend(stage.settings.get("status").filter(|status| !status.is_null()).map(|_| SuspectWhy::SetsStatus));
    why
}

fn acted_on(actions: Option<&Value>) -> Keys {
    match actions {
        None | Some(Value::Null) => Keys::Only(BTreeSet::new()),
        // One action whose key is not known may act on every key.
        Some(Value::Array(actions)) => actions.iter().map(key_of).collect::<Option<_>>().map_or(Keys::Any, Keys::Only),
        Some(_) => Keys::Any,
    }
}

/// The key that an action acts on, and no other; `None` where that cannot be told. Wherever a value comes from, it goes there.
fn key_of(action: &Value) -> Option<String> {
    let text = |name| action.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("action")?.to_lowercase();
    let acts_on_its_key = ["insert", "update", "upsert", "delete", "hash", "convert"].contains(&kind.as_str());
    let key = text("key").filter(|key| acts_on_its_key && !key.contains("${"))?;
    text("pattern").is_none().then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::ComponentId;
    use serde_json::json;

    fn stage(kind: &str, settings: Value) -> Stage {
        let component = ComponentId::parse(kind).unwrap();
        Stage { pipeline: "traces".to_owned(), component, is_connector: false, settings }
    }

    fn keys(actions: Value) -> Keys {
        of_attributes(&stage("attributes", json!({ "actions": actions })))
    }

    fn only(keys: &[&str]) -> Keys {
        Keys::Only(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn actions_change_the_keys_that_they_name_wherever_their_values_come_from() {
        let actions = json!([
            { "key": "a", "action": "upsert", "value": 1 },
            { "key": "b", "action": "INSERT", "from_attribute": "z" },
            { "key": "c", "action": "update", "from_context": "metadata.x" },
            { "key": "d", "action": "delete" },
            { "key": "e", "action": "hash" },
            { "key": "f", "action": "convert", "converted_type": "int" },
        ]);
        assert_eq!(keys(actions.clone()), only(&["a", "b", "c", "d", "e", "f"]));
        assert_eq!(of_resource(&stage("resource", json!({ "attributes": actions }))), keys(actions));
        assert_eq!(keys(json!([])), only(&[]));
        assert_eq!(keys(json!(null)), only(&[]));
    }

    #[test]
    fn one_action_whose_keys_are_not_known_may_change_every_attribute() {
        for open in [
            json!({ "key": "a", "action": "extract", "pattern": "(?P<b>.*)" }),
            json!({ "pattern": "^a", "action": "delete" }),
            json!({ "key": "a", "pattern": "^b", "action": "hash" }),
            json!({ "key": "${file:key}", "action": "delete" }),
            json!({ "key": "a", "action": "invented_next_year" }),
            json!("${file:action}"),
        ] {
            assert_eq!(keys(json!([{ "key": "a", "action": "delete" }, open])), Keys::Any, "{open}");
        }
        assert_eq!(keys(json!("${file:actions}")), Keys::Any);
    }

    #[test]
    fn a_span_processor_does_what_its_settings_have_and_nothing_else() {
        use SuspectWhy::{ChangesAttributes, Renames, SetsStatus};
        let does = |settings: Value| of_span(&stage("span", settings));
        assert_eq!(does(json!({ "name": { "from_attributes": ["a"] } })), [Renames]);
        let rules = json!({ "rules": ["^/(?P<x>.*)$"] });
        assert_eq!(does(json!({ "name": { "to_attributes": rules } })), [Renames, ChangesAttributes(Keys::Any)]);
        let kept = json!({ "rules": ["^/(?P<x>.*)$"], "keep_original_name": true });
        assert_eq!(does(json!({ "name": { "to_attributes": kept } })), [ChangesAttributes(Keys::Any)]);
        assert_eq!(does(json!({ "status": { "code": "Error" } })), [SetsStatus]);
        assert_eq!(does(json!({})), []);
    }
}
