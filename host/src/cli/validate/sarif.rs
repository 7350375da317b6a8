//! Findings as SARIF 2.1.0, which code hosts show beside the code.

use serde_json::{Value as Json, json};

use super::Verdict;
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
            verdict
                .findings
                .iter()
                .map(move |finding| result(finding, &uri))
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

fn result(finding: &Finding, uri: &str) -> Json {
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
    json!({
        "ruleId": finding.code.name,
        "ruleIndex": rule,
        "level": finding.code.severity.name(),
        "message": { "text": format!("{}; {}", finding.problem, finding.fix) },
        "analysisTarget": { "uri": uri },
        "locations": [location],
    })
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
        let verdicts = [Verdict {
            file: "my worker.wasm".into(),
            findings: vec![Finding::new(&finding::MALFORMED, "it ends early", "fix").at("byte 9")],
            reached: Vec::new(),
        }];
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
    }
}
