//! Merging configurations as the collector does: maps deep, everything else replaced.

use serde_json::Value;

/// Lays `over` upon `base`. A list replaces a list, and `null` replaces a map: `batch:` in a later file brings the defaults
/// back.
pub(super) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(below) => merge(below, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn merged(mut base: Value, over: Value) -> Value {
        merge(&mut base, over);
        base
    }

    #[test]
    fn maps_are_merged_and_lists_and_nulls_replace() {
        let base = json!({ "batch": { "timeout": "3s", "size": 10 }, "list": [1, 2], "kept": 1, "gone": { "a": 1 } });
        let over = json!({ "batch": { "timeout": "1s" }, "list": [3], "gone": null, "new": {} });
        let both = json!({ "batch": { "timeout": "1s", "size": 10 }, "list": [3], "kept": 1, "gone": null, "new": {} });
        assert_eq!(merged(base, over), both);
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..9).prop_map(Value::from)];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// Applying the same file twice changes nothing, and the order of grouping does not matter.
        #[test]
        fn merging_is_idempotent(base in tree(), over in tree()) {
            let once = merged(base, over.clone());
            prop_assert_eq!(merged(once.clone(), over), once);
        }

        /// Whatever a later file says is what holds.
        #[test]
        fn the_later_file_wins(base in tree(), over in tree()) {
            let result = merged(base, over.clone());
            prop_assert!(contains(&result, &over));
        }
    }

    fn contains(result: &Value, over: &Value) -> bool {
        match (result, over) {
            (Value::Object(result), Value::Object(over)) => {
                over.iter().all(|(key, value)| result.get(key).is_some_and(|below| contains(below, value)))
            }
            _ => result == over,
        }
    }
}
