//! The schemas that pydantic makes of the common forms of a model; `generate.py` wrote them down.

use std::sync::Arc;

use external_worker_host::instance::config::{ConfigSchema, Unclear};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::exits::{exits, exported};

/// What is in every text that has to stay, and in no other.
const SECRET: &str = "s3cr3t";

#[derive(Deserialize)]
struct Document {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    schema: Json,
    value: Json,
}

impl Case {
    fn schema(&self) -> Arc<ConfigSchema> {
        let schema = ConfigSchema::new(&self.schema.to_string(), &[]);
        Arc::new(schema.unwrap_or_else(|problem| panic!("{}: {problem}", self.name)))
    }
}

fn cases() -> Vec<Case> {
    let document: Document = serde_json::from_str(include_str!("pydantic.json")).unwrap();
    assert!(document.cases.len() >= 40);
    document.cases
}

/// Every plain value in `json` that is not a secret.
fn public(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| public(item, found)),
        Json::Object(members) => {
            let open = members.iter().filter(|(name, _)| !name.contains(SECRET));
            open.for_each(|(_, value)| public(value, found));
        }
        Json::Null => {}
        plain if plain.to_string().contains(SECRET) => {}
        plain => found.push(plain.to_string()),
    }
}

#[test]
fn what_a_model_marks_stays_and_everything_else_leaves() {
    for case in cases() {
        let schema = case.schema();
        let whole = schema.merged(&json!({}), &case.value);
        let whole = whole.unwrap_or_else(|problem| panic!("{}: {problem}", case.name));
        for config in [&case.value, &whole] {
            let mut ways = exits(&schema, config);
            ways.push(("an export", exported(&schema, config)));
            for (way, bytes) in &ways {
                assert!(!bytes.contains(SECRET), "{}: {way}: {bytes}", case.name);
            }
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        public(&schema.without_secrets(&case.value), &mut left);
        public(&case.value, &mut right);
        assert_eq!(left, right, "{}", case.name);
    }
}

#[test]
fn a_model_keeps_its_patterns_but_those_that_look_ahead() {
    for case in cases() {
        let schema = case.schema();
        let looks_ahead = case.schema.to_string().contains("(?!");
        assert_eq!(!schema.unclear().is_empty(), looks_ahead, "{}", case.name);
        let mut unclear = schema.unclear().iter();
        assert!(
            unclear.all(|it| matches!(it, Unclear::Pattern(..))),
            "{}",
            case.name
        );
    }
    let constrained = cases().into_iter().find(|case| case.name == "Constrained");
    let schema = constrained.unwrap().schema();
    schema
        .merged(&json!({}), &json!({"code": "wrong"}))
        .unwrap_err();
}

#[test]
fn what_is_missing_is_put_in_at_every_depth_of_a_model() {
    let login = json!({"user": "nobody", "password": ""});
    let misspelt = json!({"passwort": SECRET});
    for (name, given, complete) in [
        (
            "OptionalNested",
            json!({"login": misspelt}),
            json!({"login": login}),
        ),
        (
            "DictOfModels",
            json!({"logins": {"a": misspelt}}),
            json!({"logins": {"a": login}}),
        ),
        (
            "ListOfModels",
            json!({"logins": [misspelt]}),
            json!({"logins": [login]}),
        ),
        (
            "PatternDictOfModels",
            json!({"logins": {"a": misspelt}}),
            json!({"logins": {"a": login}}),
        ),
        (
            "Tuples",
            json!({"login": [1, misspelt], "many": [misspelt]}),
            json!({"login": [1, login], "many": [login], "pair": ["", ""]}),
        ),
        (
            "Unions",
            json!({"auth": misspelt}),
            json!({"auth": login, "port": 0}),
        ),
        (
            "Unions",
            json!({"auth": {"algorithm": "a"}}),
            json!({"auth": {"algorithm": "a", "key": ""}, "port": 0}),
        ),
        (
            "Discriminated",
            json!({"pet": {"kind": "cat", "chop": SECRET}}),
            json!({"pet": {"kind": "cat", "chip": ""}}),
        ),
        (
            "Deep",
            json!({"a": {"x": [[1, misspelt], null]}}),
            json!({"a": {"x": [[1, login], null]}}),
        ),
    ] {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        let schema = case.schema();
        let merged = schema.merged(&json!({}), &given).unwrap();
        assert_eq!(merged, complete, "{name}");
        assert_eq!(
            schema.merged(&merged, &json!({})).unwrap(),
            merged,
            "{name}"
        );
    }
}
