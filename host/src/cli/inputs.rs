//! From what was typed behind `--input` to values of the types that a method declares.

use std::path::Path;

use super::error::CliError;
use super::files;
use super::steps::{CallArg, Given};
use crate::bindings::types::{NodeClass, Port, Value};
use crate::instance::exports::Ports;
use crate::instance::value;
use crate::media::{self, Media};
use crate::nodespace::{Type, Value as GraphValue};
use crate::values::to_guest;

/// The inputs of `call`, for a node that looks like `class`, together at most `limit` bytes.
///
/// # Errors
/// [`CliError::Usage`] when they are too large, or, unless the call is an unchecked one, an input is
/// unknown, missing, twice there or of the wrong type.
pub fn resolve(call: &CallArg, class: &NodeClass, limit: u64) -> Result<Ports, CliError> {
    let ports = if call.unchecked {
        as_given(call, limit)?
    } else {
        of_their_types(call, class, limit)?
    };
    value::check_all(&ports, limit).map_err(|(name, problem)| {
        let inputs = if name.is_empty() {
            "the inputs".to_owned()
        } else {
            format!("`{name}`")
        };
        CliError::Usage(format!("{inputs} of `{}`: {problem}", call.node))
    })?;
    Ok(ports)
}

fn as_given(call: &CallArg, limit: u64) -> Result<Ports, CliError> {
    let mut ports = Ports::new();
    for (name, given) in &call.inputs {
        let what = format!("input `{name}` of `{}`", call.node);
        let text = match given {
            Given::Text(text) => text.clone(),
            Given::File(path) => files::read_text(path, &what, limit)?,
        };
        let value = Type::any().read(&text);
        ports.extend(value.map(|value| (name.clone(), to_guest(&value))));
    }
    Ok(ports)
}

fn of_their_types(call: &CallArg, class: &NodeClass, limit: u64) -> Result<Ports, CliError> {
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
        let (name, type_) = (&port.name, Type::from_text(&port.type_));
        return wrong(format!(
            "`{node}` needs the input `{name}` ({type_}): add --input {name}=…"
        ));
    }
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
    let type_ = Type::from_text(&port.type_);
    let what = format!("input `{}` of `{node}`", port.name);
    let converted = match given {
        Given::Text(text) => type_.read(text),
        Given::File(path) if type_.takes_bytes() => {
            return Ok(Value::Bytes(files::read(path, &what, limit)?));
        }
        Given::File(path) if type_.takes_media() => {
            let media = media_of(path, files::read(path, &what, limit)?);
            return Ok(to_guest(&GraphValue::Media(media)));
        }
        Given::File(path) => type_.read(&files::read_text(path, &what, limit)?),
    };
    // The value itself stays out: it may be long, and it may be a secret.
    let wrong = || CliError::Usage(format!("the {what} is not of its type, {type_}"));
    converted.as_ref().map(to_guest).ok_or_else(wrong)
}

/// A file is what its first bytes say, and otherwise what its name does.
fn media_of(path: &Path, data: Vec<u8>) -> Media {
    let media = Media::of_bytes(data);
    match media::of_extension(path) {
        Some(media_type) if media.media_type == media::UNKNOWN => Media {
            media_type: media_type.to_owned(),
            ..media
        },
        _ => media,
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
            timeout_ms: None,
        }
    }

    fn one(type_: &str, text: &str) -> Result<Value, String> {
        let inputs = vec![("x".to_owned(), Given::Text(text.to_owned()))];
        let call = CallArg {
            node: "m".to_owned(),
            inputs,
            unchecked: false,
            saves: Vec::new(),
        };
        let resolved = resolve(&call, &node(vec![port("x", type_)]), 1000);
        resolved
            .map(|mut ports| ports.remove(0).1)
            .map_err(|error| error.to_string())
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
    fn media_is_a_data_url_or_a_file() {
        let media = |value: Result<Value, String>| match value {
            Ok(Value::Media(media)) => (media.media_type, media.data),
            other => panic!("{other:?}"),
        };
        let typed = one(r#""media""#, "data:image/png;base64,iVBO");
        let png = vec![0x89, b'P', b'N'];
        assert_eq!(media(typed), ("image/png".to_owned(), png));
        one(r#""media""#, "iVBO").unwrap_err();
        let folder = tempfile::tempdir().unwrap();
        let port = port("x", r#"{"anyOf":["media","None"]}"#);
        for (name, data, media_type) in [
            ("a.svg", &b"<svg/>"[..], "image/svg+xml"),
            ("b.svg", b"\x89PNG", "image/png"),
            ("c", b"?", media::UNKNOWN),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, data).unwrap();
            let given = resolve_one("m", &port, &Given::File(path), 1000);
            let given = media(given.map_err(|error| error.to_string()));
            assert_eq!(given, (media_type.to_owned(), data.to_vec()));
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
            unchecked: false,
            saves: Vec::new(),
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
        let unchecked = CallArg {
            unchecked: true,
            ..given(&["z"])
        };
        let ports = resolve(&unchecked, &class, 1000).unwrap();
        assert!(
            matches!(ports.as_slice(), [(_, Value::Integer(1))]),
            "{ports:?}"
        );
        resolve(&unchecked, &class, 10).unwrap_err();
    }
}
