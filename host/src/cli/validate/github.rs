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
