//! What `ewh validate --format json` prints. The names of the fields are stable.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::Verdict;
use crate::engine::SourceLine;
use crate::validate::exercise::reached::ClassReached;
use crate::validate::finding::{Code, Severity};

/// Everything that was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Report<'a> {
    /// Whether nothing was found.
    clean: bool,
    /// Each component.
    components: Vec<Component<'a>>,
}

/// One component.
#[derive(Debug, Serialize, JsonSchema)]
struct Component<'a> {
    /// Its path.
    file: String,
    /// What was found in it; empty: nothing.
    findings: Vec<Found<'a>>,
    /// What the exercise reached of each class; empty: it was not exercised.
    reached: &'a [ClassReached],
}

/// One finding.
#[derive(Debug, Serialize, JsonSchema)]
struct Found<'a> {
    /// Its code, which `ewh explain` explains.
    code: &'static str,
    /// How bad it is.
    severity: Severity,
    /// Where in the component; empty: as a whole.
    place: &'a str,
    /// The line of its source, where that is known.
    source: Option<&'a SourceLine>,
    /// What is wrong, in a sentence.
    problem: &'a str,
    /// What to do about it, in a sentence.
    fix: &'a str,
}

impl<'a> Report<'a> {
    pub(super) fn new(verdicts: &'a [Verdict]) -> Self {
        let components: Vec<_> = verdicts.iter().map(component).collect();
        Self {
            clean: components.iter().all(|one| one.findings.is_empty()),
            components,
        }
    }
}

/// The JSON Schema of [`Report`].
pub(super) fn schema() -> Json {
    schemars::schema_for!(Report<'_>).to_value()
}

fn component(verdict: &Verdict) -> Component<'_> {
    let findings = verdict.findings.iter().map(|finding| Found {
        code: finding.code.name,
        severity: finding.code.severity,
        place: &finding.place,
        source: finding.source.as_ref(),
        problem: &finding.problem,
        fix: &finding.fix,
    });
    Component {
        file: verdict.file.display().to_string(),
        findings: findings.collect(),
        reached: &verdict.reached,
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Explained {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    explanation: &'static str,
}

pub(super) fn codes(codes: &[&Code]) -> Vec<Explained> {
    let explained = codes.iter().map(|code| Explained {
        code: code.name,
        severity: code.severity,
        title: code.title,
        explanation: code.explanation,
    });
    explained.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::finding::{self, Finding};

    #[test]
    fn the_report_is_what_its_schema_says() {
        let found = Finding::new(&finding::MALFORMED, "it ends early", "take another").at("byte 9");
        let verdicts = [
            Verdict {
                file: "good.wasm".into(),
                findings: Vec::new(),
                reached: Vec::new(),
            },
            Verdict {
                file: "bad.wasm".into(),
                findings: vec![found],
                reached: Vec::new(),
            },
        ];
        let report = serde_json::to_value(Report::new(&verdicts)).unwrap();
        let schema = jsonschema::validator_for(&schema()).unwrap();
        assert!(schema.is_valid(&report), "{report}");
        assert!(!schema.is_valid(&serde_json::json!({"clean": true})));
        assert_eq!(report["components"][1]["findings"][0]["code"], "malformed");
    }
}
