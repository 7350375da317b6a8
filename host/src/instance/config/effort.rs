//! How much there is to do for whoever follows a schema, found out before it is done. A validator
//! takes every way through a schema, and a schema of a stranger may have more ways than there is time.

use serde_json::Value as Json;

use crate::limits;

/// Keywords with schemas for the very value that the schema is for: lists of them, and single ones.
const BRANCHES: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const CONDITIONS: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords that look at what others have seen of the value, and so go through those again.
const ONCE_MORE: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];
/// Keywords with one schema for every property, or for every item.
const OF_PROPERTIES: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];
const OF_ITEMS: [&str; 3] = ["items", "contains", "unevaluatedItems"];

/// Whether every reference in `schema` leads to a part of it by a plain path, such as `#/$defs/Name`:
/// then whoever follows those has been everywhere.
pub(super) fn has_plain_references(schema: &Json) -> bool {
    is_plain(schema, schema)
}

fn is_plain(root: &Json, part: &Json) -> bool {
    let leads_in = |reference: &str| {
        let path = reference.strip_prefix('#');
        path.is_some_and(|path| !path.contains('%') && root.pointer(path).is_some())
    };
    match part {
        Json::Object(entries) => entries.iter().all(|(key, value)| {
            let fits = match (key.as_str(), value) {
                ("$ref", Json::String(reference)) => leads_in(reference),
                (
                    "$dynamicRef" | "$recursiveRef" | "$anchor" | "$dynamicAnchor",
                    Json::String(_),
                ) => false,
                ("$id", Json::String(_)) => std::ptr::eq(root, part),
                _ => true,
            };
            fits && is_plain(root, value)
        }),
        Json::Array(items) => items.iter().all(|item| is_plain(root, item)),
        _ => true,
    }
}

/// Whether following `schema` through `value` comes to an end in time.
pub(super) fn is_bounded(schema: &Json, value: &Json) -> bool {
    let mut walk = Walk {
        root: schema,
        left: limits::MAX_SCHEMA_STEPS,
    };
    walk.follow(schema, value, 0).is_some()
}

struct Walk<'a> {
    root: &'a Json,
    left: usize,
}

impl Walk<'_> {
    /// `None`: it takes too long.
    fn follow(&mut self, schema: &Json, value: &Json, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        if depth > limits::MAX_SCHEMA_WAY {
            return None;
        }
        let again = ONCE_MORE
            .iter()
            .any(|keyword| schema.get(keyword).is_some());
        for _ in 0..=usize::from(again) {
            self.here(schema, value, depth)?;
        }
        match value {
            Json::Object(entries) => {
                let patterns = schema.get("patternProperties").and_then(Json::as_object);
                for (name, inner) in entries {
                    let own = schema.get("properties").and_then(|all| all.get(name));
                    let patterns = patterns.into_iter().flatten().map(|(_, of)| of);
                    let others = OF_PROPERTIES
                        .iter()
                        .filter_map(|keyword| schema.get(keyword));
                    for of in own.into_iter().chain(patterns).chain(others) {
                        self.follow(of, inner, depth + 1)?;
                    }
                }
            }
            Json::Array(items) => {
                let first = schema.get("prefixItems").and_then(Json::as_array);
                for (index, inner) in items.iter().enumerate() {
                    let own = first.and_then(|first| first.get(index));
                    let others = OF_ITEMS.iter().filter_map(|keyword| schema.get(keyword));
                    for of in own.into_iter().chain(others) {
                        self.follow(of, inner, depth + 1)?;
                    }
                }
            }
            _ => {}
        }
        Some(())
    }

    /// The schemas that are for `value` itself.
    fn here(&mut self, schema: &Json, value: &Json, depth: usize) -> Option<()> {
        let root = self.root;
        let path = schema.get("$ref").and_then(Json::as_str);
        let target = path.and_then(|path| root.pointer(path.strip_prefix('#')?));
        let branches = BRANCHES
            .iter()
            .filter_map(|keyword| schema.get(keyword)?.as_array());
        let conditions = CONDITIONS.iter().filter_map(|keyword| schema.get(keyword));
        let dependent = schema.get("dependentSchemas").and_then(Json::as_object);
        let all = branches.flatten().chain(conditions).chain(target);
        for of in all.chain(dependent.into_iter().flatten().map(|(_, of)| of)) {
            self.follow(of, value, depth + 1)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_plain_or_refused() {
        for plain in [
            json!({"$ref": "#"}),
            json!({"$id": "x", "$defs": {"a/b": {}}, "properties": {"$id": {"$ref": "#/$defs/a~1b"}}}),
        ] {
            assert!(has_plain_references(&plain), "{plain}");
        }
        for other in [
            json!({"$ref": "http://127.0.0.1/x"}),
            json!({"$ref": "#name", "$defs": {"a": {"$anchor": "name"}}}),
            json!({"$ref": "#/$defs/a%62", "$defs": {"ab": {}, "a%62": {}}}),
            json!({"$ref": "#/$defs/a"}),
            json!({"$dynamicAnchor": "x", "not": {"$dynamicRef": "#x"}}),
            json!({"$defs": {"a": {"$id": "y"}}}),
        ] {
            assert!(!has_plain_references(&other), "{other}");
        }
    }

    /// A schema with `levels` levels, of which each one leads to the next in two ways.
    fn doubling(levels: usize) -> Json {
        let next = |level: usize| json!({"$ref": format!("#/$defs/{}", level + 1)});
        let level = |level: usize| {
            (
                level.to_string(),
                json!({"anyOf": [next(level), next(level)]}),
            )
        };
        let mut all: serde_json::Map<_, _> = (0..levels).map(level).collect();
        all.insert(levels.to_string(), json!({"type": "string"}));
        json!({"$ref": "#/$defs/0", "$defs": all})
    }

    #[test]
    fn ways_that_double_are_counted_as_they_are_taken() {
        assert!(is_bounded(&doubling(10), &json!({})));
        assert!(!is_bounded(&doubling(40), &json!({})));
        let nested = json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
        let mut value = json!({});
        assert!(is_bounded(&nested, &value));
        for _ in 0..40 {
            value = json!({"a": value});
        }
        assert!(!is_bounded(&nested, &value));
        assert!(!is_bounded(&json!({"allOf": [{"$ref": "#"}]}), &json!({})));
        let list = json!({"items": {"type": "integer"}});
        assert!(is_bounded(&list, &Json::from(vec![1; 50_000])));
    }
}
