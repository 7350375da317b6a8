//! What `ewh validate --format json` prints. The names of the fields are stable.

use serde::Serialize;

use super::Verdict;
use crate::validate::finding::{Code, Severity};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    /// Whether nothing was found.
    clean: bool,
    /// Each component.
    components: Vec<Component<'a>>,
}

#[derive(Debug, Serialize)]
struct Component<'a> {
    file: String,
    findings: Vec<Found<'a>>,
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    code: &'static str,
    severity: Severity,
    place: &'a str,
    problem: &'a str,
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

fn component(verdict: &Verdict) -> Component<'_> {
    let findings = verdict.findings.iter().map(|finding| Found {
        code: finding.code.name,
        severity: finding.code.severity,
        place: &finding.place,
        problem: &finding.problem,
        fix: &finding.fix,
    });
    Component {
        file: verdict.file.display().to_string(),
        findings: findings.collect(),
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
