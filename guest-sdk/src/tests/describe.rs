//! What a class says of itself.

use std::collections::{BTreeMap, BTreeSet};

use super::One;
use crate::bindings::funcnodes::external_worker::types::{NodeClass, Port};
use crate::prelude::*;
use crate::{Value, serde_json::Value as Any};

#[derive(NodeEnum, Debug)]
enum Level {
    #[node_enum(value = "lo")]
    Low,
    VeryHigh,
}

#[derive(Default)]
struct Described;

/// Measures
/// things.
#[external_worker(
    id = "described-1",
    title = "A described worker",
    export_exclude = ["token", "key"],
    loop_delay_ms = 250,
    ui_schema = {"token": {"ui:widget": "password"}},
)]
impl Described {
    /// Adds two numbers.
    ///
    /// Slowly.
    #[node]
    fn add(
        &self,
        /** The first. */
        a: i64,
        #[default(2.0)] b: f32,
    ) -> f64 {
        a as f64 + f64::from(b)
    }

    #[node(
        title = "All types",
        description = "From the option.",
        inputs = [{"name": "text", "type": "MyText", "description": "A text."}],
        outputs = [{"name": "first"}, {"name": "second", "hidden": true}],
        default_io_options = {
            "number": {"value_options": {"min": 0, "max": 1.5e3}, "does_trigger": false},
            "level": {"default": "lo"},
            "first": {"render_options": {"type": "text"}},
        },
        default_render_options = {"data": {"src": "first", "type": "text"}},
        trigger_on_call = true,
    )]
    #[expect(clippy::too_many_arguments, reason = "one of each")]
    fn types(
        &self,
        text: &str,
        number: u8,
        level: Level,
        flag: Option<bool>,
        raw: Bytes,
        list: &[Vec<String>],
        set: BTreeSet<i32>,
        map: BTreeMap<String, Option<f64>>,
        array: NdArray<f32>,
        any: Any,
    ) -> Result<(String, Option<Any>)> {
        let _ = (number, level, flag, raw, list, set, map, array);
        Ok((text.into(), Some(any)))
    }

    #[node]
    fn nothing(&self) {}

    #[node]
    async fn r#match(&self) -> (i64, i64) {
        (1, 2)
    }

    fn helper(&self) {}
}

fn methods() -> Vec<NodeClass> {
    Described.helper();
    One::<Described>::class().methods
}

fn line(port: &Port) -> String {
    let mut line = format!("{}: {}", port.name, port.type_);
    for (flag, text) in [
        (port.required, " required"),
        (!port.does_trigger, " quiet"),
        (port.hidden, " hidden"),
    ] {
        line.push_str(if flag { text } else { "" });
    }
    let more = [
        (
            "default",
            port.default.as_ref().map(|value| format!("{value:?}")),
        ),
        ("about", port.description.clone()),
        ("options", port.value_options.clone()),
        ("render", port.render_options.clone()),
    ];
    for (name, value) in more {
        line.push_str(&value.map_or(String::new(), |value| format!(" {name}={value}")));
    }
    line
}

fn lines(ports: &[Port]) -> Vec<String> {
    ports.iter().map(line).collect()
}

#[test]
fn a_class() {
    let class = One::<Described>::class();
    assert_eq!(class.class_id, "described-1");
    assert_eq!(class.title, "A described worker");
    assert_eq!(class.description.as_deref(), Some("Measures\nthings."));
    assert_eq!(class.export_exclude, ["token", "key"]);
    assert_eq!(class.loop_delay_ms, 250);
    assert_eq!(
        class.ui_schema.as_deref(),
        Some(r#"{"token":{"ui:widget":"password"}}"#)
    );
    let names: Vec<_> = class
        .methods
        .iter()
        .map(|method| method.name.as_str())
        .collect();
    assert_eq!(names, ["add", "types", "nothing", "match"]);
}

#[test]
fn a_node_from_its_signature() {
    let methods = methods();
    let add = &methods[0];
    assert_eq!(
        add.description.as_deref(),
        Some("Adds two numbers.\n\nSlowly.")
    );
    assert_eq!(
        lines(&add.inputs),
        [
            r#"a: "int" required about=The first. options={"step":1}"#,
            r#"b: "float" default=Value::Number(2.0)"#,
        ]
    );
    assert_eq!(lines(&add.outputs), [r#"out: "float""#]);
    assert_eq!(
        (add.trigger_on_call, &add.title, &add.render_options),
        (None, &None, &None)
    );
}

#[test]
fn a_node_with_every_option() {
    let methods = methods();
    let types = &methods[1];
    assert_eq!(types.title.as_deref(), Some("All types"));
    assert_eq!(types.description.as_deref(), Some("From the option."));
    assert_eq!(types.trigger_on_call, Some(true));
    let render = types.render_options.as_deref();
    assert_eq!(render, Some(r#"{"data":{"src":"first","type":"text"}}"#));
    let level =
        r#"{"keys":["Low","VeryHigh"],"nullable":false,"type":"enum","values":["lo","very_high"]}"#;
    assert_eq!(
        lines(&types.inputs),
        [
            r#"text: "MyText" required about=A text."#.to_owned(),
            r#"number: "int" required quiet options={"max":1500.0,"min":0,"step":1}"#.into(),
            format!(r#"level: {level} default=Value::Text("lo") options={{"options":{level}}}"#),
            r#"flag: {"anyOf":["bool","None"]} default=Value::None"#.into(),
            r#"raw: "bytes" required"#.into(),
            concat!(
                r#"list: {"items":{"items":"str","type":"array","uniqueItems":false},"#,
                r#""type":"array","uniqueItems":false} required"#
            )
            .into(),
            r#"set: {"items":"int","type":"array","uniqueItems":true} required"#.into(),
            r#"map: {"keys":"str","type":"object","values":{"anyOf":["float","None"]}} required"#
                .into(),
            r#"array: "ndarray" required"#.into(),
            r#"any: "Any" required"#.into(),
        ]
    );
    assert_eq!(
        lines(&types.outputs),
        [
            r#"first: "str" render={"type":"text"}"#,
            r#"second: {"anyOf":["Any","None"]} hidden"#
        ]
    );
}

#[test]
fn outputs_have_names() {
    let methods = methods();
    assert!(methods[2].inputs.is_empty() && methods[2].outputs.is_empty());
    assert_eq!(
        lines(&methods[3].outputs),
        [
            r#"out0: "int" options={"step":1}"#,
            r#"out1: "int" options={"step":1}"#
        ]
    );
    let shown = {
        One::<Described>::begin("{}").unwrap();
        One::<Described>::show("match", &[])
    };
    assert_eq!(shown, "out0=Value::Integer(1) out1=Value::Integer(2)");
    let inputs = [("a", Value::Integer(1))];
    assert_eq!(
        One::<Described>::show("add", &inputs),
        "out=Value::Number(3.0)"
    );
}

#[test]
#[should_panic(expected = r#"the input "x" is declared as "str", and the code takes "int""#)]
fn an_input_that_the_code_cannot_take_is_not_described() {
    crate::describe::input::<i64>("x", None, None, r#"{"type":"str"}"#);
}

#[test]
#[should_panic(expected = r#"the default of the input "x" is not of its type"#)]
fn a_default_that_is_not_of_its_type_is_not_left_out() {
    crate::describe::default_value::<u8>("x", || crate::describe::default_from_json("300"));
}
