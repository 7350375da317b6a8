//! What a module says of itself: `ewh-module.toml`.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Deserialize;

use crate::archive::check_path;
use crate::limits::{
    MAX_MODULE_COMPONENTS, MAX_MODULE_MANIFEST_BYTES, MAX_MODULE_NAME_BYTES, MAX_NAME_BYTES,
    MAX_TEXT_BYTES,
};
use crate::policy::Capability;
use crate::text;

/// A module's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleManifest {
    /// Its name: lower-case letters, digits, `-` and `_`, a letter first.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What it is for.
    pub description: Option<String>,
    /// Its components: paths in the module.
    pub components: Vec<String>,
    /// The capabilities that it needs to be granted, each with its reason.
    pub requests: BTreeMap<Capability, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    version: Version,
    #[serde(default)]
    description: Option<String>,
    components: Vec<String>,
    #[serde(default)]
    requests: BTreeMap<String, String>,
}

impl ModuleManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// A sentence with what is wrong, where, and what would be right.
    pub fn parse(toml: &str) -> Result<Self, String> {
        if toml.len() as u64 > MAX_MODULE_MANIFEST_BYTES {
            let max = MAX_MODULE_MANIFEST_BYTES;
            return Err(format!("it has more than the {max} bytes allowed"));
        }
        let raw: Raw = toml::from_str(text::without_mark(toml))
            .map_err(|error| text::clean(error.to_string().trim_end(), MAX_TEXT_BYTES))?;
        check_name(&raw.name)?;
        check_version(&raw.version)?;
        check_components(&raw.components)?;
        Ok(Self {
            name: raw.name,
            version: raw.version,
            description: raw
                .description
                .map(|words| text::clean(&words, MAX_TEXT_BYTES)),
            components: raw.components,
            requests: requests(raw.requests)?,
        })
    }
}

/// Whether a module may have this name: it becomes that of a folder, and part of many messages.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let may_follow = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(may_follow)
        && name.len() <= MAX_MODULE_NAME_BYTES;
    if fits {
        return Ok(());
    }
    let name = text::clean_line(name, MAX_NAME_BYTES);
    Err(format!(
        "`name` is `{name}`; a module's name has lower-case letters, digits, `-` and `_`, begins \
         with a letter and is at most {MAX_MODULE_NAME_BYTES} characters long"
    ))
}

fn check_version(version: &Version) -> Result<(), String> {
    if version.to_string().len() <= MAX_MODULE_NAME_BYTES {
        return Ok(());
    }
    Err(format!(
        "`version` has more than {MAX_MODULE_NAME_BYTES} characters"
    ))
}

fn check_components(components: &[String]) -> Result<(), String> {
    if components.is_empty() {
        let hint = "name the .wasm files, as in `components = [\"worker.wasm\"]`";
        return Err(format!("`components` is empty; {hint}"));
    }
    if components.len() > MAX_MODULE_COMPONENTS {
        return Err(format!(
            "`components` has more than {MAX_MODULE_COMPONENTS} files"
        ));
    }
    let mut seen = BTreeSet::new();
    for component in components {
        let shown = text::clean_line(component, MAX_NAME_BYTES);
        check_path(component).map_err(|problem| format!("`components`: `{shown}` {problem}"))?;
        if !seen.insert(component) {
            return Err(format!("`components` names `{shown}` twice"));
        }
    }
    Ok(())
}

fn requests(raw: BTreeMap<String, String>) -> Result<BTreeMap<Capability, String>, String> {
    raw.into_iter()
        .map(|(name, reason)| {
            let shown = text::clean_line(&name, MAX_NAME_BYTES);
            let capability = Capability::from_name(&name).ok_or_else(|| {
                let all = Capability::all_names();
                format!(
                    "`requests` names `{shown}`, which is not a capability of this host; it has: \
                     {all}"
                )
            })?;
            let reason = text::clean_line(&reason, MAX_TEXT_BYTES);
            if reason.trim().is_empty() {
                return Err(format!(
                    "`requests.{shown}` gives no reason; say what the module needs it for"
                ));
            }
            Ok((capability, reason))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = ModuleManifest::parse(
            r#"
            name = "demo"
            version = "1.2.0"
            description = "A demo"
            components = ["demo.wasm", "more/other.wasm"]
            [requests]
            serial = "to read the instrument"
            "#,
        )
        .unwrap();
        assert_eq!(manifest.name, "demo");
        assert_eq!(manifest.version, Version::new(1, 2, 0));
        assert_eq!(manifest.components, ["demo.wasm", "more/other.wasm"]);
        assert_eq!(
            manifest.requests[&Capability::Serial],
            "to read the instrument"
        );
    }

    #[test]
    fn a_wrong_manifest_is_one_that_says_what_would_be_right() {
        let with = |line: &str| {
            let right = [
                "name = \"a\"",
                "version = \"1.0.0\"",
                "components = [\"a.wasm\"]",
            ];
            let key = line.split(' ').next().unwrap();
            let mut lines: Vec<&str> = right.into_iter().filter(|l| !l.starts_with(key)).collect();
            lines.push(line);
            lines.join("\n")
        };
        let table = [
            (with("name = \"../evil\""), "`../evil`"),
            (with("name = \"Demo\""), "lower-case"),
            (with("name = \"\u{1b}[2J\""), "invalid"),
            (with("version = \"1.0\""), "minor"),
            (with("version = 1"), "line 3"),
            (with("components = []"), "worker.wasm"),
            (with("components = [\"../a.wasm\"]"), "below"),
            (with("components = [\"a\", \"a\"]"), "twice"),
            (with("[requests]\nserail = \"x\""), "serail"),
            (with("[requests]\nserial = \" \""), "reason"),
            (with("compnents = []"), "compnents"),
            ("name = \"a\"".to_owned(), "version"),
            (" ".repeat(1 << 20), "bytes"),
        ];
        for (toml, part) in table {
            let problem = ModuleManifest::parse(&toml).unwrap_err();
            assert!(problem.contains(part), "{part}: {problem}");
            assert!(!problem.contains('\u{1b}'), "{problem}");
        }
        assert!(check_name(&"a".repeat(65)).is_err());
        assert!(
            ModuleManifest::parse(&with(&format!("version = \"1.0.0-{}\"", "a".repeat(64))))
                .is_err()
        );
    }
}
