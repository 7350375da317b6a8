//! What inputs take, and what they say to what they do not.

use serde_json::{Value as Json, json};

use crate::limits;
use crate::nodespace::{Array, Dtype, SharedValue, Type, Value};

fn coerce(ty: Json, value: Json) -> Result<Json, String> {
    let ty = Type::parse(&ty);
    let value = Value::from_json(value);
    ty.coerce(value).map(|value| value.to_json())
}

#[test]
fn a_type_of_too_many_alternatives_takes_anything_instead_of_trying_all() {
    let of = |count: usize| {
        let half = json!({"type": "array", "items": {"anyOf": vec!["int"; count / 2]}});
        let mut all = vec![half];
        all.extend(vec![json!("bool"); count - count / 2]);
        Type::parse(&json!({"anyOf": all}))
    };
    let text = || Value::Text("text".to_owned());
    of(limits::MAX_TYPE_ALTERNATIVES - 1)
        .coerce(text())
        .unwrap_err();
    of(limits::MAX_TYPE_ALTERNATIVES + 1)
        .coerce(text())
        .unwrap();
}

#[test]
fn what_loses_nothing_is_converted() {
    let array = |items: &str| json!({"type": "array", "uniqueItems": false, "items": items});
    let set = json!({"type": "array", "uniqueItems": true, "items": "int"});
    let object = json!({"type": "object", "keys": "int", "values": "float"});
    for (ty, value, expected) in [
        (json!("int"), json!(3.0), json!(3)),
        (json!("int"), json!(true), json!(1)),
        (json!("int"), json!(" 12 "), json!(12)),
        (json!("float"), json!(3), json!(3.0)),
        (json!("float"), json!("2.5"), json!(2.5)),
        (json!("bool"), json!(1), json!(true)),
        (json!("str"), json!("12"), json!("12")),
        (json!("Any"), json!({"a": [1]}), json!({"a": [1]})),
        (json!("numpy.ndarray"), json!([1]), json!([1])),
        (json!("None"), json!(null), json!(null)),
        (json!("list"), json!([1, "a"]), json!([1, "a"])),
        (json!("dict"), json!({"a": 1}), json!({"a": 1})),
        (array("float"), json!([1, 2.5, "3"]), json!([1.0, 2.5, 3.0])),
        (set, json!([2, 1, 2.0, 1]), json!([2, 1])),
        (
            object,
            json!({"1": 1, "2": 2.5}),
            json!({"1": 1.0, "2": 2.5}),
        ),
        (
            json!({"allOf": ["int", "str"]}),
            json!([1.0, "a"]),
            json!([1, "a"]),
        ),
        (
            json!({"anyOf": ["float", "None"]}),
            json!(null),
            json!(null),
        ),
        (json!({"anyOf": ["float", "None"]}), json!(1), json!(1.0)),
        (json!({"anyOf": ["int", "str"]}), json!("5"), json!("5")),
        (json!("number"), json!(5), json!(5)),
    ] {
        assert_eq!(
            coerce(ty.clone(), value.clone()),
            Ok(expected),
            "{ty} {value}"
        );
    }
}

#[test]
fn a_mismatch_says_what_was_expected_and_what_came() {
    let list = json!({"type": "array", "items": "int"});
    let object = json!({"type": "object", "keys": "int", "values": "int"});
    for (ty, value, sentence) in [
        (
            json!("int"),
            json!("abc"),
            r#"expects an integer, not text "abc""#,
        ),
        (
            json!("int"),
            json!(2.5),
            "expects an integer, not number 2.5",
        ),
        (json!("int"), json!(null), "expects an integer, not None"),
        (json!("str"), json!(5), "expects a text, not integer 5"),
        (json!("bool"), json!(2), "expects a boolean, not integer 2"),
        (
            json!("dict"),
            json!([1]),
            "expects a dictionary, not a list",
        ),
        (
            json!("bytes"),
            json!("?"),
            r#"expects bytes; text "?" is not base64"#,
        ),
        (
            list,
            json!([1, "x"]),
            r#"item 1: expects an integer, not text "x""#,
        ),
        (
            object.clone(),
            json!({"a": 1}),
            r#"the key "a" is not an integer"#,
        ),
        (
            object,
            json!({"1": "b"}),
            r#"entry "1": expects an integer, not text "b""#,
        ),
        (
            json!({"allOf": ["int"]}),
            json!([1, 2]),
            "expects a list of 1 items, not a list",
        ),
        (
            json!({"anyOf": ["int", "None"]}),
            json!({}),
            "expects an integer or None, not a dictionary",
        ),
    ] {
        assert_eq!(coerce(ty, value), Err(sentence.to_owned()));
    }
    let long = coerce(json!("int"), json!("x".repeat(1 << 20))).unwrap_err();
    assert!(long.len() < 300, "{}", long.len());
}

#[test]
fn an_enum_takes_its_values_and_their_names() {
    let level = json!({"type": "enum", "values": [1, 2.5, "c"], "keys": ["LO", "MID", "c"], "nullable": false});
    assert_eq!(coerce(level.clone(), json!(1.0)), Ok(json!(1.0)));
    assert_eq!(coerce(level.clone(), json!("MID")), Ok(json!(2.5)));
    assert_eq!(coerce(level.clone(), json!("c")), Ok(json!("c")));
    assert_eq!(
        coerce(level.clone(), json!("d")).unwrap_err(),
        r#"expects one of [1,2.5,"c"], not text "d""#
    );
    coerce(level.clone(), json!(null)).unwrap_err();
    let mut nullable = level;
    nullable["nullable"] = json!(true);
    assert_eq!(coerce(nullable, json!(null)), Ok(json!(null)));
}

#[test]
fn bytes_and_arrays_become_what_is_asked_for() {
    let bytes = Type::parse(&json!("bytes"));
    let value = bytes.coerce(Value::Text("AQL/".into()));
    assert_eq!(value, Ok(Value::Bytes(vec![1, 2, 255]).into()));
    let array = Value::Array(Array {
        dtype: Dtype::U8,
        shape: vec![2],
        data: vec![7, 8],
    });
    let list = Type::parse(&json!({"type": "array", "items": "float"}));
    assert_eq!(
        list.coerce(array.clone()),
        Ok(Value::from_json(json!([7.0, 8.0])).into())
    );
    assert_eq!(Type::any().coerce(array.clone()), Ok(array.into()));
}

#[test]
fn a_value_that_fits_is_shared() {
    let list = SharedValue::new(Value::from_json(json!([1, 2])));
    let ty = Type::parse(&json!({"type": "array", "items": "int"}));
    assert!(ty.coerce(&list).unwrap().is(&list));
}

#[test]
fn options_come_with_the_type() {
    let enumeration = json!({"type": "enum", "values": [1], "keys": ["1"], "nullable": false});
    for (ty, options) in [
        (json!("int"), json!({"step": 1})),
        (json!("integer"), json!({"step": 1})),
        (json!("float"), json!({})),
        (enumeration.clone(), json!({"options": enumeration})),
        (json!({"anyOf": ["int", "None"]}), json!({"step": 1})),
    ] {
        assert_eq!(Type::parse(&ty).default_value_options(), options);
    }
}

#[test]
fn a_type_that_is_nested_without_end_takes_anything_there() {
    let mut ty = json!("int");
    for _ in 0..100 {
        ty = json!({"anyOf": [ty]});
    }
    let parsed = Type::parse(&ty);
    parsed.coerce(Value::None).unwrap();
    assert_eq!(parsed.default_value_options(), json!({}));
}
