//! Findings as annotations of GitHub Actions.

use super::Verdict;
use crate::validate::finding::Finding;

/// How what the baseline has is shown: it is there, and nothing to be done about now.
const KNOWN: &str = "notice";

pub(super) fn render(verdicts: &[Verdict]) -> String {
    let lines = verdicts.iter().flat_map(|verdict| {
        let file = property(&verdict.file.display().to_string());
        let new = verdict.findings().map(|finding| (finding, None));
        let known = verdict.known().map(|finding| (finding, Some(KNOWN)));
        new.chain(known)
            .map(move |(finding, level)| line(finding, level, &file))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The annotation of `finding`, at this `level` or as bad as it is.
fn line(finding: &Finding, level: Option<&str>, file: &str) -> String {
    let at = match finding.place.as_str() {
        "" => String::new(),
        place => format!("{place}: "),
    };
    let message = data(&format!("{at}{}; {}", finding.problem, finding.fix));
    let level = level.unwrap_or(finding.code.severity.name());
    let code = finding.code.name;
    let file = match finding.own_source() {
        None => format!("file={file}"),
        Some(source) => format!("file={},line={}", property(&source.file), source.line),
    };
    format!("::{level} {file},title={code}::{message}")
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SourceLine;
    use crate::validate::finding;

    #[test]
    fn no_text_can_begin_a_command_of_its_own() {
        let findings = vec![Finding::new(&finding::NOT_GRANTED, "100%\n::error::", "x")];
        let verdicts = [Verdict::found("a:b,c.wasm", findings)];
        let shown = "::error file=a%3Ab%2Cc.wasm,title=not-granted::100%25%0A::error::; x";
        assert_eq!(render(&verdicts), shown);
    }

    #[test]
    fn a_line_of_the_source_is_annotated_where_it_is_the_authors_own() {
        let shown = |file: &str| {
            let file = file.to_owned();
            let source = Some(SourceLine { file, line: 7 });
            let finding = Finding::new(&finding::TRAPPED, "it trapped", "x").in_source(source);
            line(&finding, None, "a.wasm")
        };
        let own = "::error file=src/lib.rs,line=7,title=trapped::it trapped; x";
        assert_eq!(shown("src/lib.rs"), own);
        for other in ["/etc/passwd", "../x.rs", r"C:\x.rs", "./../x"] {
            assert!(shown(other).contains("file=a.wasm,"), "{other}");
        }
    }
}
