//! Findings for people.

use std::fmt::Write;

use super::super::output::{Painter, Style};
use super::{Verdict, reached};
use crate::validate::finding::{Code, Severity};

pub(super) fn render(verdicts: &[Verdict], painter: Painter) -> String {
    let mut out = String::new();
    for verdict in verdicts {
        let file = verdict.file.display();
        if verdict.is_clean() {
            let _ = writeln!(out, "{} {file}", painter.paint(Style::Green, "clean"));
        } else {
            let _ = writeln!(out, "{}", painter.paint(Style::Bold, &file.to_string()));
        }
        for finding in verdict.findings() {
            let code = painter.paint(style(finding.code), finding.code.name);
            let at = finding.at_place();
            let _ = writeln!(out, "  {} {code}{at}", finding.code.severity.name());
            let _ = writeln!(out, "    {}", finding.problem);
            let fix = finding.fix.replace('\n', "\n      ");
            let _ = writeln!(out, "    fix: {fix}");
        }
        for finding in verdict.known() {
            let known = format!("known {}{}", finding.code.name, finding.at_place());
            let _ = writeln!(out, "  {}", painter.paint(Style::Dim, &known));
        }
        out.push_str(&reached::table(verdict.reached(), painter));
        for check in &verdict.checks {
            if let Some(why) = &check.skipped {
                let skipped = format!("not checked at the level {}: {why}", check.level.name());
                let _ = writeln!(out, "  {}", painter.paint(Style::Dim, &skipped));
            }
        }
    }
    let found = verdicts.iter().flat_map(Verdict::findings).count();
    if found > 0 {
        let _ = write!(out, "{found} found; `ewh explain CODE` says more");
    }
    out.trim_end().to_owned()
}

fn style(code: &Code) -> Style {
    match code.severity {
        Severity::Error => Style::Red,
        Severity::Warning => Style::Yellow,
    }
}

pub(super) fn explained(code: &Code, painter: Painter) -> String {
    format!(
        "{} ({})\n{}\n\n{}",
        painter.paint(style(code), code.name),
        code.severity.name(),
        code.title,
        code.explanation
    )
}

pub(super) fn listed(codes: &[&Code], painter: Painter) -> String {
    let width = codes.iter().map(|code| code.name.len()).max().unwrap_or(0);
    let line = |code: &&Code| {
        let gap = " ".repeat(width.saturating_sub(code.name.len()));
        let name = painter.paint(style(code), code.name);
        format!("{name}{gap}  {}", code.title)
    };
    codes.iter().map(line).collect::<Vec<_>>().join("\n")
}
