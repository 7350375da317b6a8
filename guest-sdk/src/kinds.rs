//! Whether an input that is declared with a type of the author's choice can take anything of that type. A type
//! may be narrower than the code's, or known to FuncNodes only; one that has no value in common with the
//! code's is a mistake, by which each value that the graph lets through fails.

use serde_json::Value as JsonValue;

/// What values of a type are, as far as a type tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Bool,
    Text,
    Bytes,
    List,
    Dict,
}

/// Whether some value of the type `declared` may be one that the code's own type takes.
pub(crate) fn meet(declared: &JsonValue, own: &JsonValue) -> bool {
    let (Some(declared), Some(mut own)) = (kinds(declared), kinds(own)) else {
        return true;
    };
    // Bytes are taken as base64, too, and a number is an array without axes.
    if own.contains(&Kind::Bytes) {
        own.push(Kind::Text);
    }
    if own.contains(&Kind::List) {
        own.push(Kind::Number);
    }
    declared.is_empty() || declared.iter().any(|kind| own.contains(kind))
}

/// The kinds of values besides nothing; `None`: any, or nobody knows.
fn kinds(ty: &JsonValue) -> Option<Vec<Kind>> {
    if let Some(name) = ty.as_str() {
        return named(name);
    }
    if let Some(alternatives) = ty.get("anyOf").and_then(JsonValue::as_array) {
        let all: Option<Vec<_>> = alternatives.iter().map(kinds).collect();
        return all.map(|all| all.concat());
    }
    if ty.get("allOf").is_some() {
        return Some(vec![Kind::List]);
    }
    match ty.get("type")?.as_str()? {
        "array" => Some(vec![Kind::List]),
        "object" => Some(vec![Kind::Dict]),
        "enum" => ty.get("values")?.as_array()?.iter().map(kind_of).collect(),
        _ => None,
    }
}

fn named(name: &str) -> Option<Vec<Kind>> {
    Some(match name {
        "None" => Vec::new(),
        "int" | "integer" | "float" | "floating" | "number" => vec![Kind::Number],
        "bool" | "boolean" => vec![Kind::Bool],
        "str" | "string" => vec![Kind::Text],
        "bytes" => vec![Kind::Bytes],
        "list" | "tuple" | "set" | "ndarray" | "numpy.ndarray" => vec![Kind::List],
        "dict" => vec![Kind::Dict],
        _ => return None,
    })
}

fn kind_of(value: &JsonValue) -> Option<Kind> {
    match value {
        JsonValue::Bool(_) => Some(Kind::Bool),
        JsonValue::Number(_) => Some(Kind::Number),
        JsonValue::String(_) => Some(Kind::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_without_a_value_in_common_do_not_meet() {
        let maybe = json!({"anyOf": ["int", "None"]});
        let list = json!({"type": "array", "uniqueItems": false, "items": "int"});
        let choice = json!({"type": "enum", "values": ["a"], "keys": ["A"], "nullable": false});
        for (declared, own) in [
            (json!("int"), json!("float")),
            (json!("float"), json!("int")),
            (json!("int"), maybe.clone()),
            (json!("a.class.of.its.own"), json!("int")),
            (json!("int"), json!("Any")),
            (choice.clone(), json!("str")),
            (json!("str"), json!("bytes")),
            (json!("ndarray"), list.clone()),
            (json!({"anyOf": ["str", "int"]}), json!("int")),
        ] {
            assert!(meet(&declared, &own), "{declared} {own}");
        }
        for (declared, own) in [
            (json!("str"), json!("int")),
            (json!("str"), maybe),
            (json!("int"), json!("str")),
            (json!("bytes"), json!("str")),
            (json!("bool"), json!("int")),
            (json!("str"), list),
            (
                json!({"type": "object", "keys": "str", "values": "int"}),
                json!("int"),
            ),
            (choice, json!("int")),
        ] {
            assert!(!meet(&declared, &own), "{declared} {own}");
        }
    }
}
