//! FuncNodes' type strings, as far as the command line has to understand them: to show them as a
//! person would write them, and to know what a typed-in input is.

use serde_json::Value as Json;

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
    fn what_is_not_known_takes_anything() {
        assert_eq!(PortType::parse(r#"{"anyOf":["int","str"]}"#), PortType::Any);
        assert_eq!(PortType::parse(r#""numpy.Matrix""#), PortType::Any);
        let optional = PortType::Optional(Box::new(PortType::Float));
        assert_eq!(PortType::parse(r#"{"anyOf":["float","None"]}"#), optional);
    }
}
