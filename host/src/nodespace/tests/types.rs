//! What inputs take, and what they say to what they do not; how types are shown, and what is typed for them.

use serde_json::{Value as Json, json};

use crate::json as document;
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

fn typed(ty: &Json, text: &str) -> Option<Json> {
    let value = Type::parse(ty).read(text);
    value.map(|value| value.to_json())
}

/// A type, how it is shown, and what a text is to it, whoever it comes from: a value of JSON or a text in the
/// graph, or what a person typed. What is not there is refused.
type Row = (Json, &'static str, Vec<(&'static str, Option<Json>)>);

fn rows() -> Vec<Row> {
    let list =
        |items: Json, unique: bool| json!({"type": "array", "uniqueItems": unique, "items": items});
    let optional = json!({"anyOf": ["int", "None"]});
    let choice = |nullable: bool| json!({"type": "enum", "values": ["a", 2], "keys": ["A", "B"], "nullable": nullable});
    let anything = || {
        vec![
            ("1.5", Some(json!(1.5))),
            ("one", Some(json!("one"))),
            ("null", Some(json!(null))),
            (r#"{"a": 1}"#, Some(json!({"a": 1}))),
        ]
    };
    let array = || {
        vec![
            ("[[1], [2]]", Some(json!([[1], [2]]))),
            ("[]", Some(json!([]))),
            ("5", Some(json!(5))),
            (
                "123456789012345678901",
                Some(document::parse(b"123456789012345678901").unwrap()),
            ),
            ("one", None),
            ("null", None),
            ("{}", None),
        ]
    };
    let integer = || {
        vec![
            ("5", Some(json!(5))),
            ("3.0", Some(json!(3))),
            ("true", Some(json!(1))),
            ("1.5", None),
            ("one", None),
            ("null", None),
        ]
    };
    let number = || {
        vec![
            ("5", Some(json!(5.0))),
            ("2.5", Some(json!(2.5))),
            ("one", None),
        ]
    };
    let boolean = || {
        vec![
            ("true", Some(json!(true))),
            ("1", Some(json!(true))),
            ("yes", None),
        ]
    };
    let any_list = || {
        vec![
            (r#"[1, 1, "a"]"#, Some(json!([1, 1, "a"]))),
            ("5", None),
            ("{}", None),
        ]
    };
    vec![
        (json!("int"), "int", integer()),
        (json!("integer"), "int", integer()),
        (json!("float"), "float", number()),
        (json!("floating"), "float", number()),
        (json!("bool"), "bool", boolean()),
        (json!("boolean"), "bool", boolean()),
        (
            json!("number"),
            "Union[int, float]",
            vec![
                ("5", Some(json!(5))),
                ("2.5", Some(json!(2.5))),
                ("one", None),
            ],
        ),
        (
            json!("None"),
            "None",
            vec![("null", Some(json!(null))), ("0", None)],
        ),
        (json!("Any"), "Any", anything()),
        (json!("numpy.Matrix"), "numpy.Matrix", anything()),
        (json!({"odd": 1}), r#"{"odd":1}"#, anything()),
        (json!({"type": "enum"}), r#"{"type":"enum"}"#, anything()),
        (json!(null), "Any", anything()),
        (json!("ndarray"), "ndarray", array()),
        (json!("numpy.ndarray"), "numpy.ndarray", array()),
        (json!("list"), "list", any_list()),
        (json!("tuple"), "tuple", any_list()),
        (
            json!("set"),
            "set",
            vec![
                (r#"[1, 1, "a"]"#, Some(json!([1, "a"]))),
                ("5", None),
                ("{}", None),
            ],
        ),
        (
            json!("dict"),
            "dict",
            vec![(r#"{"a": 1}"#, Some(json!({"a": 1}))), ("[]", None)],
        ),
        (
            list(json!("float"), false),
            "List[float]",
            vec![
                ("[1, 2.5]", Some(json!([1.0, 2.5]))),
                (r#"["one"]"#, None),
                ("{}", None),
            ],
        ),
        (
            list(json!("integer"), true),
            "Set[int]",
            vec![("[2, 1, 2.0]", Some(json!([2, 1])))],
        ),
        (
            list(json!("ndarray"), false),
            "List[ndarray]",
            vec![
                ("[[1, 2], 3]", Some(json!([[1, 2], 3]))),
                (r#"["one"]"#, None),
            ],
        ),
        (
            json!({"allOf": ["int", "str"]}),
            "Tuple[int, str]",
            vec![(r#"[1.0, "a"]"#, Some(json!([1, "a"]))), ("[1]", None)],
        ),
        (
            json!({"type": "object", "keys": "str", "values": optional}),
            "Dict[str, Optional[int]]",
            vec![
                (r#"{"a": null, "b": 2.0}"#, Some(json!({"a": null, "b": 2}))),
                (r#"{"a": "one"}"#, None),
            ],
        ),
        (
            optional,
            "Optional[int]",
            vec![
                ("7", Some(json!(7))),
                ("null", Some(json!(null))),
                ("one", None),
            ],
        ),
        (
            json!({"anyOf": ["None", "float"]}),
            "Optional[float]",
            vec![("7", Some(json!(7.0)))],
        ),
        (
            json!({"anyOf": ["int", "float", "str"]}),
            "Union[int, float, str]",
            vec![
                ("7", Some(json!(7))),
                ("7.5", Some(json!(7.5))),
                ("one", Some(json!("one"))),
            ],
        ),
        (
            choice(false),
            r#"Literal["a", 2]"#,
            vec![
                ("a", Some(json!("a"))),
                ("2", Some(json!(2))),
                ("B", Some(json!(2))),
                ("c", None),
                ("null", None),
            ],
        ),
        (
            choice(true),
            r#"Optional[Literal["a", 2]]"#,
            vec![("null", Some(json!(null)))],
        ),
    ]
}

#[test]
fn a_type_takes_from_a_person_what_it_takes_in_the_graph() {
    for (ty, shown, texts) in rows() {
        assert_eq!(Type::parse(&ty).to_string(), shown);
        for (text, expected) in texts {
            assert_eq!(typed(&ty, text), expected, "{shown} {text}");
            let value = document::parse(text.as_bytes()).unwrap_or_else(|_| json!(text));
            assert_eq!(coerce(ty.clone(), value).ok(), expected, "{shown} {text}");
        }
    }
}

#[test]
fn a_person_types_texts_and_bytes_as_they_are() {
    let optional = |ty: &str| json!({"anyOf": [ty, "None"]});
    let text = |text: &str| Value::Text(text.to_owned());
    let number_named = json!({"type": "enum", "values": ["2", "x"], "keys": ["2", "3"]});
    for (ty, typed, expected) in [
        (json!("str"), "5", text("5")),
        (json!("str"), "\"5\"", text("5")),
        (json!("str"), "a=b c", text("a=b c")),
        (json!("str"), "NaN", text("NaN")),
        (json!("string"), "null", text("null")),
        (json!("bytes"), "ab", Value::Bytes(b"ab".to_vec())),
        (json!("bytes"), "abcd", Value::Bytes(b"abcd".to_vec())),
        (optional("str"), "5", text("5")),
        (optional("str"), "null", Value::None),
        (optional("bytes"), "abcd", Value::Bytes(b"abcd".to_vec())),
        (json!({"anyOf": ["str", "int"]}), "5", Value::Integer(5)),
        (json!({"anyOf": ["str", "float"]}), "5", Value::Number(5.0)),
        (json!({"anyOf": ["bytes", "str"]}), "ab", text("ab")),
        (number_named.clone(), "2", text("2")),
        (number_named, "3", text("x")),
    ] {
        let read = Type::parse(&ty).read(typed);
        assert_eq!(read, Some(expected), "{ty} {typed}");
    }
    for (ty, takes) in [
        (json!("bytes"), true),
        (optional("bytes"), true),
        (json!({"anyOf": [{"anyOf": ["bytes", "None"]}]}), true),
        (json!({"anyOf": ["bytes", "str"]}), false),
        (json!({"anyOf": ["None"]}), false),
        (json!("str"), false),
        (json!("Any"), false),
    ] {
        assert_eq!(Type::parse(&ty).takes_bytes(), takes, "{ty}");
    }
}

#[test]
fn a_text_of_a_type_is_its_json_or_a_name() {
    assert_eq!(Type::from_text(r#""int""#), Type::parse(&json!("int")));
    assert_eq!(Type::from_text("int"), Type::parse(&json!("int")));
    assert_eq!(Type::from_text("not json").to_string(), "not json");
}

#[test]
fn what_is_shown_of_a_strangers_type_is_bounded_and_clean() {
    let mut deep = json!("int");
    for _ in 0..100 {
        deep = json!({"type": "array", "items": deep});
    }
    let shown = Type::parse(&deep).to_string();
    assert!(shown.ends_with("List[Any]]]]]]]]]]]]]]]]]"), "{shown}");
    let name = "\u{1b}[2J\n".to_owned() + &"n".repeat(1000);
    let wide = |key: &str, item: &Json| json!({ key: vec![item; 10_000] });
    for ty in [
        json!(name),
        json!({ "odd": name }),
        wide("allOf", &json!(name)),
        wide("allOf", &json!({"allOf": []})),
        wide("anyOf", &json!("int")),
        json!({"type": "enum", "values": vec!["\u{202e}"; 10_000], "keys": []}),
    ] {
        let shown = Type::parse(&ty).to_string();
        assert!(shown.len() <= limits::MAX_TEXT_BYTES, "{}", shown.len());
        assert!(shown.chars().all(|c| !c.is_control() && c != '\u{202e}'));
    }
}
