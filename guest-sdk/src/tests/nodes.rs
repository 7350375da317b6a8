//! Inputs that are refused, and the methods' own nodes.

use super::One;
use crate::bindings::funcnodes::external_worker::types::{Dtype, Ndarray};
use crate::host::take_asked;
use crate::prelude::*;
use crate::{Value, serde_json::Value as Any};

#[derive(NodeEnum, Debug)]
enum Mode {
    Fast,
    Safe,
}

#[derive(Default)]
struct Nodes {
    count: State<i64>,
}

#[external_worker(id = "nodes")]
impl Nodes {
    #[node]
    fn bump(&self) -> i64 {
        self.count.update(|count| {
            *count += 1;
            *count
        })
    }
    #[node]
    async fn try_bump(&self) -> Result<i64> {
        if self.count.get() > 0 {
            Ok(self.bump())
        } else {
            Err("not yet".into())
        }
    }
    #[node(trigger_on_call = false)]
    fn quiet(&self) {}
    #[node(trigger_on_call = true)]
    fn loud(&self, mut text: String) -> String {
        text.push('!');
        text
    }
    #[node(default_io_options = {"hidden": {"hidden": true, "default": 1}})]
    fn unseen(&self, hidden: i64) -> i64 {
        hidden
    }
    #[node]
    fn all(&self, byte: u8, mode: Mode, list: Vec<i64>, #[default("x")] text: &str) -> String {
        format!("{byte} {mode:?} {list:?} {text}")
    }
    #[node]
    fn sum(&self, array: NdArray<u16>) -> Result<u32, std::num::TryFromIntError> {
        array
            .data()
            .iter()
            .map(|value| u64::from(*value))
            .sum::<u64>()
            .try_into()
    }
    #[node]
    fn any(&self, any: Any) -> Any {
        any
    }
}

type C = One<Nodes>;

fn triggers() -> Vec<String> {
    take_asked()
        .into_iter()
        .filter(|line| line.starts_with("request_trigger"))
        .collect()
}

#[test]
fn a_direct_call_triggers_and_one_from_the_graph_does_not() {
    C::begin("{}").unwrap();
    take_asked();
    assert_eq!(C::show("bump", &[]), "out=Value::Integer(1)");
    assert_eq!(
        C::show("loud", &[("text", Value::Text("a".into()))]),
        r#"out=Value::Text("a!")"#
    );
    assert!(triggers().is_empty());

    let nodes = Nodes::default();
    assert!(super::run(async { Nodes::default().try_bump().await }).is_err());
    assert!(triggers().is_empty(), "what failed triggers nothing");
    nodes.bump();
    nodes.quiet();
    nodes.loud("b".into());
    nodes.unseen(3);
    nodes.all(1, Mode::Fast, vec![], "");
    assert_eq!(
        triggers(),
        [
            r#"request_trigger("bump",)"#,
            r#"request_trigger("loud",)"#,
            r#"request_trigger("unseen",)"#
        ]
    );
}

