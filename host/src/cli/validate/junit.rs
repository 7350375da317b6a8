//! Findings as JUnit XML: a test case for each component, which fails with what was found in it.

use std::fmt::Write;

use super::Verdict;
use crate::text;
use crate::validate::finding::Finding;

pub(super) fn render(verdicts: &[Verdict]) -> String {
    let failures = verdicts
        .iter()
        .filter(|verdict| !verdict.findings.is_empty())
        .count();
    // Jenkins' schema wants the errors, too; what cannot be checked ends the command without a report.
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\"",
        verdicts.len()
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites {counts}>");
    let _ = writeln!(out, "  <testsuite name=\"ewh validate\" {counts}>");
    for verdict in verdicts {
        let file = escaped(&verdict.file.display().to_string());
        let case = format!("    <testcase classname=\"ewh.validate\" name=\"{file}\"");
        match verdict.findings.as_slice() {
            [] => out.push_str(&format!("{case}/>\n")),
            [first, rest @ ..] => {
                let more = match rest.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let message = format!("{}{more}", first.code.name);
                let lines: Vec<_> = verdict.findings.iter().map(line).collect();
                let _ = writeln!(out, "{case}>");
                let _ = writeln!(
                    out,
                    "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                    first.code.name,
                    escaped(&message),
                    escaped(&lines.join("\n"))
                );
                let _ = writeln!(out, "    </testcase>");
            }
        }
    }
    out.push_str("  </testsuite>\n</testsuites>");
    out
}

fn line(finding: &Finding) -> String {
    let at = finding.at_place();
    let severity = finding.code.severity.name();
    let (code, problem, fix) = (finding.code.name, &finding.problem, &finding.fix);
    format!("{severity}: {code}{at}: {problem}; {fix}")
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
    use super::*;
    use crate::validate::finding;

    #[test]
    fn a_component_with_findings_is_a_test_that_fails() {
        let findings = vec![
            Finding::new(&finding::MALFORMED, "a < b & \u{1b}[31m", "\"fix\"").at("byte 9"),
            Finding::new(&finding::NO_MANIFEST, "none", "add one"),
        ];
        let verdicts = [
            Verdict {
                file: "good.wasm".into(),
                findings: Vec::new(),
                reached: Vec::new(),
            },
            Verdict {
                file: "bad.wasm".into(),
                findings,
                reached: Vec::new(),
            },
        ];
        let xml = render(&verdicts);
        assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
        assert!(xml.contains("name=\"good.wasm\"/>"), "{xml}");
        assert!(xml.contains("message=\"malformed and 1 more\""), "{xml}");
        let line = "error: malformed at byte 9: a &lt; b &amp; \u{fffd}[31m; &quot;fix&quot;\n";
        assert!(xml.contains(line), "{xml}");
    }
}
