//! A case for each node at least: what goes in, and what comes out.

use std::collections::BTreeSet;

use external_worker::__private::Worker;
use external_worker::prelude::*;
use external_worker::serde_json::Value as Json;
use external_worker::testing::{self, Running};

use super::Basic;

type Case = (&'static str, Json, Json);

fn started() -> Running<Basic> {
    testing::start(json!({})).unwrap()
}

/// Whether they are the same but for what computing with numbers costs.
fn meet(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-9
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| meet(a, b))
        }
        (a, b) => a == b,
    }
}

/// What a node with one output gives.
fn check(cases: Vec<Case>) {
    let library = started();
    for (node, inputs, expected) in cases {
        let outputs = library.call(node, inputs.clone()).unwrap();
        let Json::Object(outputs) = outputs.json().unwrap() else {
            panic!("{node}")
        };
        let outputs: Vec<_> = outputs.into_values().collect();
        let given = match &outputs[..] {
            [one] => one.clone(),
            _ => Json::Array(outputs),
        };
        assert!(meet(&given, &expected), "{node} {inputs}: {given}");
    }
}

fn refuses(cases: &[(&str, Json)]) {
    let library = started();
    for (node, inputs) in cases {
        let refused = library.call(node, inputs.clone()).unwrap_err();
        assert_eq!(
            refused.code(),
            external_worker::ErrorCode::InvalidInput,
            "{node} {inputs}: {refused}"
        );
    }
}

fn numbers_and_truth() -> Vec<Case> {
    vec![
        ("constants/number", json!({"value": 1.5}), json!(1.5)),
        ("constants/number", json!({}), json!(0)),
        ("constants/integer", json!({"value": 7}), json!(7)),
        ("constants/text", json!({"value": "a"}), json!("a")),
        ("constants/truth", json!({"value": true}), json!(true)),
        ("constants/pi", json!({}), json!(std::f64::consts::PI)),
        ("constants/e", json!({}), json!(std::f64::consts::E)),
        ("math/add", json!({"a": 1, "b": 2.5}), json!(3.5)),
        ("math/subtract", json!({"a": 1, "b": 2.5}), json!(-1.5)),
        ("math/multiply", json!({"a": 2, "b": 2.5}), json!(5)),
        ("math/divide", json!({"a": 5, "b": 2}), json!(2.5)),
        (
            "math/divide_whole",
            json!({"a": -7, "b": 2}),
            json!([-4, 1]),
        ),
        (
            "math/power",
            json!({"base": 2, "exponent": 10}),
            json!(1024),
        ),
        ("math/negate", json!({"x": 2}), json!(-2)),
        ("math/absolute", json!({"x": -2}), json!(2)),
        ("math/square_root", json!({"x": 9}), json!(3)),
        ("math/exponential", json!({"x": 0}), json!(1)),
        ("math/logarithm", json!({"x": 1000}), json!(3)),
        ("math/logarithm", json!({"x": 8, "base": 2}), json!(3)),
        ("math/sine", json!({"angle": 0}), json!(0)),
        ("math/cosine", json!({"angle": 0}), json!(1)),
        ("math/round", json!({"x": 2.345, "digits": 1}), json!(2.3)),
        (
            "math/round",
            json!({"x": 1e308, "digits": 15}),
            json!(1e308),
        ),
        ("math/floor", json!({"x": -1.5}), json!(-2)),
        ("math/ceiling", json!({"x": -1.5}), json!(-1)),
        ("math/smaller", json!({"a": 1, "b": 2}), json!(1)),
        ("math/larger", json!({"a": 1, "b": 2}), json!(2)),
        ("math/clamp", json!({"x": 7}), json!(1)),
        ("math/clamp", json!({"x": 0, "low": 3, "high": 1}), json!(3)),
        ("compare/equal", json!({"a": [1], "b": [1.0]}), json!(true)),
        ("compare/equal", json!({"a": 1, "b": "1"}), json!(false)),
        ("compare/different", json!({"a": 1, "b": 2}), json!(true)),
        ("compare/less", json!({"a": 1, "b": 1}), json!(false)),
        (
            "compare/less_or_equal",
            json!({"a": 1, "b": 1}),
            json!(true),
        ),
        ("compare/greater", json!({"a": 2, "b": 1}), json!(true)),
        (
            "compare/greater_or_equal",
            json!({"a": 1, "b": 2}),
            json!(false),
        ),
        ("compare/between", json!({"x": 1}), json!(true)),
        ("compare/between", json!({"x": 1.1}), json!(false)),
        ("logic/and", json!({"a": true, "b": false}), json!(false)),
        ("logic/or", json!({"a": true, "b": false}), json!(true)),
        (
            "logic/exclusive_or",
            json!({"a": true, "b": true}),
            json!(false),
        ),
        ("logic/not", json!({"a": true}), json!(false)),
        ("logic/all", json!({"list": [true, false]}), json!(false)),
        ("logic/any", json!({"list": [true, false]}), json!(true)),
    ]
}

