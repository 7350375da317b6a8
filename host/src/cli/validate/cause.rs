//! Where a finding comes from: the line of the source that a panic names, and which findings are one fault.

use std::path::{Component, Path};

use crate::engine::{SourceLine, WORKER};
use crate::limits;
use crate::text;
use crate::validate::finding::{self, Finding};

/// How the host introduces the last words of a guest.
const PANICKED: &str = "it panicked: ";
/// How the host says that a guest never gave up the processor.
const SPUN: &str = "of CPU without finishing";
/// How the panics of Rust without our SDK begin.
const PANICKED_AT: &str = "panicked at ";

/// `findings`, each with its line where its words name one, and those of one cause as one.
pub(super) fn traced(findings: Vec<Finding>) -> Vec<Finding> {
    merged(findings.into_iter().map(placed).collect())
}

fn placed(finding: Finding) -> Finding {
    if finding.source.is_some() || finding.code != &finding::TRAPPED {
        return finding;
    }
    let source = place_in(&finding.problem);
    finding.in_source(source)
}

/// The place that the words of a panic name, if it is in the author's own tree. They are a stranger's words.
fn place_in(problem: &str) -> Option<SourceLine> {
    let words = match (problem.find(PANICKED_AT), problem.find(PANICKED)) {
        (Some(at), _) => problem.get(at.saturating_add(PANICKED_AT.len())..)?,
        (None, Some(at)) => {
            // The place comes after the message, which may name others.
            let words = problem.get(at..)?;
            words.get(words.rfind(", at ")?.saturating_add(", at ".len())..)?
        }
        (None, None) => return None,
    };
    place(words.split_whitespace().next()?)
}

/// `src/lib.rs:12:5`
fn place(word: &str) -> Option<SourceLine> {
    let word = word.trim_end_matches([':', ',', ';', ')', '.']);
    let (rest, column) = word.rsplit_once(':')?;
    column.parse::<u32>().ok()?;
    let (file, line) = rest.rsplit_once(':')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    let file = file.strip_prefix(WORKER).unwrap_or(file);
    let path = Path::new(file);
    let is_own = path.extension().is_some()
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        && file.len() <= limits::MAX_NAME_BYTES
        && !file.contains(['\\', ':'])
        && file.chars().all(text::is_harmless);
    is_own.then(|| SourceLine {
        file: file.to_owned(),
        line,
    })
}

/// The first of each cause, which names the places of the others.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut causes: Vec<(Finding, Vec<String>)> = Vec::new();
    for finding in findings {
        match causes.iter_mut().find(|(first, _)| is_one(first, &finding)) {
            Some((_, elsewhere)) => elsewhere.push(finding.place),
            None => causes.push((finding, Vec::new())),
        }
    }
    causes.into_iter().map(whole).collect()
}

/// Whether both are the same fault: an instance that ended at the same line of the source, or with the same
/// words of the guest or the same loop that never gave up the processor.
fn is_one(one: &Finding, other: &Finding) -> bool {
    if one.code != other.code || one.code != &finding::TRAPPED {
        return false;
    }
    match (&one.source, &other.source) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            // Other traps without a place are alike without being one.
            let is_panic = one.problem.starts_with(PANICKED) && one.problem == other.problem;
            is_panic || is_one_loop(&one.problem, &other.problem)
        }
        _ => false,
    }
}

/// How long it took differs from time to time.
fn is_one_loop(one: &str, other: &str) -> bool {
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    one.contains(SPUN) && words(one) == words(other)
}

fn whole((mut finding, mut elsewhere): (Finding, Vec<String>)) -> Finding {
    elsewhere.sort();
    elsewhere.dedup();
    elsewhere.retain(|place| *place != finding.place && !place.is_empty());
    if !elsewhere.is_empty() {
        let problem = format!("{}; the same at {}", finding.problem, elsewhere.join("; "));
        finding.problem = text::clean(&problem, limits::MAX_TEXT_BYTES);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(file: &str, line: u32) -> SourceLine {
        let file = file.to_owned();
        SourceLine { file, line }
    }

    #[test]
    fn the_place_of_a_panic_is_read_if_it_is_the_authors_own() {
        for (problem, place) in [
            (
                "it panicked: no probe, at src/lib.rs:12:5",
                Some(("src/lib.rs", 12)),
            ),
            (
                "it panicked: at a.rs:1:1, at b.rs:2:2 (and before, memory)",
                Some(("b.rs", 2)),
            ),
            (
                "panicked at src/main.rs:3:9:\nboom",
                Some(("src/main.rs", 3)),
            ),
            (
                "it panicked: x, at /worker/src/lib.rs:7:1",
                Some(("src/lib.rs", 7)),
            ),
            (
                "it panicked: x, at /rust/library/core/src/option.rs:7:1",
                None,
            ),
            ("it panicked: x, at ../../etc/passwd.x:7:1", None),
            (r"it panicked: x, at C:\x.rs:7:1", None),
            ("it panicked: x, at src/lib.rs:0:1", None),
            ("it panicked: x, at src/lib.rs:99999999999:1", None),
            ("it panicked: x, at src/lib.rs", None),
            ("it panicked: x, at ", None),
            ("it trapped: at src/lib.rs:1:1", None),
        ] {
            let expected = place.map(|(file, number)| line(file, number));
            assert_eq!(place_in(problem), expected, "{problem}");
        }
        let long = format!("it panicked: x, at {}.rs:1:1", "a".repeat(10_000));
        assert_eq!(place_in(&long), None);
    }

    #[test]
    fn one_cause_is_one_finding_that_says_where_else() {
        let trapped =
            |place: &str, problem: &str| Finding::new(&finding::TRAPPED, problem, "fix").at(place);
        let found = traced(vec![
            trapped("loop", "it panicked: a, at src/lib.rs:1:1"),
            trapped("method f", "it panicked: b, at src/lib.rs:1:9"),
            trapped("method g", "it panicked: b, at src/lib.rs:2:9"),
            trapped("method h", "it trapped: unreachable"),
            trapped("method i", "it trapped: unreachable"),
            trapped("method j", "it used 51 ms of CPU without finishing a turn"),
            trapped("method k", "it used 60 ms of CPU without finishing a turn"),
        ]);
        let places: Vec<_> = found.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(
            places,
            ["loop", "method g", "method h", "method i", "method j"]
        );
        assert!(found[0].problem.ends_with("; the same at method f"));
        assert_eq!(found[0].source, Some(line("src/lib.rs", 1)));
    }
}
