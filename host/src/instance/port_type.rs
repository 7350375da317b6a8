//! FuncNodes' type strings, as far as one has to understand them who gives a guest a value without a
//! graph: to show them as a person would write them, and to know what a typed-in input is.

use serde_json::Value as Json;

use crate::bindings::types::Value;

/// What an input takes.
#[derive(Debug, Clone, PartialEq)]
pub enum PortType {
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// Text.
    Str,
    /// Bytes.
    Bytes,
    /// Any of these; the second list has the names that people use for them.
    Enum(Vec<Json>, Vec<String>),
    /// A list, a set or an n-dimensional array.
    List,
    /// A dictionary.
    Dict,
    /// Nothing, or what is inside.
    Optional(Box<Self>),
    /// Whatever comes.
    Any,
}

impl PortType {
    /// The type that `json` describes; what is not known takes anything.
    pub fn parse(json: &str) -> Self {
        serde_json::from_str(json).map_or(Self::Any, |json| Self::of(&json))
    }

    fn of(json: &Json) -> Self {
        match json {
            Json::String(name) => Self::named(name),
            Json::Object(object) => match object.get("type").and_then(Json::as_str) {
                Some("array") => Self::List,
                Some("object") => Self::Dict,
                Some("enum") => Self::Enum(list(json, "values"), names(&list(json, "keys"))),
                Some(_) => Self::Any,
                None => Self::any_of(&list(json, "anyOf")),
            },
            _ => Self::Any,
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "str" => Self::Str,
            "bytes" => Self::Bytes,
            "list" | "ndarray" => Self::List,
            "dict" => Self::Dict,
            _ => Self::Any,
        }
    }

    fn any_of(choices: &[Json]) -> Self {
        match choices {
            [inner, none] | [none, inner] if is_none(none) => {
                Self::Optional(Box::new(Self::of(inner)))
            }
            _ => Self::Any,
        }
    }

    /// The value that `text` is: JSON if it is JSON, else text, as the type asks; `None`: it is not of
    /// that type.
    pub fn value(&self, text: &str) -> Option<Value> {
        let json = serde_json::from_str::<Json>(text).ok();
        match self {
            Self::Int => json?.as_i64().map(Value::Integer),
            Self::Float => json?.as_f64().map(Value::Number),
            Self::Bool => json?.as_bool().map(Value::Boolean),
            Self::Str => Some(Value::Text(plain_text(text, json))),
            Self::Bytes => Some(Value::Bytes(plain_text(text, json).into_bytes())),
            Self::Enum(values, keys) => one_of(text, json, values, keys),
            Self::List => json
                .filter(Json::is_array)
                .map(|json| Value::Json(json.to_string())),
            Self::Dict => json
                .filter(Json::is_object)
                .map(|json| Value::Json(json.to_string())),
            Self::Optional(_) if json == Some(Json::Null) => Some(Value::None),
            Self::Optional(inner) => inner.value(text),
            Self::Any => Some(match json {
                Some(json) => from_json(json),
                None => Value::Text(text.to_owned()),
            }),
        }
    }
}

fn is_none(json: &Json) -> bool {
    json.as_str()
        .is_some_and(|name| name.eq_ignore_ascii_case("none"))
}

fn list(json: &Json, key: &str) -> Vec<Json> {
    json.get(key)
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default()
}

fn names(keys: &[Json]) -> Vec<String> {
    keys.iter()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect()
}

/// `5` is the text "5", and `"5"` with its quotes is too.
fn plain_text(text: &str, json: Option<Json>) -> String {
    match json {
        Some(Json::String(inner)) => inner,
        _ => text.to_owned(),
    }
}

fn one_of(text: &str, json: Option<Json>, values: &[Json], keys: &[String]) -> Option<Value> {
    let as_text = Json::String(text.to_owned());
    let found = values
        .iter()
        .find(|value| Some(*value) == json.as_ref() || **value == as_text);
    let by_key = || {
        keys.iter()
            .position(|key| key == text)
            .and_then(|at| values.get(at))
    };
    found.or_else(by_key).cloned().map(from_json)
}

/// The narrowest value that says the same.
fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(float)) => Value::Number(float),
            (None, None) => Value::Json(number.to_string()),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(_) | Json::Object(_) => Value::Json(json.to_string()),
    }
}

