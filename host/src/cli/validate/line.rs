//! What the process that checks a component says to the one that started it, a line of JSON each.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Level;
use super::verdict::Check;
use crate::engine::SourceLine;
use crate::validate::exercise::Progress;
use crate::validate::exercise::reached::ClassReached;
use crate::validate::finding::{self, Finding};
use crate::{limits, text};

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// A check came to its end.
    Checked {
        level: Level,
        milliseconds: u64,
        found: Vec<Found>,
        reached: Vec<ClassReached>,
    },
    /// An exercise is this far.
    UnderWay(UnderWay),
    /// No other check will: why.
    Failed(String),
}

/// How far an exercise is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnderWay {
    class: String,
    done: usize,
    planned: usize,
}

impl From<Progress<'_>> for UnderWay {
    fn from(progress: Progress<'_>) -> Self {
        Self {
            class: progress.class.to_owned(),
            done: progress.done,
            planned: progress.planned,
        }
    }
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            class,
            done,
            planned,
        } = self;
        write!(f, "class {class}, {done} of {planned} cases")
    }
}

/// A finding on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    code: String,
    place: String,
    source: Option<SourceLine>,
    problem: String,
    fix: String,
}

impl Line {
    /// That a check of this `level` took so much `time`, found this and reached that.
    pub(super) fn checked(
        level: Level,
        time: Duration,
        findings: Vec<Finding>,
        reached: Vec<ClassReached>,
    ) -> Self {
        Self::Checked {
            level,
            reached,
            milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            found: findings.into_iter().map(Found::new).collect(),
        }
    }
}

/// The checks that were `said` to have come to their end, and why no other one did, if that was said.
/// Whoever said it ran a stranger's code.
pub(super) fn heard(said: &[u8]) -> (Vec<Check>, Option<String>) {
    let (mut checks, mut failed) = (Vec::new(), None);
    let said = String::from_utf8_lossy(said);
    for line in said.lines().flat_map(serde_json::from_str::<Line>) {
        match line {
            Line::Checked {
                level,
                milliseconds,
                found,
                reached,
            } => {
                let found = found.into_iter().take(limits::MAX_FINDINGS);
                let findings = found.filter_map(Found::finding).collect();
                let time = Duration::from_millis(milliseconds);
                checks.push(Check {
                    reached: ClassReached::cleaned(reached),
                    ..Check::new(level, time, findings)
                });
            }
            Line::UnderWay(_) => {}
            Line::Failed(why) => failed = Some(text::clean_line(&why, limits::MAX_TEXT_BYTES)),
        }
    }
    (checks, failed)
}

/// How far an exercise is, if the last line says so that came to its end with what was said from `new` on.
pub(super) fn under_way(said: &[u8], new: usize) -> Option<UnderWay> {
    let is_end = |byte: &u8| *byte == b'\n';
    let end = said.get(new..)?.iter().rposition(is_end)?;
    let line = said.get(..new.saturating_add(end))?.rsplit(is_end).next()?;
    match serde_json::from_slice(line).ok()? {
        Line::UnderWay(at) => Some(UnderWay {
            class: text::clean_line(&at.class, limits::MAX_NAME_BYTES),
            ..at
        }),
        Line::Checked { .. } | Line::Failed(_) => None,
    }
}

impl Found {
    fn new(finding: Finding) -> Self {
        Self {
            code: finding.code.name.to_owned(),
            place: finding.place,
            source: finding.source,
            problem: finding.problem,
            fix: finding.fix,
        }
    }

    fn finding(self) -> Option<Finding> {
        let code = finding::by_name(&self.code)?;
        let finding = Finding::new(code, self.problem, self.fix);
        let source = self.source.map(|source| SourceLine {
            file: text::clean_line(&source.file, limits::MAX_NAME_BYTES),
            ..source
        });
        Some(finding.at(self.place).in_source(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_the_end_is_heard_and_nonsense_is_not() {
        let found = Finding::new(&finding::TRAPPED, "boom", "fix").at("class a, loop");
        let line = Line::checked(
            Level::Load,
            Duration::from_millis(5),
            vec![found.clone()],
            Vec::new(),
        );
        let whole = serde_json::to_string(&line).unwrap();
        let said = format!(
            "{whole}\nhello\n{{\"failed\":\"a\\u001b[31m\"}}\n{}",
            &whole[..20]
        );
        let (checks, failed) = heard(said.as_bytes());
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].time, Duration::from_millis(5));
        assert_eq!(checks[0].findings, [found]);
        assert_eq!(failed.unwrap(), "a\u{fffd}[31m");
    }

    #[test]
    fn how_far_it_is_is_what_the_last_whole_line_says() {
        let at = |class, done| {
            let progress = Progress {
                class,
                done,
                planned: 9,
            };
            let line = Line::UnderWay(progress.into());
            serde_json::to_string(&line).unwrap() + "\n"
        };
        let (first, second) = (at("a", 1), at("b\x1b[2J", 2));
        let said = format!("{first}{second}{}", &first[..9]);
        let shown = |said: &str, new| under_way(said.as_bytes(), new).map(|it| it.to_string());
        let far = Some("class b\u{fffd}[2J, 2 of 9 cases".to_owned());
        assert_eq!(shown(&said, 0), far);
        // A line is heard as a whole, however it came.
        assert_eq!(shown(&said, first.len() + second.len() - 1), far);
        assert_eq!(shown(&said, first.len() + second.len()), None);
        assert_eq!(shown(&said, said.len() + 1), None);
        assert_eq!(shown(&format!("{said}\n"), 0), None);
        assert_eq!(heard(said.as_bytes()).0.len(), 0);
    }
}
