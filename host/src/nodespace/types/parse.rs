//! Reads FuncNodes' type JSON, which is a stranger's: it is followed to a depth, and a type of more
//! alternatives than anybody needs takes anything.

use std::sync::{Arc, LazyLock};

use serde_json::{Value as Json, json};

use super::{Enum, Shape, Type};
use crate::json as document;
use crate::limits::{MAX_NAME_BYTES, MAX_TYPE_ALTERNATIVES, MAX_TYPE_DEPTH};
use crate::text;

/// What the names of Python's containers stand for where nothing is said of what is inside.
static LIST: LazyLock<Shape> = LazyLock::new(|| Shape::list_of_any(false));
static SET: LazyLock<Shape> = LazyLock::new(|| Shape::list_of_any(true));
static DICT: LazyLock<Shape> = LazyLock::new(|| Shape::Dict {
    keys: Box::new(Shape::Any),
    values: Box::new(Shape::Any),
});

impl Type {
    /// Understands FuncNodes' type JSON.
    pub fn parse(json: &Json) -> Self {
        // Names that FuncNodes itself replaces when it reads them.
        let json = match json.as_str() {
            Some("integer") => json!("int"),
            Some("floating") => json!("float"),
            Some("string") => json!("str"),
            Some("boolean") => json!("bool"),
            Some("number") => json!({"anyOf": ["int", "float"]}),
            _ => json.clone(),
        };
        let mut alternatives = 0;
        count_alternatives(&json, 0, &mut alternatives);
        // Each one may be tried with a copy of the value.
        let shape = if alternatives > MAX_TYPE_ALTERNATIVES {
            Shape::Any
        } else {
            Shape::parse(&json, 0)
        };
        let shape = Arc::new(shape);
        let json = Arc::new(json);
        Self { json, shape }
    }

    /// [`Type::parse`] of a text of JSON. What is none is taken for a name, as FuncNodes does.
    pub fn from_text(text: &str) -> Self {
        match document::parse(text.as_bytes()) {
            Ok(json) => Self::parse(&json),
            Err(_no_json) => Self::parse(&json!(text)),
        }
    }
}

/// Counts the alternatives in `json`, at every depth that a type has.
fn count_alternatives(json: &Json, depth: usize, count: &mut usize) {
    // An object and a list for each level of the type.
    if depth > 2 * MAX_TYPE_DEPTH {
        return;
    }
    match json {
        Json::Array(items) => items
            .iter()
            .for_each(|item| count_alternatives(item, depth + 1, count)),
        Json::Object(object) => {
            for (key, inner) in object {
                if let ("anyOf", Json::Array(alternatives)) = (key.as_str(), inner) {
                    *count = count.saturating_add(alternatives.len());
                }
                count_alternatives(inner, depth + 1, count);
            }
        }
        _ => {}
    }
}

impl Shape {
    fn parse(json: &Json, depth: usize) -> Self {
        if depth > MAX_TYPE_DEPTH {
            return Self::Any;
        }
        let inner = |json: &Json| Self::parse(json, depth + 1);
        let part = |key: &str| Box::new(json.get(key).map_or(Self::Any, inner));
        let parts = |list: &Json| -> Option<Vec<Self>> {
            list.as_array().map(|list| list.iter().map(inner).collect())
        };
        if let Some(name) = json.as_str() {
            return Self::of_name(name);
        }
        if let Some(tuple) = json.get("allOf").and_then(parts) {
            return Self::Tuple(tuple);
        }
        if let Some(alternatives) = json.get("anyOf").and_then(parts) {
            return Self::AnyOf(alternatives);
        }
        match json.get("type").and_then(Json::as_str) {
            Some("array") => Self::List {
                items: part("items"),
                unique: json.get("uniqueItems") == Some(&Json::Bool(true)),
            },
            Some("object") => Self::Dict {
                keys: part("keys"),
                values: part("values"),
            },
            Some("enum") => match Enum::parse(json) {
                Some(of) => Self::Enum(Box::new(of)),
                None => Self::unknown(json),
            },
            _ => Self::unknown(json),
        }
    }

    fn of_name(name: &str) -> Self {
        let stands_for: &'static Self = match name {
            "Any" => return Self::Any,
            "None" => return Self::None,
            "int" | "integer" => return Self::Integer,
            "float" | "floating" => return Self::Number,
            "number" => return Self::AnyOf(vec![Self::Integer, Self::Number]),
            "bool" | "boolean" => return Self::Boolean,
            "str" | "string" => return Self::Text,
            "bytes" => return Self::Bytes,
            "media" => return Self::Media,
            // As the guests of this host call it, and as FuncNodes does: by the name of its class.
            "ndarray" | "numpy.ndarray" => &Self::Array,
            // JSON has no tuples, and this one says nothing of how long it is.
            "list" | "tuple" => &LIST,
            "set" => &SET,
            "dict" => &DICT,
            _ => &Self::Any,
        };
        Self::Named(text::clamp(name, MAX_NAME_BYTES).into(), stands_for)
    }

    fn unknown(json: &Json) -> Self {
        if json.is_null() {
            return Self::Any;
        }
        let written = document::to_text(json);
        Self::Named(text::clamp(&written, MAX_NAME_BYTES).into(), &Self::Any)
    }

    fn list_of_any(unique: bool) -> Self {
        let items = Box::new(Self::Any);
        Self::List { items, unique }
    }
}

impl Enum {
    fn parse(json: &Json) -> Option<Self> {
        let keys = json.get("keys").and_then(Json::as_array);
        let keys = keys.map(|keys| keys.iter().filter_map(Json::as_str).map(str::to_owned));
        Some(Self {
            values: json.get("values")?.as_array()?.clone(),
            keys: keys.map(Iterator::collect).unwrap_or_default(),
            nullable: json.get("nullable") == Some(&Json::Bool(true)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_takes_no_more_than_its_json() {
        assert!(size_of::<Shape>() <= size_of::<Json>());
    }
}
