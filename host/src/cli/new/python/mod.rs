//! A worker in Python: a script, and what it may do.

use std::path::Path;

use super::super::error::CliError;
use super::{camel_case, snake_case};
use crate::limits::MAX_SHOWN_CHARS;
use crate::text;

const SCRIPT: &str = include_str!("worker.py.template");
const POLICY: &str = include_str!("policy.toml.template");
const README: &str = include_str!("README.md.template");
/// What a script cannot be called: words of Python, and modules that it needs.
const TAKEN: [&str; 48] = [
    "and",
    "as",
    "assert",
    "async",
    "asyncio",
    "await",
    "break",
    "builtins",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "external_worker",
    "finally",
    "for",
    "from",
    "funcnodes_core",
    "funcnodes_worker",
    "global",
    "if",
    "import",
    "in",
    "io",
    "is",
    "json",
    "lambda",
    "logging",
    "math",
    "nonlocal",
    "not",
    "or",
    "os",
    "pass",
    "pydantic",
    "raise",
    "random",
    "return",
    "serial",
    "socket",
    "sys",
    "time",
    "try",
    "types",
    "while",
    "with",
];

/// Whether a script can be called after `name`.
pub(super) fn check_not_taken(name: &str) -> Result<(), CliError> {
    if !TAKEN.contains(&snake_case(name).as_str()) {
        return Ok(());
    }
    let shown = text::spelled(name, MAX_SHOWN_CHARS);
    Err(CliError::Usage(format!(
        "the name `{shown}` is taken by Python; choose another, such as `my-{shown}`"
    )))
}

/// The script's file.
pub(super) fn file(name: &str) -> String {
    format!("{}.py", snake_case(name))
}

/// Puts the worker `name` into `dir`.
pub(super) fn write(name: &str, dir: &Path) -> Result<(), CliError> {
    super::write(&dir.join(file(name)), &filled(SCRIPT, name))?;
    super::write(&dir.join("policy.toml"), &filled(POLICY, name))?;
    super::write(&dir.join("README.md"), &filled(README, name))
}

fn filled(template: &str, name: &str) -> String {
    template
        .replace("{{name}}", name)
        .replace("{{class_id}}", &snake_case(name))
        .replace("{{Type}}", &camel_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::program_manifest;
    use crate::policy::Policy;

    #[test]
    fn every_placeholder_is_filled() {
        for template in [SCRIPT, POLICY, README] {
            let text = filled(template, "my-worker");
            assert!(!text.contains("{{"), "{text}");
        }
    }

    #[test]
    fn the_script_requests_nothing_and_the_policy_grants_nothing() {
        let script = filled(SCRIPT, "my-worker");
        let manifest = program_manifest(Path::new("my_worker.py"), script.as_bytes()).unwrap();
        assert!(manifest.requests.is_empty());
        assert_eq!(manifest.package_version, "0.1.0");
        let policy = Policy::parse(POLICY, "policy.toml").unwrap();
        assert_eq!(policy, Policy::default());
    }

    #[test]
    fn a_script_is_not_called_as_a_module_that_it_needs() {
        assert!(TAKEN.is_sorted());
        for taken in ["json", "Serial", "class"] {
            check_not_taken(taken).unwrap_err();
        }
        check_not_taken("my-worker").unwrap();
    }
}
