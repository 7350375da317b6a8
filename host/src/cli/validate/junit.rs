//! Findings as JUnit XML: a suite for each component, a test case for each check of it. An error fails its
//! check; a warning, and what was known, is among what the check printed.

use std::fmt::Write;
use std::time::Duration;

use super::Verdict;
use super::verdict::Check;
use crate::text;
use crate::validate::finding::{self, Finding, Severity};

pub(super) fn render(verdicts: &[Verdict]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all = verdicts.iter().flat_map(|verdict| &verdict.checks);
    let _ = writeln!(out, "<testsuites name=\"ewh validate\" {}>", counts(all));
    for verdict in verdicts {
        let file = escaped(&verdict.file.display().to_string());
        let counts = counts(verdict.checks.iter());
        // Jenkins counts these in a suite alone.
        let skipped = count(verdict.checks.iter(), Ended::Skipped);
        let suite = format!("name=\"{file}\" {counts} skipped=\"{skipped}\"");
        let _ = writeln!(out, "  <testsuite {suite}>");
        for check in &verdict.checks {
            case(&mut out, &file, check);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>");
    out
}

/// How a check ended, as JUnit tells it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
    /// It could not be made.
    Error,
    Skipped,
}

fn ended(check: &Check) -> Ended {
    let mut errors = check.errors();
    if check.errors().any(|one| one.code == &finding::NOT_CHECKED) {
        Ended::Error
    } else if errors.next().is_some() {
        Ended::Failed
    } else if check.skipped.is_some() {
        Ended::Skipped
    } else {
        Ended::Passed
    }
}

/// Of these checks, as every part of a report counts them.
fn counts<'a>(checks: impl Iterator<Item = &'a Check> + Clone) -> String {
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\"",
        checks.clone().count(),
        count(checks.clone(), Ended::Failed),
        count(checks.clone(), Ended::Error),
        seconds(checks.map(|check| check.time).sum()),
    )
}

fn count<'a>(checks: impl Iterator<Item = &'a Check>, how: Ended) -> usize {
    checks.filter(|check| ended(check) == how).count()
}

/// `file` is escaped.
fn case(out: &mut String, file: &str, check: &Check) {
    let (name, time) = (check.level.name(), seconds(check.time));
    let case = format!("    <testcase classname=\"{file}\" name=\"{name}\" time=\"{time}\"");
    let said = said(check);
    let ended = ended(check);
    if ended == Ended::Passed && said.is_empty() {
        let _ = writeln!(out, "{case}/>");
        return;
    }
    let _ = writeln!(out, "{case}>");
    match ended {
        Ended::Passed => {}
        Ended::Failed => problem(out, "failure", check),
        Ended::Error => problem(out, "error", check),
        Ended::Skipped => {
            let why = escaped(check.skipped.as_deref().unwrap_or_default());
            let _ = writeln!(out, "      <skipped message=\"{why}\"/>");
        }
    }
    if !said.is_empty() {
        let _ = writeln!(out, "      <system-out>{}</system-out>", escaped(&said));
    }
    let _ = writeln!(out, "    </testcase>");
}

/// One element for all of them, since readers show no more than one.
fn problem(out: &mut String, element: &str, check: &Check) {
    let errors: Vec<_> = check.errors().collect();
    let Some((first, rest)) = errors.split_first() else {
        return;
    };
    let code = first.code.name;
    let message = match rest.len() {
        0 => format!("{code}{}", first.at_place()),
        more => format!("{code}{} and {more} more", first.at_place()),
    };
    let lines: Vec<_> = errors.iter().map(|finding| line(finding)).collect();
    let _ = writeln!(
        out,
        "      <{element} type=\"{code}\" message=\"{}\">{}</{element}>",
        escaped(&message),
        escaped(&lines.join("\n"))
    );
}

/// What does not fail the check.
fn said(check: &Check) -> String {
    let warnings = check.findings.iter();
    let warnings = warnings.filter(|finding| finding.code.severity == Severity::Warning);
    let known = check.known.iter();
    let known = known.map(|finding| format!("known {}", line(finding)));
    let lines: Vec<_> = warnings.map(line).chain(known).collect();
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    let at = finding.at_place();
    let severity = finding.code.severity.name();
    let (code, problem, fix) = (finding.code.name, &finding.problem, &finding.fix);
    format!("{severity}: {code}{at}: {problem}; {fix}")
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// XML has no way to write control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push(c),
            c if text::is_harmless(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_check_is_a_case_and_only_errors_fail_it() {
        let malformed =
            Finding::new(&finding::MALFORMED, "a < b & \u{1b}[31m", "\"fix\"").at("byte 9");
        let warning = Finding::new(&finding::NO_MANIFEST, "none", "add one");
        let mut bad = Verdict::found("bad.wasm", vec![malformed.clone(), warning.clone()]);
        bad.checks
            .push(Check::skipped(Level::Load, "it is <malformed>"));
        let mut known = Verdict::found("known.wasm", vec![warning]);
        known.checks[0].known.push(malformed);
        let gone = Verdict::unread("gone.wasm".into(), "there is no file", "x");
        let good = Verdict::found("good.wasm", Vec::new());
        let xml = render(&[good, bad, known, gone]);
        for part in [
            "<testsuites name=\"ewh validate\" tests=\"5\" failures=\"1\" errors=\"1\" \
             time=\"4.500\">",
            "<testcase classname=\"good.wasm\" name=\"static\" time=\"1.500\"/>",
            "<failure type=\"malformed\" message=\"malformed at byte 9\">error: malformed at byte 9: \
             a &lt; b &amp; \u{fffd}[31m; &quot;fix&quot;</failure>",
            "<system-out>warning: no-manifest: none; add one</system-out>",
            "<skipped message=\"it is &lt;malformed&gt;\"/>",
            "add one\nknown error: malformed at byte 9: ",
            "<error type=\"not-checked\" message=\"not-checked\">error: not-checked: there is no file",
        ] {
            assert!(xml.contains(part), "{part} is not in {xml}");
        }
    }
}
