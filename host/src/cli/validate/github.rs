//! Findings as annotations of GitHub Actions.

use super::Verdict;
use crate::validate::finding::Finding;

pub(super) fn render(verdicts: &[Verdict]) -> String {
    let lines = verdicts.iter().flat_map(|verdict| {
        let file = property(&verdict.file.display().to_string());
        verdict
            .findings
            .iter()
            .map(move |finding| line(finding, &file))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(finding: &Finding, file: &str) -> String {
    let at = match finding.place.as_str() {
        "" => String::new(),
        place => format!("{place}: "),
    };
    let message = data(&format!("{at}{}; {}", finding.problem, finding.fix));
    let (severity, code) = (finding.code.severity.name(), finding.code.name);
    format!("::{severity} file={file},title={code}::{message}")
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
    use crate::validate::finding;

    #[test]
    fn no_text_can_begin_a_command_of_its_own() {
        let findings = vec![Finding::new(&finding::NOT_GRANTED, "100%\n::error::", "x")];
        let verdicts = [Verdict {
            file: "a:b,c.wasm".into(),
            findings,
        }];
        let shown = "::error file=a%3Ab%2Cc.wasm,title=not-granted::100%25%0A::error::; x";
        assert_eq!(render(&verdicts), shown);
    }
}
