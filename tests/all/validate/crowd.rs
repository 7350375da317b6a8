//! A directory of a hundred components, of which each that is broken is so in a way of its own: none is lost
//! because of another, and each gets the verdict that it gets alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::Value as Json;

use super::EXAMPLES;
use super::command::ewh;
use super::puppet::{Wrong, scripted, wrong_deeds, wrong_words};

const ALL: usize = 100;
/// Ways of being broken.
const LEAST: usize = 40;

/// Those that are broken, by the names of their files.
fn broken() -> BTreeMap<String, Wrong> {
    let all = wrong_words().into_iter().chain(wrong_deeds());
    all.enumerate()
        .map(|(at, wrong)| (format!("broken-{at:02}.wasm"), wrong))
        .collect()
}

fn codes(component: &Json) -> Vec<&str> {
    let findings = component["findings"].as_array().unwrap();
    let codes = findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap());
    codes.collect()
}

#[test]
fn each_of_a_hundred_gets_the_verdict_that_it_gets_alone() {
    let dir = tempfile::tempdir().unwrap();
    let broken = broken();
    assert!((LEAST..ALL).contains(&broken.len()), "{}", broken.len());
    for (file, (_, script, ..)) in &broken {
        std::fs::write(dir.path().join(file), scripted(script)).unwrap();
    }
    for (at, example) in EXAMPLES.iter().cycle().take(ALL - broken.len()).enumerate() {
        let file = dir.path().join(format!("good-{at:02}.wasm"));
        std::fs::copy(example, file).unwrap();
    }
    let begin = Instant::now();
    let arguments = ["validate", "--level", "exercise", "--format", "json"];
    let folder = dir.path().to_str().unwrap();
    let output = ewh(&[&arguments[..], &[folder]].concat());
    let took = begin.elapsed();
    assert_eq!(output.status.code(), Some(1));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let components = report["components"].as_array().unwrap();
    assert_eq!(components.len(), ALL);
    let mut others = Vec::new();
    for component in components {
        let file = Path::new(component["file"].as_str().unwrap());
        let file = file.file_name().unwrap().to_str().unwrap();
        let (name, expected) = match broken.get(file) {
            Some((name, _, codes, _)) => (*name, codes.to_vec()),
            None => ("good", Vec::new()),
        };
        let found = codes(component);
        println!("{file:20} {name:45} {found:?}");
        if found != expected {
            others.push((file.to_owned(), name, found, expected));
        }
    }
    println!("{ALL} components in {took:.1?}");
    assert!(others.is_empty(), "{others:#?}");
}