fn text() -> Vec<Case> {
    vec![
        ("text/concatenate", json!({"a": "x", "b": "y"}), json!("xy")),
        ("text/length", json!({"text": "äöü"}), json!(3)),
        ("text/upper", json!({"text": "ä1"}), json!("Ä1")),
        ("text/lower", json!({"text": "Ä1"}), json!("ä1")),
        ("text/trim", json!({"text": " a b\n"}), json!("a b")),
        (
            "text/contains",
            json!({"text": "abc", "part": "b"}),
            json!(true),
        ),
        (
            "text/starts_with",
            json!({"text": "abc", "part": "b"}),
            json!(false),
        ),
        (
            "text/ends_with",
            json!({"text": "abc", "part": "c"}),
            json!(true),
        ),
        (
            "text/replace",
            json!({"text": "aba", "part": "a", "by": "x"}),
            json!("xbx"),
        ),
        ("text/split", json!({"text": "a,b,"}), json!(["a", "b", ""])),
        (
            "text/split",
            json!({"text": " a  b", "separator": ""}),
            json!(["a", "b"]),
        ),
        (
            "text/join",
            json!({"list": ["a", "b"], "separator": "; "}),
            json!("a; b"),
        ),
        (
            "text/slice",
            json!({"text": "äbcd", "start": 1, "end": -1}),
            json!("bc"),
        ),
        ("text/slice", json!({"text": "abc", "start": 5}), json!("")),
        (
            "text/repeat",
            json!({"text": "ab", "times": 3}),
            json!("ababab"),
        ),
        ("text/parse_number", json!({"text": " 1.5 "}), json!(1.5)),
        (
            "text/format_number",
            json!({"x": 1.25, "digits": 1}),
            json!("1.2"),
        ),
        ("text/format_number", json!({"x": 1.25}), json!("1.25")),
    ]
}