/// The type as an author would write it in Python: `List[int]`, `Optional[str]`.
pub fn display(json: &str) -> String {
    serde_json::from_str(json).map_or_else(|_not_json| json.to_owned(), |json| shown(&json))
}

fn shown(json: &Json) -> String {
    let inner = |key: &str| json.get(key).map_or_else(|| "Any".to_owned(), shown);
    let all = |key: &str, show: fn(&Json) -> String| {
        list(json, key)
            .iter()
            .map(show)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (json, json.get("type").and_then(Json::as_str)) {
        (Json::String(name), _) => name.clone(),
        (_, Some("array")) if json.get("uniqueItems") == Some(&Json::Bool(true)) => {
            format!("Set[{}]", inner("items"))
        }
        (_, Some("array")) => format!("List[{}]", inner("items")),
        (_, Some("object")) => format!("Dict[{}, {}]", inner("keys"), inner("values")),
        (_, Some("enum")) => format!("Literal[{}]", all("values", Json::to_string)),
        _ => match list(json, "anyOf").as_slice() {
            [one, none] | [none, one] if is_none(none) => format!("Optional[{}]", shown(one)),
            [] => json.to_string(),
            _ => format!("Union[{}]", all("anyOf", shown)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_as_they_are_written() {
        for (json, expected) in [
            (r#""int""#, "int"),
            (
                r#"{"type":"array","uniqueItems":false,"items":"int"}"#,
                "List[int]",
            ),
            (
                r#"{"type":"array","uniqueItems":true,"items":"int"}"#,
                "Set[int]",
            ),
            (
                r#"{"type":"object","keys":"str","values":{"anyOf":["int","None"]}}"#,
                "Dict[str, Optional[int]]",
            ),
            (
                r#"{"type":"enum","values":["a",2],"keys":["A","B"],"nullable":false}"#,
                r#"Literal["a", 2]"#,
            ),
            (
                r#"{"anyOf":["int","float","str"]}"#,
                "Union[int, float, str]",
            ),
            (r#"{"odd":1}"#, r#"{"odd":1}"#),
            ("not json", "not json"),
        ] {
            assert_eq!(display(json), expected);
        }
    }

    #[test]
    fn a_value_has_the_type_that_its_port_declares() {
        for (type_, text, expected) in [
            (r#""int""#, "5", "Value::Integer(5)"),
            (r#""float""#, "5", "Value::Number(5.0)"),
            (r#""bool""#, "true", "Value::Boolean(true)"),
            (r#""str""#, "5", "Value::Text(\"5\")"),
            (r#""str""#, "\"5\"", "Value::Text(\"5\")"),
            (r#""str""#, "a=b c", "Value::Text(\"a=b c\")"),
            (r#""bytes""#, "ab", "Value::Bytes([97, 98])"),
            (r#"{"anyOf":["int","None"]}"#, "null", "Value::None"),
            (r#"{"anyOf":["int","None"]}"#, "7", "Value::Integer(7)"),
            (
                r#"{"type":"array","items":"int"}"#,
                "[1, 2]",
                "Value::Json(\"[1,2]\")",
            ),
            (
                r#"{"type":"enum","values":["f","s"],"keys":["fast","safe"]}"#,
                "safe",
                "Value::Text(\"s\")",
            ),
            (r#""Any""#, "1.5", "Value::Number(1.5)"),
            (r#""Any""#, "one", "Value::Text(\"one\")"),
            (r#""Any""#, "{\"a\": 1}", "Value::Json(\"{\\\"a\\\":1}\")"),
        ] {
            let value = PortType::parse(type_).value(text);
            let value = value.map(|value| format!("{value:?}"));
            assert_eq!(value.as_deref(), Some(expected), "{type_} {text}");
        }
    }

    #[test]
    fn what_is_not_known_takes_anything() {
        assert_eq!(PortType::parse(r#"{"anyOf":["int","str"]}"#), PortType::Any);
        assert_eq!(PortType::parse(r#""numpy.Matrix""#), PortType::Any);
        let optional = PortType::Optional(Box::new(PortType::Float));
        assert_eq!(PortType::parse(r#"{"anyOf":["float","None"]}"#), optional);
    }
}
