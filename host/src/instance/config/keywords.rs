//! Every keyword of a schema that is understood, and which of them have schemas in them.
//!
//! The list is closed: of what it does not name nobody knows what it says of a value, so what a schema
//! with another keyword is for does not leave the host.

use serde_json::Value as Json;

/// How a keyword has schemas in it.
#[derive(Clone, Copy)]
enum Holds {
    One,
    List,
    ByName,
}

/// Understood keywords without schemas in them that may have objects or lists: assertions and notes.
/// Those of OpenAPI are here because pydantic and others write them.
const WITHOUT_SCHEMAS: [&str; 13] = [
    "type",
    "enum",
    "const",
    "required",
    "dependentRequired",
    "default",
    "example",
    "examples",
    "discriminator",
    "enumNames",
    "enumDescriptions",
    "externalDocs",
    "xml",
];

/// Understood keywords of JSON Schema that begin with `$` and are not a schema.
const OF_THE_CORE: [&str; 8] = [
    "$id",
    "$schema",
    "$vocabulary",
    "$comment",
    "$anchor",
    "$dynamicAnchor",
    "$ref",
    "$dynamicRef",
];

fn holds(keyword: &str) -> Option<Holds> {
    Some(match keyword {
        "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames"
        | "items"
        | "contains"
        | "unevaluatedItems"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contentSchema" => Holds::One,
        "prefixItems" | "allOf" | "anyOf" | "oneOf" => Holds::List,
        "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions" => {
            Holds::ByName
        }
        _ => return None,
    })
}

/// Whether it is known what `keyword` says. A text, a number or a switch under a name that is not known
/// is a note: no schema is in it. Names with `x-` and `ui:` are notes whatever they have in them.
pub(super) fn is_understood(keyword: &str, value: &Json) -> bool {
    let is_plain = !value.is_object() && !value.is_array();
    holds(keyword).is_some()
        || WITHOUT_SCHEMAS.contains(&keyword)
        || OF_THE_CORE.contains(&keyword)
        || keyword.starts_with("x-")
        || keyword.starts_with("ui:")
        || (is_plain && !keyword.starts_with('$'))
}

/// One step from a schema into one of those in it: the keyword, and the name or place under it.
pub(super) type Step<'a> = (&'a str, Option<String>);

/// The schemas that are directly in `schema`.
pub(super) fn below(schema: &Json) -> Vec<(Step<'_>, &Json)> {
    let mut found = Vec::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        let keyword = keyword.as_str();
        match (holds(keyword), value) {
            (Some(Holds::One), Json::Object(_) | Json::Bool(_)) => {
                found.push(((keyword, None), value));
            }
            (Some(Holds::List), Json::Array(list)) => {
                let each = list.iter().enumerate();
                found.extend(each.map(|(at, one)| ((keyword, Some(at.to_string())), one)));
            }
            (Some(Holds::ByName), Json::Object(named)) => {
                let each = named.iter();
                found.extend(each.map(|(name, one)| ((keyword, Some(name.clone())), one)));
            }
            _ => {}
        }
    }
    found
}

/// The schemas that are directly in `schema`, to change them.
pub(super) fn below_mut(schema: &mut Json) -> Vec<&mut Json> {
    let mut found = Vec::new();
    let Some(keywords) = schema.as_object_mut() else {
        return found;
    };
    for (keyword, value) in keywords {
        match (holds(keyword), value) {
            (Some(Holds::One), value) => found.push(value),
            (Some(Holds::List), Json::Array(list)) => found.extend(list),
            (Some(Holds::ByName), Json::Object(named)) => {
                found.extend(named.values_mut());
            }
            _ => {}
        }
    }
    found
}