fn lists_and_dictionaries() -> Vec<Case> {
    vec![
        ("lists/length", json!({"list": [1, "a"]}), json!(2)),
        (
            "lists/item",
            json!({"list": [1, 2, 3], "index": -1}),
            json!(3),
        ),
        ("lists/item", json!({"list": [1], "index": 1}), json!(null)),
        (
            "lists/append",
            json!({"list": [1], "value": [2]}),
            json!([1, [2]]),
        ),
        (
            "lists/concatenate",
            json!({"a": [1], "b": [2]}),
            json!([1, 2]),
        ),
        (
            "lists/slice",
            json!({"list": [1, 2, 3], "start": -2}),
            json!([2, 3]),
        ),
        (
            "lists/slice",
            json!({"list": [1, 2, 3], "start": 2, "end": 1}),
            json!([]),
        ),
        ("lists/reversed", json!({"list": [1, 2]}), json!([2, 1])),
        (
            "lists/sorted",
            json!({"list": ["b", 2, "a", 1.5]}),
            json!([1.5, 2, "a", "b"]),
        ),
        (
            "lists/sorted",
            json!({"list": [1, 2], "descending": true}),
            json!([2, 1]),
        ),
        ("lists/unique", json!({"list": [2, 1, 2.0]}), json!([1, 2])),
        (
            "lists/contains",
            json!({"list": [1, "a"], "value": "a"}),
            json!(true),
        ),
        (
            "lists/flattened",
            json!({"list": [[1], [], [2, 3]]}),
            json!([1, 2, 3]),
        ),
        (
            "lists/range",
            json!({"start": 1, "end": 6, "step": 2}),
            json!([1, 3, 5]),
        ),
        (
            "lists/range",
            json!({"start": 3, "end": 0, "step": -1}),
            json!([3, 2, 1]),
        ),
        ("lists/range", json!({"start": 3, "end": 0}), json!([])),
        (
            "dictionaries/get",
            json!({"dictionary": {"a": 1}, "name": "a"}),
            json!(1),
        ),
        (
            "dictionaries/get",
            json!({"dictionary": {}, "name": "a"}),
            json!(null),
        ),
        (
            "dictionaries/set",
            json!({"dictionary": {"a": 1}, "name": "b", "value": 2}),
            json!({"a": 1, "b": 2}),
        ),
        (
            "dictionaries/without",
            json!({"dictionary": {"a": 1}, "name": "a"}),
            json!({}),
        ),
        (
            "dictionaries/has",
            json!({"dictionary": {"a": 1}, "name": "a"}),
            json!(true),
        ),
        (
            "dictionaries/names",
            json!({"dictionary": {"b": 1, "a": 2}}),
            json!(["a", "b"]),
        ),
        (
            "dictionaries/values",
            json!({"dictionary": {"b": 1, "a": 2}}),
            json!([2, 1]),
        ),
        (
            "dictionaries/merged",
            json!({"a": {"x": 1, "y": 1}, "b": {"y": 2}}),
            json!({"x": 1, "y": 2}),
        ),
        (
            "dictionaries/from_lists",
            json!({"names": ["a", "b"], "values": [1]}),
            json!({"a": 1}),
        ),
        (
            "json/parse",
            json!({"text": r#"{"a": [1]}"#}),
            json!({"a": [1]}),
        ),
        (
            "json/write",
            json!({"value": {"a": [1]}}),
            json!(r#"{"a":[1]}"#),
        ),
        (
            "json/write",
            json!({"value": [1], "pretty": true}),
            json!("[\n  1\n]"),
        ),
        (
            "json/at",
            json!({"value": {"a": [1, 2]}, "pointer": "/a/1"}),
            json!(2),
        ),
    ]
}

fn what_goes_on() -> Vec<Case> {
    let choice = json!({"condition": false, "if_true": 1, "if_false": "b"});
    vec![
        ("flow/select", choice, json!("b")),
        ("flow/gate", json!({"value": 1, "open": false}), json!(null)),
        ("flow/gate", json!({"value": 1}), json!(1)),
        ("flow/or_else", json!({"other": 2}), json!(2)),
        ("flow/or_else", json!({"value": 1, "other": 2}), json!(1)),
        (
            "flow/wait",
            json!({"value": "a", "seconds": 0.5}),
            json!("a"),
        ),
        ("chance/number", json!({"low": 2, "high": 2}), json!(2)),
        ("chance/integer", json!({"low": 3, "high": 3}), json!(3)),
        ("chance/choice", json!({"list": [7]}), json!(7)),
        ("chance/choice", json!({"list": []}), json!(null)),
        ("chance/shuffled", json!({"list": [1]}), json!([1])),
        (
            "time/to_text",
            json!({"seconds": 1_769_860_800.9}),
            json!("2026-01-31T12:00:00Z"),
        ),
        (
            "time/to_text",
            json!({"seconds": -1}),
            json!("1969-12-31T23:59:59Z"),
        ),
        (
            "time/from_text",
            json!({"text": "2026-01-31T12:00:00Z"}),
            json!(1_769_860_800),
        ),
        (
            "time/from_text",
            json!({"text": "2024-02-29"}),
            json!(1_709_164_800),
        ),
        ("time/weekday", json!({"seconds": 1_769_860_800}), json!(6)),
        ("time/weekday", json!({}), json!(4)),
        (
            "time/duration_text",
            json!({"seconds": 3723.5}),
            json!("1:02:03"),
        ),
        (
            "time/duration_text",
            json!({"seconds": -61}),
            json!("-0:01:01"),
        ),
    ]
}

fn statistics() -> Vec<Case> {
    let array = || json!({"array": [4, 1, 3, 2]});
    vec![
        ("statistics/count", array(), json!(4)),
        ("statistics/sum", array(), json!(10)),
        ("statistics/mean", array(), json!(2.5)),
        ("statistics/median", array(), json!(2.5)),
        (
            "statistics/quantile",
            json!({"array": [1, 2], "share": 0.25}),
            json!(1.25),
        ),
        ("statistics/deviation", json!({"array": [1, 3]}), json!(1)),
        ("statistics/variance", array(), json!(1.25)),
        ("statistics/smallest", array(), json!(1)),
        ("statistics/largest", array(), json!(4)),
        (
            "statistics/histogram",
            json!({"array": [0, 1, 1, 4], "parts": 2}),
            json!([[3, 1], [0, 2, 4]]),
        ),
        ("statistics/cumulative", array(), json!([4, 5, 8, 10])),
        ("statistics/differences", array(), json!([-3, 2, -1])),
        (
            "statistics/moving_mean",
            json!({"array": [2, 4, 6], "width": 2}),
            json!([2, 3, 5]),
        ),
        (
            "statistics/evenly_spaced",
            json!({"start": 0, "end": 1, "count": 3}),
            json!([0, 0.5, 1]),
        ),
        (
            "statistics/from_list",
            json!({"list": [1, 2]}),
            json!([1, 2]),
        ),
        (
            "statistics/to_list",
            json!({"array": [1, 2]}),
            json!([1, 2]),
        ),
    ]
}

fn all() -> Vec<Case> {
    let parts = [
        numbers_and_truth(),
        text(),
        lists_and_dictionaries(),
        what_goes_on(),
        statistics(),
    ];
    parts.into_iter().flatten().collect()
}

#[test]
fn nodes_compute_what_they_say() {
    check(all());
}

#[test]
fn each_node_has_a_sentence_and_a_case() {
    let nodes: BTreeSet<String> = started().shelf().into_iter().collect();
    let tried: BTreeSet<String> = all().into_iter().map(|case| case.0.to_owned()).collect();
    assert_eq!(nodes, tried);
    assert!(nodes.len() >= 60, "{}", nodes.len());
    let class = Basic::class();
    assert!(class.methods.is_empty(), "every node is on a shelf");
    assert!(class.description.is_some());
    for shelf in Basic::shelves() {
        assert!(shelf.description.is_some(), "{}", shelf.name);
        for node in shelf.nodes {
            let sentence = node.description.unwrap_or_default();
            assert!(sentence.ends_with('.'), "{}/{}", shelf.name, node.name);
        }
    }
}

#[test]
fn what_cannot_be_computed_is_refused() {
    refuses(&[
        ("math/divide", json!({"a": 1, "b": 0})),
        ("math/divide_whole", json!({"a": 1, "b": 0})),
        ("math/divide_whole", json!({"a": i64::MIN, "b": -1})),
        ("math/square_root", json!({"x": -1})),
        ("math/power", json!({"base": 10, "exponent": 400})),
        (
            "text/repeat",
            json!({"text": "ab", "times": 4_000_000_000u32}),
        ),
        ("text/parse_number", json!({"text": "one"})),
        ("text/parse_number", json!({"text": "inf"})),
        ("lists/range", json!({"step": 0})),
        ("lists/range", json!({"start": i64::MIN, "end": i64::MAX})),
        ("json/parse", json!({"text": "{"})),
        ("flow/wait", json!({"value": 1, "seconds": -1})),
        ("time/from_text", json!({"text": "2023-02-29"})),
        ("time/from_text", json!({"text": "2023-01-01T24:00:00"})),
        ("time/to_text", json!({"seconds": 1e300})),
        ("statistics/mean", json!({"array": []})),
        ("statistics/quantile", json!({"array": [1], "share": 2})),
        ("statistics/histogram", json!({"array": [1], "parts": 0})),
        (
            "statistics/evenly_spaced",
            json!({"count": 4_000_000_000u32}),
        ),
    ]);
}

#[test]
fn chance_keeps_within_its_bounds_and_loses_nothing() {
    for _ in 0..1000 {
        assert!((2..=4).contains(&crate::basic::chance::integer(4, 2)));
        let number = crate::basic::chance::number(-1.0, 1.0);
        assert!((-1.0..1.0).contains(&number), "{number}");
    }
    crate::basic::chance::integer(i64::MIN, i64::MAX);
    let list: Vec<Json> = (0..100).map(Json::from).collect();
    let shuffled = crate::basic::chance::shuffled(list.clone());
    assert_ne!(shuffled, list);
    assert_eq!(crate::basic::lists::sorted(shuffled, false), list);
}

#[test]
fn days_follow_each_other() {
    let texts = (0..3000i64).map(|month| crate::calendar::text(month as f64 * 2_629_746.0));
    let texts: Vec<_> = texts.map(Result::unwrap).collect();
    assert!(texts.is_sorted());
    for text in texts {
        let seconds = crate::calendar::seconds(&text).unwrap();
        assert_eq!(crate::calendar::text(seconds).unwrap(), text);
    }
}
