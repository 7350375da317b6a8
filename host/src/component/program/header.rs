//! What a script says of itself in comments, before it runs: the block that Python calls inline script metadata
//! (PEP 723), whose table `tool.ewh` is the manifest.
//!
//! ```python
//! # /// script
//! # dependencies = []
//! #
//! # [tool.ewh]
//! # version = "1.2.0"
//! #
//! # [tool.ewh.requests]
//! # serial = "reads the pump"
//! # ///
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::limits::{MAX_MANIFEST_BYTES, MAX_TEXT_BYTES};
use crate::policy::Manifest;
use crate::text::clean_line;

const BEGIN: &str = "# /// script";
const END: &str = "# ///";

/// What is read here of a header. The rest is other tools'.
#[derive(Debug, Default, Deserialize)]
struct Header {
    #[serde(default)]
    tool: Tool,
}

/// What only a build reads of it.
#[derive(Default, Deserialize)]
struct Needs {
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    #[serde(default)]
    ewh: Ewh,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Ewh {
    #[serde(default)]
    version: String,
    #[serde(default)]
    requests: BTreeMap<String, String>,
}

/// The manifest of the script `name`; one without a header requests nothing.
///
/// # Errors
/// A sentence, with the line of the script where one is to blame.
pub(super) fn manifest(name: &str, source: &str) -> Result<Manifest, String> {
    let Header { tool } = read(source)?;
    let ewh = tool.ewh;
    Manifest::of(name, &ewh.version, ewh.requests)
}

/// The packages that a script names.
///
/// # Errors
/// As [`manifest`].
pub(super) fn dependencies(source: &str) -> Result<Vec<String>, String> {
    let Needs { dependencies } = read(source)?;
    Ok(dependencies)
}

/// What is asked of the header; one that is not there says nothing.
fn read<T: DeserializeOwned + Default>(source: &str) -> Result<T, String> {
    match block(source)? {
        Some(block) => parse(&block),
        None => Ok(T::default()),
    }
}

/// The lines of the header, and the number of the first, from 1.
struct Block {
    text: String,
    first: usize,
}

/// The block of a script, if it has one: there is one at most, and it ends.
fn block(source: &str) -> Result<Option<Block>, String> {
    let mut lines = source.lines().zip(1..);
    let Some((_, begin)) = lines.by_ref().find(|(line, _)| *line == BEGIN) else {
        return Ok(None);
    };
    let mut text = String::new();
    // It ends at the last line that says so before the comments end: the text itself may have such lines.
    let mut end = None;
    for (line, number) in lines {
        let Some(content) = content(line) else {
            break;
        };
        if line == END {
            end = Some((text.len(), number));
        }
        text.push_str(content);
        text.push('\n');
        if text.len() > MAX_MANIFEST_BYTES {
            let most = MAX_MANIFEST_BYTES;
            return Err(format!("its header is larger than {most} bytes"));
        }
    }
    let Some((length, last)) = end else {
        return Err(format!(
            "its header begins in line {begin} and does not end: it needs a line `{END}`"
        ));
    };
    let again = |(line, number): (&str, usize)| (line == BEGIN).then_some(number);
    if let Some(second) = source.lines().zip(1..).skip(last).find_map(again) {
        return Err(format!("line {second} begins a second header"));
    }
    text.truncate(length);
    Ok(Some(Block {
        text,
        first: begin + 1,
    }))
}

/// What a line of the block says; `None`: it is not one.
fn content(line: &str) -> Option<&str> {
    match line.strip_prefix("# ") {
        Some(content) => Some(content),
        None => (line == "#").then_some(""),
    }
}

fn parse<T: DeserializeOwned>(block: &Block) -> Result<T, String> {
    toml::from_str(&block.text).map_err(|error| {
        let before = error.span().and_then(|span| block.text.get(..span.start));
        let line = before.map_or(0, |before| before.matches('\n').count()) + block.first;
        let problem = clean_line(error.message(), MAX_TEXT_BYTES / 2);
        format!("line {line} of its header: {problem}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Capability;

    #[test]
    fn a_script_says_what_it_requests_in_its_header() {
        let source = "\"\"\"A pump.\"\"\"\n\n# /// script\n# requires-python = \">=3.14\"\n# dependencies = []\n\
            #\n# [tool.ewh]\n# version = \"2\"\n#\n# [tool.ewh.requests]\n# serial = \"reads the pump\"\n# ///\nimport x\n";
        let manifest = manifest("pump", source).unwrap();
        assert_eq!(manifest.name, "pump");
        assert_eq!(manifest.package_version, "2");
        let requests: Vec<_> = manifest.requests.into_iter().collect();
        assert_eq!(
            requests,
            [(Capability::Serial, "reads the pump".to_owned())]
        );
    }

    #[test]
    fn without_a_header_nothing_is_requested() {
        for source in ["", "import x\n", "# [tool.ewh.requests]\n# serial = \"\"\n"] {
            assert!(manifest("x", source).unwrap().requests.is_empty());
        }
    }

    #[test]
    fn what_is_wrong_says_its_line() {
        let wrong = |source: &str| manifest("x", source).unwrap_err();
        let begin = "# /// script\n";
        assert_eq!(
            wrong("# /// script\n# a = 1\nimport x\n"),
            "its header begins in line 1 and does not end: it needs a line `# ///`"
        );
        let two = format!("{begin}# ///\n\n{begin}# ///\n");
        assert_eq!(wrong(&two), "line 4 begins a second header");
        let error = wrong(&format!("\n{begin}# a = 1\n# b =\n# ///\n"));
        assert!(error.starts_with("line 4 of its header: "), "{error}");
        let error = wrong(&format!(
            "{begin}# [tool.ewh.requests]\n# teleport = \"\"\n# ///\n"
        ));
        assert!(error.contains("requests `teleport`"), "{error}");
        let error = wrong(&format!("{begin}# [tool.ewh]\n# request = 1\n# ///\n"));
        assert!(
            error.starts_with("line 3 of its header: unknown"),
            "{error}"
        );
        let long = format!("{begin}# {}\n# ///\n", "x".repeat(MAX_MANIFEST_BYTES));
        assert!(wrong(&long).contains("larger than"));
    }
}