#[test]
fn wrong_inputs_are_refused_by_name() {
    C::begin("{}").unwrap();
    let good = || {
        vec![
            ("byte", Value::Integer(200)),
            ("mode", Value::Text("fast".into())),
            ("list", Value::Json("[1, 2]".into())),
        ]
    };
    let with = |name, value| {
        let mut inputs = good();
        inputs.retain(|(other, _)| *other != name);
        inputs.push((name, value));
        C::show("all", &inputs)
    };
    assert_eq!(
        C::show("all", &good()),
        r#"out=Value::Text("200 Fast [1, 2] x")"#
    );
    assert_eq!(
        with("byte", Value::Number(7.0)),
        r#"out=Value::Text("7 Fast [1, 2] x")"#
    );
    assert_eq!(
        with("mode", Value::Text("Safe".into())),
        r#"out=Value::Text("200 Safe [1, 2] x")"#
    );
    assert_eq!(
        with("text", Value::None),
        r#"out=Value::Text("200 Fast [1, 2] x")"#
    );
    let refused = |name, value: Value, text: &str| {
        assert_eq!(
            with(name, value),
            format!("ErrorCode::InvalidInput: {text}")
        );
    };
    refused(
        "byte",
        Value::Integer(256),
        r#"input "byte": 256 is out of range, allowed are 0 to 255"#,
    );
    refused(
        "byte",
        Value::Number(0.5),
        r#"input "byte": expected an int, got a float"#,
    );
    refused(
        "byte",
        Value::Boolean(true),
        r#"input "byte": expected an int, got a bool"#,
    );
    refused("byte", Value::None, r#"input "byte" has no value"#);
    refused(
        "mode",
        Value::Text("slow".into()),
        r#"input "mode": "slow" is not one of fast, safe"#,
    );
    refused(
        "list",
        Value::Json("[1,".into()),
        r#"input "list": this is not JSON: EOF while parsing a value at line 1 column 3"#,
    );
    refused(
        "list",
        Value::Json(r#"[1, "a"]"#.into()),
        r#"input "list": item 1: expected an int, got a str"#,
    );
    refused(
        "text",
        Value::Bytes(vec![]),
        r#"input "text": expected a str, got bytes"#,
    );
    refused(
        "other",
        Value::None,
        r#"there is no input "other"; inputs: byte, mode, list, text"#,
    );
    let mut twice = good();
    twice.push(("byte", Value::Integer(1)));
    assert_eq!(
        C::show("all", &twice),
        r#"ErrorCode::InvalidInput: input "byte" is given twice"#
    );
    assert_eq!(
        C::show("none", &[]),
        r#"ErrorCode::Unavailable: there is no node "none""#
    );
}

#[test]
fn arrays_are_what_they_say() {
    C::begin("{}").unwrap();
    let array = |dtype, shape: &[u64], data: &[u8]| {
        Value::Array(Ndarray {
            dtype,
            shape: shape.into(),
            data: data.into(),
        })
    };
    let sum = |value| C::show("sum", &[("array", value)]);
    assert_eq!(
        sum(array(Dtype::U16, &[2], &[1, 0, 0, 1])),
        "out=Value::Integer(257)"
    );
    assert_eq!(
        sum(array(Dtype::U8, &[2, 1], &[1, 2])),
        "out=Value::Integer(3)"
    );
    assert_eq!(
        sum(array(Dtype::F64, &[], &3f64.to_le_bytes())),
        "out=Value::Integer(3)"
    );
    assert_eq!(
        sum(Value::Json("[[1, 2], [3, 4]]".into())),
        "out=Value::Integer(10)"
    );
    for (value, text) in [
        (
            array(Dtype::U16, &[2], &[1, 0, 0]),
            "an array of shape [2] with 2 bytes an element does not have 3 bytes",
        ),
        (
            array(Dtype::U8, &[u64::MAX, 2], &[1]),
            "an array of shape [18446744073709551615, 2] with 1 bytes an element does not have 1 bytes",
        ),
        (
            array(Dtype::S8, &[1], &[255]),
            "element 0 does not fit: int8 cannot become uint16 without loss",
        ),
        (
            Value::Json("[[1], 2]".into()),
            "the lists of an ndarray have different lengths",
        ),
        (Value::Json("[-1]".into()), "-1 does not fit uint16"),
        (Value::Text("a".into()), "expected a number, got a str"),
    ] {
        assert_eq!(
            sum(value),
            format!("ErrorCode::InvalidInput: input \"array\": {text}")
        );
    }
}

#[test]
fn anything_stays_what_it_is() {
    C::begin("{}").unwrap();
    for (value, shown) in [
        (Value::Integer(1), "Value::Integer(1)"),
        (Value::Number(1.5), "Value::Number(1.5)"),
        (
            Value::Json(r#"{"a":[1]}"#.into()),
            r#"Value::Json("{\"a\":[1]}")"#,
        ),
        (Value::Bytes(vec![1, 2, 3, 4]), r#"Value::Text("AQIDBA==")"#),
    ] {
        assert_eq!(C::show("any", &[("any", value)]), format!("out={shown}"));
    }
}

#[test]
fn nodes_and_classes_of_a_method() {
    C::begin("{}").unwrap();
    take_asked();
    assert_eq!(Nodes::ALL.name(), "all");
    for node in Nodes::ALL.nodes() {
        assert_eq!(node.id(), "node");
        node.input("text").set_value("new", Trigger::Yes).unwrap();
        node.input("text")
            .update_value_options(json!({"options": ["a"]}))
            .unwrap();
    }
    let class = Nodes::ALL.nodeclass();
    class.input("byte").set_default(7).unwrap();
    class.input("byte").clear_default().unwrap();
    class
        .input("byte")
        .update_render_options(json!({}))
        .unwrap();
    assert_eq!(
        take_asked(),
        [
            r#"nodes("all",)"#,
            r#"set_value("text", Value::Text("new"), Trigger::Yes)"#,
            r#"set_value_options("text", "{\"options\":[\"a\"]}")"#,
            r#"node_class("all",)"#,
            r#"set_default("byte", Some(Value::Integer(7)))"#,
            r#"node_class("all",)"#,
            r#"set_default("byte", None)"#,
            r#"node_class("all",)"#,
            r#"set_render_options("byte", "{}")"#,
        ]
    );
}
