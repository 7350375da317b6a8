//! What was found out about one component: the checks that were to be made of it, how long each took, and
//! what each found.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Level;
use crate::policy::Manifest;
use crate::validate::exercise::reached::ClassReached;
use crate::validate::finding::{self, Code, Finding, Severity};

/// What was found out about one component.
pub(super) struct Verdict {
    /// What it is called.
    pub(super) file: PathBuf,
    /// What it calls itself, or else the name of its file.
    pub(super) component: String,
    /// Whether anything could be said of it at all.
    pub(super) was_read: bool,
    /// In the order in which they are made.
    pub(super) checks: Vec<Check>,
}

/// One check of a component.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) level: Level,
    /// How long it took.
    pub(super) time: Duration,
    /// Why it was not made; `None`: it was.
    pub(super) skipped: Option<String>,
    /// What it found.
    pub(super) findings: Vec<Finding>,
    /// What it found that was known before.
    pub(super) known: Vec<Finding>,
    /// What it reached of each class, if it ran them.
    pub(super) reached: Vec<ClassReached>,
}

impl Check {
    pub(super) fn new(level: Level, time: Duration, findings: Vec<Finding>) -> Self {
        Self {
            level,
            time,
            skipped: None,
            findings,
            known: Vec::new(),
            reached: Vec::new(),
        }
    }

    pub(super) fn skipped(level: Level, why: impl Into<String>) -> Self {
        Self {
            skipped: Some(why.into()),
            ..Self::new(level, Duration::ZERO, Vec::new())
        }
    }

    /// What this host does not run it for, without what was known.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.code.severity == Severity::Error)
    }
}

impl Verdict {
    /// On `bytes` that could be read.
    pub(super) fn new(file: PathBuf, bytes: &[u8], checks: Vec<Check>) -> Self {
        let named = Manifest::read(bytes).unwrap_or_default().name;
        let component = match named.as_str() {
            "" => file_name(&file),
            _ => named,
        };
        Self {
            file,
            component,
            was_read: true,
            checks,
        }
    }

    /// On what could not be read, or was not come to.
    pub(super) fn unread(file: PathBuf, problem: &str, fix: &str) -> Self {
        let finding = Finding::new(&finding::NOT_CHECKED, problem, fix);
        Self {
            component: file_name(&file),
            file,
            was_read: false,
            checks: vec![Check::new(Level::Static, Duration::ZERO, vec![finding])],
        }
    }

    /// Leaves out what is `allowed`.
    pub(super) fn allow(&mut self, allowed: &[&'static Code]) {
        for check in &mut self.checks {
            check
                .findings
                .retain(|finding| !allowed.contains(&finding.code));
        }
    }

    /// What was found that was not known before.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.findings)
    }

    /// What was found that was known.
    pub(super) fn known(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.known)
    }

    /// What was reached of each class, if they ran.
    pub(super) fn reached(&self) -> impl Iterator<Item = &ClassReached> {
        self.checks.iter().flat_map(|check| &check.reached)
    }

    /// Whether nothing was found but what was known.
    pub(super) fn is_clean(&self) -> bool {
        self.findings().next().is_none()
    }
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
impl Verdict {
    /// On a file of which the first check found this.
    pub(super) fn found(file: &str, findings: Vec<Finding>) -> Self {
        let check = Check::new(Level::Static, Duration::from_millis(1500), findings);
        Self::new(file.into(), b"", vec![check])
    }
}
