//! What is wrong, and when two failures are one.

use super::super::finding::{self, Code};
use crate::engine::SourceLine;
use crate::error::{HostError, Result};
use crate::instance::meter;
use crate::{limits, text};

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) code: &'static Code,
    /// Where in the class: `start`, `stop`, `the loop`, `method read`; empty: as a whole.
    pub(super) place: String,
    pub(super) problem: String,
    /// The line of its source, where it trapped and that is known.
    pub(super) source: Option<SourceLine>,
    /// The step; `None`: none of them.
    pub(super) step: Option<usize>,
}

/// What two failures have in common that are one: they are mended in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause {
    code: &'static str,
    at: String,
}

impl Failure {
    pub(super) fn new(
        code: &'static Code,
        place: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            code,
            place: place.into(),
            problem: text::clean_line(&problem.into(), limits::MAX_TEXT_BYTES),
            source: None,
            step: None,
        }
    }

    /// What `error`, which was met at `place`, says of the guest; `None`: it is the guest's right.
    ///
    /// # Errors
    /// When it says that the host failed.
    pub(super) fn of(place: &str, error: &HostError) -> Result<Option<Self>> {
        let code = match error {
            HostError::Guest { .. }
            | HostError::Config(_)
            | HostError::Busy(_)
            | HostError::Exhausted(_)
            | HostError::Cancelled => return Ok(None),
            HostError::Ended(_) => &finding::TRAPPED,
            HostError::Deadline { .. } => &finding::TOO_SLOW,
            HostError::Value(_) | HostError::Description(_) => &finding::BAD_OUTPUT,
            _ => return Err(HostError::Engine(error.to_string())),
        };
        Ok(Some(Self::new(code, place, error.to_string())))
    }

    /// Where it is mended: the line that trapped, or else what panicked; where neither is known, and for
    /// what is no line's fault, the place in the class.
    pub(super) fn cause(&self) -> Cause {
        let is_trap = self.code == &finding::TRAPPED && !self.is_costly();
        let at = match (&self.source, panicked(&self.problem)) {
            _ if !is_trap => self.place.clone(),
            (Some(source), _) => source.to_string(),
            (None, Some(panicked)) => panicked,
            (None, None) => format!("{}: {}", self.place, without_numbers(&self.problem)),
        };
        let code = self.code.name;
        Cause { code, at }
    }

    /// Whether it is the same fault in the same place: its sentence may differ.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.place == other.place && self.cause() == other.cause()
    }

    /// Whether it took a whole deadline, of time or of the processor, to find out.
    pub(super) fn is_costly(&self) -> bool {
        self.code == &finding::TOO_SLOW || meter::is_spin(&self.problem)
    }
}

/// Where it panicked, or else in which words.
fn panicked(problem: &str) -> Option<String> {
    let (_, words) = problem.split_once("it panicked: ")?;
    let words = words.split(" (and before, ").next().unwrap_or(words);
    Some(match words.rsplit_once(", at ") {
        Some((_, place)) if place.contains(':') => place.to_owned(),
        _ => without_numbers(words),
    })
}

/// Addresses, lengths and times differ from one time to the next.
fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trapped(place: &str, problem: &str) -> Failure {
        Failure::new(&finding::TRAPPED, place, problem)
    }

    #[test]
    fn what_panics_in_one_place_is_one_fault() {
        let index = |len| {
            format!(
                "it panicked: the len is {len} but the index is 7, at src/lib.rs:5:3 (and before, no)"
            )
        };
        let one = trapped("method a", &index(1));
        assert_eq!(one.cause(), trapped("method b", &index(2)).cause());
        assert!(!one.is_like(&trapped("method b", &index(1))));
        let other = trapped("method a", "it panicked: no, at src/lib.rs:6:3");
        assert_ne!(one.cause(), other.cause());
        // Its own line says more than that of the library which it called.
        let source = Some(SourceLine {
            file: "src/lib.rs".to_owned(),
            line: 9,
        });
        let known = Failure {
            source,
            ..one.clone()
        };
        assert_ne!(known.cause(), one.cause());
    }

    #[test]
    fn what_has_no_line_is_told_apart_by_its_place() {
        let spun = |ms| {
            let spun = format!("it used {ms} ms {} (limit 9 ms)", meter::SPUN);
            Failure {
                source: Some(SourceLine {
                    file: "src/lib.rs".to_owned(),
                    line: ms,
                }),
                ..trapped("the loop", &spun)
            }
        };
        assert!(spun(1).is_costly());
        assert_eq!(spun(1).cause(), spun(2).cause());
        let divided = |place| trapped(place, "it trapped: integer divide by zero");
        assert_ne!(divided("method a").cause(), divided("method b").cause());
        let slow = |place| Failure::new(&finding::TOO_SLOW, place, "it took longer than 5 ms");
        assert_ne!(slow("method a").cause(), slow("method b").cause());
    }
}
