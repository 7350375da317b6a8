//! What `ewh validate --format json` prints. The names of the fields are stable.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::verdict::Check;
use super::{Known, Level, Verdict};
use crate::engine::SourceLine;
use crate::validate::exercise::reached::ClassReached;
use crate::validate::finding::{Code, Severity};

/// Everything that was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Report<'a> {
    /// Whether nothing was found but what was known.
    clean: bool,
    /// Each component.
    components: Vec<Component<'a>>,
    /// What the baseline lists and was not found any more, though it was looked for.
    gone: Vec<String>,
}

/// One component.
#[derive(Debug, Serialize, JsonSchema)]
struct Component<'a> {
    /// Its path.
    file: String,
    /// The checks that were to be made of it, in their order.
    checks: Vec<Checked<'a>>,
    /// What was found in it; empty: nothing.
    findings: Vec<Found<'a>>,
    /// What the exercise reached of each class; empty: it was not exercised.
    reached: Vec<&'a ClassReached>,
}

/// One check.
#[derive(Debug, Serialize, JsonSchema)]
struct Checked<'a> {
    /// Its level.
    level: Level,
    /// How long it took.
    seconds: f64,
    /// Why it was not made; null: it was.
    skipped: Option<&'a str>,
}

/// One finding.
#[derive(Debug, Serialize, JsonSchema)]
struct Found<'a> {
    /// Its code, which `ewh explain` explains.
    code: &'static str,
    /// How bad it is.
    severity: Severity,
    /// The check that found it.
    check: Level,
    /// Whether the baseline lists it.
    known: bool,
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
    pub(super) fn new(verdicts: &'a [Verdict], gone: &[Known]) -> Self {
        Self {
            clean: verdicts.iter().all(Verdict::is_clean),
            components: verdicts.iter().map(component).collect(),
            gone: gone.iter().map(Known::fingerprint).collect(),
        }
    }
}

/// The JSON Schema of [`Report`].
pub(super) fn schema() -> Json {
    schemars::schema_for!(Report<'_>).to_value()
}

fn component(verdict: &Verdict) -> Component<'_> {
    let checks = verdict.checks.iter();
    Component {
        file: verdict.file.display().to_string(),
        checks: checks.clone().map(checked).collect(),
        findings: checks.flat_map(found).collect(),
        reached: verdict.reached().collect(),
    }
}

fn checked(check: &Check) -> Checked<'_> {
    Checked {
        level: check.level,
        seconds: check.time.as_secs_f64(),
        skipped: check.skipped.as_deref(),
    }
}

fn found(check: &Check) -> impl Iterator<Item = Found<'_>> {
    let new = check.findings.iter().map(|finding| (finding, false));
    let known = check.known.iter().map(|finding| (finding, true));
    new.chain(known).map(|(finding, known)| Found {
        code: finding.code.name,
        severity: finding.code.severity,
        check: check.level,
        known,
        place: &finding.place,
        source: finding.source.as_ref(),
        problem: &finding.problem,
        fix: &finding.fix,
    })
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
            Verdict::found("good.wasm", Vec::new()),
            Verdict::found("bad.wasm", vec![found]),
        ];
        let report = serde_json::to_value(Report::new(&verdicts, &[])).unwrap();
        let schema = jsonschema::validator_for(&schema()).unwrap();
        assert!(schema.is_valid(&report), "{report}");
        assert!(!schema.is_valid(&serde_json::json!({"clean": true})));
        assert_eq!(report["components"][1]["findings"][0]["code"], "malformed");
    }
}
