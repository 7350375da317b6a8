//! The property: no value that is marked in any byte that leaves, and every one that does not leave is
//! listed as such.

use std::collections::BTreeMap;
use std::sync::Arc;

use external_worker_host::instance::config::{ConfigSchema, Listed};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use serde_json::{Value as Json, json};

use super::exits::{exits, exported};
use super::make::{Case, Make};

/// How many cases there are without `EWH_CASES`.
const CASES: u64 = 3_000;
/// Every this many cases an export is packed and unpacked.
const EXPORT_EACH: u64 = 50;

/// The keywords through which marks are found, all of them.
const KEYWORDS: [&str; 35] = [
    "export",
    "export-exclude",
    "writeOnly",
    "format",
    "unknown",
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "itemsAsList",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "contentSchema",
    "$ref",
    "definitions",
    "$anchor",
    "$dynamicRef",
    "$id",
    "discriminator",
    "in an error",
    "listed",
    "left",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_that_is_marked_leaves() {
    let cases = number("EWH_CASES").unwrap_or(CASES);
    let seed = number("EWH_SEED").unwrap_or(1);
    println!("{cases} cases of seed {seed}: EWH_CASES={cases} EWH_SEED={seed}");
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut marked, mut open) = (0, 0);
    for at in 0..cases {
        let mut rng = SmallRng::seed_from_u64(seed.wrapping_mul(1 << 40).wrapping_add(at));
        let case = Make::case(&mut rng);
        let shown = || {
            let (schema, value) = (&case.schema, &case.value);
            format!("case {at} of seed {seed}\nschema {schema}\nvalue {value}")
        };
        let written = case.schema.to_string();
        let schema = ConfigSchema::new(&written, &case.exclude);
        let schema = schema.unwrap_or_else(|problem| panic!("{problem}: {}", shown()));
        let schema = Arc::new(schema);
        let fits = schema.merged(&json!({}), &case.value);
        assert_eq!(
            fits.as_ref().ok(),
            Some(&case.value),
            "{fits:?}: {}",
            shown()
        );
        let mut ways = exits(&schema, &case.value);
        if at % EXPORT_EACH == 0 {
            ways.push(("an export", exported(&schema, &case.value)));
        }
        for wrong in wrong(&case.value) {
            if let Err(error) = schema.merged(&json!({}), &wrong) {
                *seen.entry("in an error").or_default() += 1;
                ways.push(("an error", format!("{error} {error:?}")));
            }
        }
        for (way, bytes) in &ways {
            for secret in &case.secrets {
                // What is in the schema itself, a name or an option, an error may tell.
                if *way == "an error" && written.contains(secret) {
                    continue;
                }
                assert!(
                    !bytes.contains(secret),
                    "{secret} in {way} {bytes}: {}",
                    shown()
                );
            }
        }
        let public = schema.without_secrets(&case.value);
        let told = told(&case, &public, &schema.places());
        if let Some(untold) = told.untold {
            panic!("{untold} does not leave and is not listed: {}", shown());
        }
        *seen.entry("listed").or_default() += told.stays;
        *seen.entry("left").or_default() += told.left;
        for keyword in &case.through {
            *seen.entry(keyword).or_default() += 1;
        }
        marked += u64::from(!case.secrets.is_empty());
        open += u64::from(told.left > 0);
    }
    println!("{marked} with marks, {open} of which something leaves; marked through {seen:#?}");
    assert!(marked * 2 > cases, "{marked} of {cases} have marks");
    assert!(open * 3 > cases, "of {open} of {cases} anything leaves");
    for keyword in KEYWORDS {
        let times = seen.get(keyword).copied().unwrap_or_default();
        assert!(
            times * 300 >= cases,
            "{keyword} marks in {times} of {cases}"
        );
    }
}

/// `value` with one thing in it that is of another kind, for each thing in it.
fn wrong(value: &Json) -> Vec<Json> {
    let mut paths = Vec::new();
    leaves(value, &mut Vec::new(), &mut paths);
    paths
        .iter()
        .map(|path| {
            let mut wrong = value.clone();
            let pointer: String = path.iter().map(|step| format!("/{step}")).collect();
            let leaf = wrong.pointer_mut(&pointer).unwrap();
            *leaf = json!([{"deep": [leaf.clone()]}]);
            wrong
        })
        .collect()
}

fn leaves(value: &Json, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Json)> = match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, it)| (name.clone(), it))
            .collect(),
        Json::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(at, it)| (at.to_string(), it)).collect()
        }
        _ => return found.push(path.clone()),
    };
    for (step, inner) in inner {
        path.push(step);
        leaves(inner, path, found);
        path.pop();
    }
}

/// What of a value is listed as it is.
struct Told {
    left: u64,
    stays: u64,
    /// What does not leave though nothing says so.
    untold: Option<String>,
}

fn told(case: &Case, public: &Json, places: &[Listed]) -> Told {
    let public = public.to_string();
    let mut paths = Vec::new();
    leaves(&case.value, &mut Vec::new(), &mut paths);
    let mut told = Told {
        left: 0,
        stays: 0,
        untold: None,
    };
    for path in paths {
        let pointer: String = path.iter().map(|step| format!("/{step}")).collect();
        let leaf = case.value.pointer(&pointer).unwrap();
        let text = leaf
            .as_str()
            .map_or_else(|| leaf.to_string(), str::to_owned);
        if public.contains(&text) {
            told.left += 1;
            continue;
        }
        let stays = places.iter().filter(|place| !place.leaves);
        let mut all = stays.map(|place| place.path.as_str());
        if all.any(|listed| covers(listed, &path)) || case.exclude.contains(&path[0]) {
            told.stays += 1;
        } else {
            told.untold = Some(pointer);
        }
    }
    told
}

/// Whether `listed` is `path` or above it.
fn covers(listed: &str, path: &[String]) -> bool {
    let listed = listed
        .replace("[]", ".[]")
        .replace('[', ".[")
        .replace("..", ".");
    let steps: Vec<&str> = listed.split('.').filter(|step| !step.is_empty()).collect();
    steps.len() <= path.len()
        && steps.iter().zip(path).all(|(step, at)| {
            *step == "*"
                || *step == at
                || *step == "[]"
                || *step == format!("[{at}]")
                || (step.starts_with('/') && step.contains(at.as_str()))
        })
}
