//! Findings that are known: a file lists them, so that a run fails only for what is new.
//!
//! A finding is known by its component, its check, its code and its place. Its sentences do not count, since
//! they change with every version.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::error::CliError;
use super::super::files;
use super::Level;
use super::verdict::Verdict;
use crate::limits;
use crate::validate::finding::{self, Finding};

/// The version of the file's format.
const VERSION: u32 = 1;

/// The findings that are known.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    version: u32,
    known: BTreeSet<Known>,
}

/// What tells a finding from others, whatever its sentences say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    /// The component's name.
    component: String,
    /// The check that finds it.
    check: Level,
    code: String,
    /// Where in the component; empty: as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    place: String,
}

impl Known {
    pub(super) fn new(component: &str, check: Level, finding: &Finding) -> Self {
        Self {
            component: component.to_owned(),
            check,
            code: finding.code.name.to_owned(),
            place: finding.place.clone(),
        }
    }

    /// On one line.
    pub(super) fn fingerprint(&self) -> String {
        let Self {
            component,
            check,
            code,
            place,
        } = self;
        format!("{component}/{}/{code}/{place}", check.name())
    }
}

impl Baseline {
    /// # Errors
    /// When the file is not one of known findings.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let text = files::read_text(path, "baseline", limits::MAX_BASELINE_BYTES)?;
        let wrong = |problem: String| {
            CliError::Usage(format!(
                "the baseline `{}` cannot be used: {problem}; write it anew with --write-baseline",
                path.display()
            ))
        };
        let read: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        match read.version {
            VERSION => Ok(read),
            other => Err(wrong(format!("it has version {other}, not {VERSION}"))),
        }
    }

    /// Everything that was found. What could not be checked is not known by that.
    pub(super) fn of(verdicts: &[Verdict]) -> Self {
        let known = each(verdicts).filter(|(_, finding)| finding.code != &finding::NOT_CHECKED);
        Self {
            version: VERSION,
            known: known.map(|(known, _)| known).collect(),
        }
    }

    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(self).map_err(std::io::Error::from)?;
        text.push('\n');
        files::write(path, text.as_bytes())
    }

    /// Sets apart what is known of the `verdicts`. What is listed and was not found, though it was looked for,
    /// is returned.
    pub(super) fn apply(&self, verdicts: &mut [Verdict]) -> Vec<Known> {
        let mut found = BTreeSet::new();
        let mut looked_for = BTreeSet::new();
        for verdict in verdicts.iter_mut() {
            let component = &verdict.component;
            for check in &mut verdict.checks {
                let level = check.level;
                let mut is_whole = check.skipped.is_none();
                let (known, new) = std::mem::take(&mut check.findings)
                    .into_iter()
                    .inspect(|one| is_whole &= one.code != &finding::NOT_CHECKED)
                    .partition(|finding| {
                        let known = Known::new(component, level, finding);
                        let is_known = self.known.contains(&known);
                        if is_known {
                            found.insert(known);
                        }
                        is_known && finding.code != &finding::NOT_CHECKED
                    });
                (check.known, check.findings) = (known, new);
                if is_whole {
                    looked_for.insert((component.clone(), level));
                }
            }
        }
        let gone = self.known.difference(&found);
        let gone = gone.filter(|it| looked_for.contains(&(it.component.clone(), it.check)));
        gone.cloned().collect()
    }
}

fn each(verdicts: &[Verdict]) -> impl Iterator<Item = (Known, &Finding)> {
    verdicts.iter().flat_map(|verdict| {
        verdict.checks.iter().flat_map(|check| {
            let all = check.findings.iter().chain(&check.known);
            all.map(|finding| {
                let known = Known::new(&verdict.component, check.level, finding);
                (known, finding)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::verdict::Check;
    use super::*;

    fn verdict(checks: Vec<Check>) -> Verdict {
        Verdict::new("a.wasm".into(), b"", checks)
    }

    fn check(level: Level, findings: &[Finding]) -> Check {
        Check::new(level, Duration::ZERO, findings.to_vec())
    }

    #[test]
    fn what_is_known_passes_whatever_it_says_and_what_is_gone_is_named() {
        let trapped = |problem: &str| Finding::new(&finding::TRAPPED, problem, "x").at("method f");
        let slow = Finding::new(&finding::TOO_SLOW, "slow", "x");
        let before = [
            check(
                Level::Static,
                &[Finding::new(&finding::NO_MANIFEST, "none", "x")],
            ),
            check(Level::Exercise, &[trapped("one"), slow]),
        ];
        let baseline = Baseline::of(&[verdict(before.into())]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known.json");
        baseline.write(&path).unwrap();
        let baseline = Baseline::read(&path).unwrap();
        let other = trapped("one").at("method g");
        let now = [
            Check::skipped(Level::Static, "why"),
            check(Level::Exercise, &[trapped("two"), other.clone()]),
        ];
        let mut verdicts = [verdict(now.into())];
        let gone = baseline.apply(&mut verdicts);
        assert_eq!(verdicts[0].known().collect::<Vec<_>>(), [&trapped("two")]);
        assert_eq!(verdicts[0].findings().collect::<Vec<_>>(), [&other]);
        let gone: Vec<_> = gone.iter().map(Known::fingerprint).collect();
        assert_eq!(
            gone,
            ["a.wasm/exercise/too-slow/"],
            "static was not checked"
        );
    }

    #[test]
    fn what_could_not_be_checked_is_never_known() {
        let mut verdicts = [Verdict::unread("a.wasm".into(), "gone", "x")];
        let baseline = Baseline::of(&verdicts);
        assert!(baseline.known.is_empty());
        assert!(baseline.apply(&mut verdicts).is_empty());
        assert!(!verdicts[0].is_clean());
    }

    #[test]
    fn a_baseline_that_is_not_one_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known.json");
        for wrong in ["", "[]", r#"{"version":2,"known":[]}"#, r#"{"version":1}"#] {
            std::fs::write(&path, wrong).unwrap();
            let problem = Baseline::read(&path).unwrap_err().to_string();
            assert!(problem.contains("--write-baseline"), "{problem}");
        }
    }
}
