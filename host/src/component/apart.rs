//! What the process does that compiles and describes a component for a host that serves others meanwhile: see
//! [`crate::engine::Apart`], which starts it.

use std::io::{self, Read, Write};

use super::LoadedComponent;
use crate::bindings::types::WorkerClass;
use crate::engine::{Engine, Refusal, apart};
use crate::error::HostError;
use crate::instance::description;
use crate::limits::{Budget, MAX_COMPONENT_BYTES};

/// Takes a component from `input` and gives its code to `output`; then, when it is told to, what the component
/// says of itself within `budget`, which was checked: whatever that takes, it takes here.
///
/// # Errors
/// When whoever asked is gone.
pub async fn answer(
    engine: &Engine,
    budget: &Budget,
    input: &mut impl Read,
    output: &mut impl Write,
) -> io::Result<()> {
    let wasm = read(input)?;
    let component = match LoadedComponent::from_bytes(engine, "", wasm) {
        Ok(component) => component,
        Err(error) => return refuse(output, error),
    };
    match component.compiled.serialize() {
        Ok(code) => apart::write(output, apart::DONE, &code)?,
        Err(error) => return refuse(output, HostError::Engine(error.to_string())),
    }
    let mut told = [0];
    input.read_exact(&mut told)?;
    if told != [apart::DESCRIBE] {
        return Ok(());
    }
    let described = component.described(budget).await;
    let checked = described.and_then(|classes| {
        description::check_classes(classes.clone())?;
        encode(&classes)
    });
    match checked {
        Ok(bytes) => apart::write(output, apart::DONE, &bytes),
        Err(error) => refuse(output, error),
    }
}

fn read(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length).min(MAX_COMPONENT_BYTES);
    let mut wasm = Vec::new();
    input.take(length).read_to_end(&mut wasm)?;
    Ok(wasm)
}

/// Says that no component can be compiled here, because of `problem`.
///
/// # Errors
/// When whoever asked is gone.
pub fn refuse_all(output: &mut impl Write, problem: String) -> io::Result<()> {
    let refusal = Refusal {
        problem: format!("the process that compiles cannot be confined: {problem}"),
        fix: Some("Serve on a machine whose kernel can do this".to_owned()),
    };
    say_refused(output, &refusal)
}

fn refuse(output: &mut impl Write, error: HostError) -> io::Result<()> {
    let refusal = match error {
        HostError::Component { problem, fix, .. } => Refusal {
            problem,
            fix: Some(fix),
        },
        HostError::Description(problem) => Refusal { problem, fix: None },
        other => Refusal {
            problem: other.public(),
            fix: Some("`ewh validate` says more".to_owned()),
        },
    };
    say_refused(output, &refusal)
}

fn say_refused(output: &mut impl Write, refusal: &Refusal) -> io::Result<()> {
    let refusal = serde_json::to_vec(refusal).map_err(io::Error::other)?;
    apart::write(output, apart::REFUSED, &refusal)
}

fn encode(classes: &[WorkerClass]) -> Result<Vec<u8>, HostError> {
    postcard::to_stdvec(classes).map_err(|error| HostError::Description(error.to_string()))
}

/// What a component said of itself, as [`answer`] wrote it.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<WorkerClass>, HostError> {
    let decoded = postcard::from_bytes(bytes);
    decoded.map_err(|_| HostError::Description("its description was damaged on the way".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::{NodeClass, Port, Value};

    #[test]
    fn what_a_component_says_comes_through_as_it_was_and_nothing_else_does() {
        let port = Port {
            name: "x".to_owned(),
            description: None,
            type_: "\"float\"".to_owned(),
            default: Some(Value::Number(f64::NEG_INFINITY)),
            required: false,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
        };
        let method = NodeClass {
            name: "f".to_owned(),
            title: None,
            description: Some("\u{1b}".to_owned()),
            inputs: vec![port],
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        };
        let class = WorkerClass {
            class_id: "c".to_owned(),
            title: "C".to_owned(),
            description: None,
            config_schema: "{}".to_owned(),
            ui_schema: None,
            export_exclude: vec!["token".to_owned()],
            loop_delay_ms: 7,
            is_library: false,
            methods: vec![method],
        };
        let bytes = encode(&[class]).unwrap();
        let back = decode(&bytes).unwrap();
        assert_eq!(encode(&back).unwrap(), bytes);
        let default = back[0].methods[0].inputs[0].default.clone();
        assert!(matches!(default, Some(Value::Number(it)) if it == f64::NEG_INFINITY));
        decode(&bytes[..bytes.len() - 1]).unwrap_err();
        // A list that is said to be longer than anything.
        decode(&[0xff; 12]).unwrap_err();
    }
}
