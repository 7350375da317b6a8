//! What is in the bytes besides code that runs: sizes, memories, debug information, paths, provenance.

use super::finding::{self, Finding};
use super::scan::Facts;
use crate::limits::{self, Budget};
use crate::text;

/// How the paths of people's machines begin.
const PATHS: [&[u8]; 4] = [b"/home/", b"/root/", b"/Users/", b"C:\\Users\\"];
/// Bytes of a path that are shown.
const SHOWN_PATH_BYTES: usize = 80;

pub(super) fn check(facts: &Facts, bytes: &[u8], budget: &Budget, found: &mut Vec<Finding>) {
    counts(facts, found);
    let most = budget.memory.as_u64();
    if facts.initial_bytes > most {
        found.push(Finding::new(
            &finding::TOO_MUCH_MEMORY,
            format!(
                "its memories and tables begin with {} bytes; the budget `memory` is {most}",
                facts.initial_bytes
            ),
            "raise the budget in the policy, or begin with less",
        ));
    }
    if facts.debug_bytes > 0 {
        found.push(Finding::new(
            &finding::DEBUG_INFO,
            format!("{} bytes of it are debug information", facts.debug_bytes),
            "strip it: `strip = true` in the `[profile.release]` of its Cargo.toml",
        ));
    }
    if !facts.has_producers {
        found.push(Finding::new(
            &finding::NO_PROVENANCE,
            "nothing in it says what it was built with",
            "keep the section `producers` when it is stripped",
        ));
    }
    if let Some((at, path)) = path(bytes) {
        found.push(
            Finding::new(
                &finding::ABSOLUTE_PATH,
                format!("it contains the path `{path}`"),
                "build it with `ewh build`, or with `--remap-path-prefix`",
            )
            .at(format!("byte {at}")),
        );
    }
}

fn counts(facts: &Facts, found: &mut Vec<Finding>) {
    let all = [
        ("memories", facts.memories, limits::MAX_MEMORIES),
        ("tables", facts.tables, limits::MAX_TABLES),
        (
            "core instances",
            facts.core_instances,
            limits::MAX_CORE_INSTANCES,
        ),
    ];
    for (what, count, most) in all {
        if count > most {
            found.push(Finding::new(
                &finding::TOO_MUCH,
                format!("it declares {count} {what}; a store may have {most}"),
                "link its modules together, or take out what is not used",
            ));
        }
    }
}

/// The first path of somebody's machine, and where it is.
fn path(bytes: &[u8]) -> Option<(usize, String)> {
    let begins = |at: &usize| {
        let rest = bytes.get(*at..).unwrap_or_default();
        PATHS.iter().any(|path| rest.starts_with(path))
    };
    let candidates = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'/' | b'C'))
        .map(|(at, _)| at);
    let at = candidates.into_iter().find(begins)?;
    let rest = bytes.get(at..)?;
    let shown = rest.iter().take(SHOWN_PATH_BYTES);
    let shown: Vec<u8> = shown
        .copied()
        .take_while(|byte| byte.is_ascii_graphic())
        .collect();
    let shown = text::clean_line(&String::from_utf8_lossy(&shown), SHOWN_PATH_BYTES);
    Some((at, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_path_is_found_with_its_place() {
        let bytes = b"C / C:\\User /home /home/me/src/lib.rs\0more /root/";
        let (at, shown) = path(bytes).unwrap();
        assert_eq!((at, shown.as_str()), (18, "/home/me/src/lib.rs"));
        assert_eq!(path(b"/homes /usr/lib"), None);
    }
}
