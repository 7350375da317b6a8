//! A worker in JavaScript: its class, its package, and the SDK, which is one file.

use std::path::Path;

use external_worker_build::{JS_COMPILER, JS_COMPILER_VERSION};

use super::super::error::CliError;
use super::{camel_case, snake_case};
use crate::limits::MAX_SHOWN_CHARS;
use crate::text;

/// The file of the SDK.
pub(super) const SDK: &str = "external-worker.js";

const FILES: [(&str, &str); 6] = [
    ("package.json", include_str!("package.json.template")),
    ("worker.js", include_str!("worker.js.template")),
    ("policy.toml", include_str!("policy.toml.template")),
    ("README.md", include_str!("README.md.template")),
    (
        SDK,
        include_str!("../../../../../guest-sdk/js/external-worker.js"),
    ),
    (
        "external-worker.d.ts",
        include_str!("../../../../../guest-sdk/js/external-worker.d.ts"),
    ),
];
/// The class of the SDK, beside which a worker's own stands.
const TAKEN: &str = "Worker";
const IGNORED: &str = "/node_modules\n/dist\n/*.wasm\n";

/// Whether a class can be called after `name`.
pub(super) fn check_not_taken(name: &str) -> Result<(), CliError> {
    if camel_case(name) != TAKEN {
        return Ok(());
    }
    let shown = text::spelled(name, MAX_SHOWN_CHARS);
    Err(CliError::Usage(format!(
        "the name `{shown}` is taken by the SDK; choose another, such as `my-{shown}`"
    )))
}

/// Puts the worker `name` into `dir`.
pub(super) fn write(name: &str, dir: &Path) -> Result<(), CliError> {
    for (file, template) in FILES {
        super::write(&dir.join(file), &filled(template, name))?;
    }
    super::write(&dir.join(".gitignore"), IGNORED)
}

fn filled(template: &str, name: &str) -> String {
    template
        .replace("{{name}}", name)
        .replace("{{class_id}}", &snake_case(name))
        .replace("{{Type}}", &camel_case(name))
        .replace("{{compiler}}", JS_COMPILER)
        .replace("{{version}}", JS_COMPILER_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled() {
        for (file, template) in FILES {
            let text = filled(template, "my-worker");
            assert!(!text.contains("{{"), "{file}: {text}");
        }
    }

    #[test]
    fn a_class_is_not_called_as_that_of_the_sdk() {
        for taken in ["worker", "Worker"] {
            check_not_taken(taken).unwrap_err();
        }
        check_not_taken("my-worker").unwrap();
    }

    #[test]
    fn the_policy_grants_nothing_and_its_examples_are_right() {
        let (_, policy) = FILES[2];
        let parse = |text: &str| crate::policy::Policy::parse(text, "policy.toml");
        assert_eq!(parse(policy).unwrap(), crate::policy::Policy::default());
        let lines = policy.lines().skip_while(|line| !line.is_empty());
        let uncommented: Vec<_> = lines
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .collect();
        let policy = parse(&uncommented.join("\n")).unwrap();
        assert!(policy.grants(crate::policy::Capability::Clocks));
    }
}
