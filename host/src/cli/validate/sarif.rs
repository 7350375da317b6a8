//! Findings as SARIF 2.1.0, which code hosts show beside the code.

use serde_json::{Value as Json, json};

use super::{Known, Verdict};
use crate::validate::finding::{self, Finding};

pub(super) fn render(verdicts: &[Verdict]) -> Json {
    let rules: Vec<_> = finding::ALL
        .iter()
        .map(|code| {
            json!({
                "id": code.name,
                "shortDescription": { "text": code.title },
                "fullDescription": { "text": code.explanation },
                "defaultConfiguration": { "level": code.severity.name() },
            })
        })
        .collect();
    let results: Vec<_> = verdicts
        .iter()
        .flat_map(|verdict| {
            let uri = encoded(&verdict.file.to_string_lossy());
            verdict.checks.iter().flat_map(move |check| {
                let uri = uri.clone();
                let new = check.findings.iter().map(|finding| (finding, false));
                let known = check.known.iter().map(|finding| (finding, true));
                new.chain(known).map(move |(finding, is_known)| {
                    let known = Known::new(&verdict.component, check.level, finding);
                    result(finding, &known, is_known, &uri)
                })
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ewh validate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}

/// `known` tells it from others; `is_known`: the baseline has it.
fn result(finding: &Finding, known: &Known, is_known: bool, uri: &str) -> Json {
    let rule = finding::ALL.iter().position(|code| *code == finding.code);
    let file = match finding.own_source() {
        None => json!({ "artifactLocation": { "uri": uri } }),
        Some(source) => json!({
            "artifactLocation": { "uri": encoded(&source.file) },
            "region": { "startLine": source.line.max(1) },
        }),
    };
    let location = match finding.place.as_str() {
        "" => json!({ "physicalLocation": file }),
        place => json!({
            "physicalLocation": file,
            "logicalLocations": [{ "fullyQualifiedName": place }],
        }),
    };
    let mut result = json!({
        "ruleId": finding.code.name,
        "ruleIndex": rule,
        "level": finding.code.severity.name(),
        "message": { "text": format!("{}; {}", finding.problem, finding.fix) },
        "partialFingerprints": { "ewh/v1": known.fingerprint() },
        "analysisTarget": { "uri": uri },
        "locations": [location],
    });
    if let (true, Some(result)) = (is_known, result.as_object_mut()) {
        result.insert("suppressions".to_owned(), json!([{ "kind": "external" }]));
    }
    result
}

/// A relative path as a URI: what may not stand in one is written in percent.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_points_to_its_rule_and_its_place() {
        let found = Finding::new(&finding::MALFORMED, "it ends early", "fix").at("byte 9");
        let verdicts = [Verdict::found("my worker.wasm", vec![found])];
        let run = &render(&verdicts)["runs"][0];
        let result = &run["results"][0];
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
        let location = &result["locations"][0];
        let file = &location["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(file, "my%20worker.wasm");
        assert_eq!(
            location["logicalLocations"][0]["fullyQualifiedName"],
            "byte 9"
        );
        assert_eq!(result["level"], "error");
        assert_eq!(result.get("suppressions"), None);
        let fingerprint = &result["partialFingerprints"]["ewh/v1"];
        assert_eq!(fingerprint, "my worker.wasm/static/malformed/byte 9");
    }
}
