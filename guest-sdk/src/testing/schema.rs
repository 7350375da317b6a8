//! A configuration against its schema, as the host does it before a worker sees it: completed, then checked.
//!
//! This knows the keywords that `#[config]` and the usual types write, but for `pattern` and `format`, which
//! would need a crate of their own; the host checks those too.

use serde_json::{Map, Value as JsonValue};

use crate::error::{Error, Result};

/// `config` with the defaults of the fields that it lacks.
///
/// # Errors
/// `invalid-config`, with the place, where it is not as `schema` says.
pub(crate) fn complete(schema: &JsonValue, config: JsonValue) -> Result<JsonValue> {
    let mut config = match config {
        JsonValue::Null => JsonValue::Object(Map::new()),
        given => given,
    };
    let known = schema.get("properties").and_then(JsonValue::as_object);
    if let (Some(known), JsonValue::Object(given), None) =
        (known, &config, schema.get("additionalProperties"))
        && let Some(name) = given.keys().find(|name| !known.contains_key(*name))
    {
        let names: Vec<_> = known.keys().map(String::as_str).collect();
        return Err(Error::invalid_config(format!(
            "the configuration has no field {name:?}, and the host would leave it out; fields: {}",
            names.join(", ")
        )));
    }
    fill(schema, &mut config);
    check(schema, &config, "")?;
    Ok(config)
}

fn properties(schema: &JsonValue) -> impl Iterator<Item = (&String, &JsonValue)> {
    let properties = schema.get("properties").and_then(JsonValue::as_object);
    properties.into_iter().flatten()
}

fn fill(schema: &JsonValue, config: &mut JsonValue) {
    match config {
        JsonValue::Object(fields) => {
            for (name, field) in properties(schema) {
                if let Some(default) = field.get("default") {
                    fields.entry(name).or_insert_with(|| default.clone());
                }
                if let Some(value) = fields.get_mut(name) {
                    fill(field, value);
                }
            }
        }
        JsonValue::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| fill(schema, item));
            }
        }
        _ => {}
    }
}

fn check(schema: &JsonValue, value: &JsonValue, place: &str) -> Result<()> {
    let wrong = |what: String| {
        let place = if place.is_empty() { "it" } else { place };
        Err(Error::invalid_config(format!(
            "the configuration is not valid: {place} {what}"
        )))
    };
    if schema == &JsonValue::Bool(false) {
        return wrong("is not allowed here".into());
    }
    if let Some(types) = schema.get("type")
        && !is_of(types, value)
    {
        return wrong(format!("is {value}, and has to be of the type {types}"));
    }
    if let Some(allowed) = schema.get("enum").and_then(JsonValue::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        return wrong(format!(
            "is {value}, and has to be one of {}",
            allowed.join(", ")
        ));
    }
    if let Some(only) = schema.get("const")
        && only != value
    {
        return wrong(format!("is {value}, and has to be {only}"));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(key).and_then(JsonValue::as_array)
            && !choices
                .iter()
                .any(|choice| check(choice, value, place).is_ok())
        {
            return wrong(format!("is {value}, which is nothing that it may be"));
        }
    }
    for part in schema
        .get("allOf")
        .and_then(JsonValue::as_array)
        .into_iter()
        .flatten()
    {
        check(part, value, place)?;
    }
    if let Some(problem) = bounds(schema, value) {
        return wrong(format!("is {value}, and {problem}"));
    }
    if let JsonValue::Array(items) = value
        && let Some(schema) = schema.get("items")
    {
        for (number, item) in items.iter().enumerate() {
            check(schema, item, &format!("{place}[{number}]"))?;
        }
    }
    let JsonValue::Object(fields) = value else {
        return Ok(());
    };
    let required = schema.get("required").and_then(JsonValue::as_array);
    let required = required.into_iter().flatten().filter_map(JsonValue::as_str);
    for name in required {
        if !fields.contains_key(name) {
            return wrong(format!("lacks the field {name:?}"));
        }
    }
    for (name, value) in fields {
        let known = schema.get("properties").and_then(|known| known.get(name));
        if let Some(schema) = known.or(schema.get("additionalProperties")) {
            let dot = if place.is_empty() { "" } else { "." };
            check(schema, value, &format!("{place}{dot}{name}"))?;
        }
    }
    Ok(())
}

fn is_of(types: &JsonValue, value: &JsonValue) -> bool {
    let is = |name: &JsonValue| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    match types {
        JsonValue::Array(types) => types.iter().any(is),
        one => is(one),
    }
}

/// What is wrong with the size of a value.
fn bounds(schema: &JsonValue, value: &JsonValue) -> Option<String> {
    let bound = |key: &str| schema.get(key).and_then(JsonValue::as_f64);
    let (number, (least, most), what) = match value {
        JsonValue::Number(number) => (number.as_f64()?, ("minimum", "maximum"), ""),
        JsonValue::String(text) => {
            let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            (count.into(), ("minLength", "maxLength"), " characters")
        }
        JsonValue::Array(items) => {
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            (count.into(), ("minItems", "maxItems"), " items")
        }
        _ => return None,
    };
    if let Some(least) = bound(least).filter(|least| number < *least) {
        return Some(format!("has to be at least {least}{what}"));
    }
    if let Some(most) = bound(most).filter(|most| number > *most) {
        return Some(format!("has to be at most {most}{what}"));
    }
    if !value.is_number() {
        return None;
    }
    if let Some(least) = bound("exclusiveMinimum").filter(|least| number <= *least) {
        return Some(format!("has to be more than {least}"));
    }
    let most = bound("exclusiveMaximum").filter(|most| number >= *most)?;
    Some(format!("has to be less than {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_completed_and_then_checked() {
        let schema = json!({
            "type": "object",
            "required": ["level"],
            "properties": {
                "level": {"type": "integer", "exclusiveMinimum": -1, "maximum": 10},
                "name": {"type": "string", "default": "a", "minLength": 1},
                "mode": {"enum": ["Fast", "Slow"], "default": "Slow"},
                "token": {"type": ["string", "null"]},
                "inner": {"type": "object", "default": {}, "properties": {"n": {"default": 3}}},
                "list": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"const": "x"}]}},
            },
        });
        assert_eq!(
            complete(&schema, json!({"level": 0, "list": [1, "x"]})).unwrap(),
            json!({"level": 0, "name": "a", "mode": "Slow", "inner": {"n": 3}, "list": [1, "x"]})
        );
        for (config, part) in [
            (json!([]), "it is [], and has to be of the type \"object\""),
            (json!({}), "it lacks the field \"level\""),
            (
                json!({"level": -1}),
                "level is -1, and has to be more than -1",
            ),
            (json!({"level": 11}), "at most 10"),
            (json!({"level": 1.5}), "of the type \"integer\""),
            (
                json!({"level": 1, "name": ""}),
                "name is \"\", and has to be at least 1 characters",
            ),
            (
                json!({"level": 1, "mode": "x"}),
                "one of \"Fast\", \"Slow\"",
            ),
            (json!({"level": 1, "token": 1}), "token"),
            (json!({"levle": 1}), "no field \"levle\""),
            (json!({"level": 1, "list": [1, "y"]}), "list[1]"),
        ] {
            let problem = complete(&schema, config).unwrap_err();
            assert_eq!(problem.code(), crate::ErrorCode::InvalidConfig);
            assert!(problem.message().contains(part), "{problem}");
        }
    }
}
