//! From what was typed behind `--input` to values of the types that a method declares.

use serde_json::Value as Json;

use super::calls::{CallArg, Given};
use super::error::CliError;
use super::files;
use super::port_type::{self, PortType};
use crate::bindings::types::{NodeClass, Port, Value};
use crate::instance::exports::Ports;
use crate::instance::value;

/// The inputs of `call`, for a node that looks like `class`, together at most `limit` bytes.
///
/// # Errors
/// [`CliError::Usage`] when an input is unknown, missing, twice there or of the wrong type.
pub fn resolve(call: &CallArg, class: &NodeClass, limit: u64) -> Result<Ports, CliError> {
    let node = &call.node;
    let wrong = |problem: String| Err(CliError::Usage(problem));
    let mut ports = Ports::new();
    for (name, given) in &call.inputs {
        let Some(port) = class.inputs.iter().find(|port| port.name == *name) else {
            return wrong(format!(
                "`{node}` has no input `{name}`; {}",
                has(&class.inputs)
            ));
        };
        if ports.iter().any(|(seen, _)| seen == name) {
            return wrong(format!(
                "the input `{name}` of `{node}` is given twice; leave one out"
            ));
        }
        ports.push((name.clone(), resolve_one(node, port, given, limit)?));
    }
    let is_missing = |port: &&Port| {
        port.required && port.default.is_none() && !ports.iter().any(|(name, _)| *name == port.name)
    };
    if let Some(port) = class.inputs.iter().find(is_missing) {
        let (name, type_) = (&port.name, port_type::display(&port.type_));
        return wrong(format!(
            "`{node}` needs the input `{name}` ({type_}): add --input {name}=…"
        ));
    }
    value::check_all(&ports, limit).map_err(|(name, problem)| {
        let inputs = if name.is_empty() {
            "the inputs".to_owned()
        } else {
            format!("`{name}`")
        };
        CliError::Usage(format!("{inputs} of `{node}`: {problem}"))
    })?;
    Ok(ports)
}

fn has(inputs: &[Port]) -> String {
    if inputs.is_empty() {
        return "it has none".to_owned();
    }
    let names: Vec<_> = inputs.iter().map(|port| port.name.as_str()).collect();
    format!("it has: {}", names.join(", "))
}

fn resolve_one(node: &str, port: &Port, given: &Given, limit: u64) -> Result<Value, CliError> {
    let type_ = PortType::parse(&port.type_);
    let what = format!("input `{}` of `{node}`", port.name);
    let converted = match given {
        Given::Text(text) => from_text(text, &type_),
        Given::File(path) if takes_bytes(&type_) => {
            Some(Value::Bytes(files::read(path, &what, limit)?))
        }
        Given::File(path) => from_text(&files::read_text(path, &what, limit)?, &type_),
    };
    converted.ok_or_else(|| {
        let declared = port_type::display(&port.type_);
        // The value itself stays out: it may be long, and it may be a secret.
        CliError::Usage(format!("the {what} is not of its type, {declared}"))
    })
}

fn takes_bytes(type_: &PortType) -> bool {
    match type_ {
        PortType::Bytes => true,
        PortType::Optional(inner) => takes_bytes(inner),
        _ => false,
    }
}

/// `None`: it is not of that type.
fn from_text(text: &str, type_: &PortType) -> Option<Value> {
    let json = serde_json::from_str::<Json>(text).ok();
    match type_ {
        PortType::Int => json?.as_i64().map(Value::Integer),
        PortType::Float => json?.as_f64().map(Value::Number),
        PortType::Bool => json?.as_bool().map(Value::Boolean),
        PortType::Str => Some(Value::Text(plain_text(text, json))),
        PortType::Bytes => Some(Value::Bytes(plain_text(text, json).into_bytes())),
        PortType::Enum(values, keys) => one_of(text, json, values, keys),
        PortType::List => json
            .filter(Json::is_array)
            .map(|json| Value::Json(json.to_string())),
        PortType::Dict => json
            .filter(Json::is_object)
            .map(|json| Value::Json(json.to_string())),
        PortType::Optional(_) if json == Some(Json::Null) => Some(Value::None),
        PortType::Optional(inner) => from_text(text, inner),
        PortType::Any => Some(match json {
            Some(json) => from_json(json),
            None => Value::Text(text.to_owned()),
        }),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, type_: &str) -> Port {
        Port {
            name: name.to_owned(),
            type_: type_.to_owned(),
            description: None,
            default: None,
            required: true,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
        }
    }

    fn node(inputs: Vec<Port>) -> NodeClass {
        NodeClass {
            name: "m".to_owned(),
            title: None,
            description: None,
            inputs,
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
        }
    }

    fn one(type_: &str, text: &str) -> Result<Value, String> {
        let inputs = vec![("x".to_owned(), Given::Text(text.to_owned()))];
        let call = CallArg {
            node: "m".to_owned(),
            inputs,
        };
        let resolved = resolve(&call, &node(vec![port("x", type_)]), 1000);
        resolved
            .map(|mut ports| ports.remove(0).1)
            .map_err(|error| error.to_string())
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
            let value = one(type_, text).map(|value| format!("{value:?}"));
            assert_eq!(value.as_deref(), Ok(expected), "{type_} {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_type_and_without_the_value() {
        for (type_, text) in [
            (r#""int""#, "s3cr3t"),
            (r#""int""#, "1.5"),
            (r#""bool""#, "yes"),
            (r#"{"type":"array","items":"int"}"#, "{}"),
            (r#"{"type":"enum","values":["f"],"keys":["fast"]}"#, "slow"),
        ] {
            let problem = one(type_, text).unwrap_err();
            assert!(
                problem.contains("`x` of `m` is not of its type"),
                "{problem}"
            );
            assert!(!problem.contains("s3cr3t"), "{problem}");
        }
    }

    #[test]
    fn unknown_missing_and_repeated_inputs_are_named() {
        let class = node(vec![port("x", r#""int""#), port("y", r#""int""#)]);
        let given = |names: &[&str]| CallArg {
            node: "m".to_owned(),
            inputs: names
                .iter()
                .map(|n| ((*n).to_owned(), Given::Text("1".to_owned())))
                .collect(),
        };
        for (names, part) in [
            (&["z"][..], "no input `z`; it has: x, y"),
            (&["x"], "needs the input `y` (int)"),
            (&["x", "x"], "given twice"),
        ] {
            let problem = resolve(&given(names), &class, 1000)
                .unwrap_err()
                .to_string();
            assert!(problem.contains(part), "{problem}");
        }
        resolve(&given(&["y", "x"]), &class, 1000).unwrap();
        resolve(&given(&["y", "x"]), &class, 10).unwrap_err();
    }
}
