//! `ewh new`: a worker to start from, that builds and runs as it is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::error::{CliError, Exit};
use super::files;
use super::output::Output;
use crate::error::HostError;
use crate::limits::MAX_SHOWN_CHARS;
use crate::text;
use sdk::Sdk;

mod javascript;
mod python;
mod sdk;

const MANIFEST: &str = include_str!("Cargo.toml.template");
const SOURCE: &str = include_str!("lib.rs.template");
const POLICY: &str = include_str!("policy.toml.template");
const README: &str = include_str!("README.md.template");
const CHECK: &str = include_str!("check.yml.template");
/// What the crate says of its own pipeline.
const CHECKED: &str = "`.github/workflows/check.yml` builds and\nvalidates it on GitHub.";
const UNCHECKED: &str = "It has no workflow for\nCI, since no other machine has its SDK, which is a directory \
    of this one; `ewh new --sdk GIT-URL` writes one.";
const IGNORED: &str = "/target\n/*.wasm\n";

const MAX_NAME_CHARS: usize = 64;

/// Names that cargo or the linker need for themselves.
const TAKEN: &[&str] = &[
    "external-worker",
    "test",
    "core",
    "std",
    "alloc",
    "proc-macro",
    "proc_macro",
];

/// Make a folder for a new worker
#[derive(Debug, Args)]
pub struct NewCommand {
    /// The name of the worker; the class id is derived from it
    name: String,
    /// The language that it is written in
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// The directory of the worker [default: one with its name]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Where the SDK of a crate comes from: the directory `guest-sdk` of a clone, the git URL of the repository, with
    /// `#REVISION` for a certain one, or a version that a registry of cargo has [default: the checkout that
    /// this command was built from]
    #[arg(long, value_name = "PATH|GIT-URL|VERSION")]
    sdk: Option<String>,
}

/// What workers are written in.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Language {
    /// A crate of the Rust SDK
    #[default]
    Rust,
    /// JavaScript, for the compiler componentize-qjs
    Js,
    /// Python: a script, which is not built
    Python,
}

impl NewCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let dir = self
            .path
            .clone()
            .unwrap_or_else(|| PathBuf::from(&self.name));
        match self.lang {
            Language::Rust => self.rust(&dir, output)?,
            Language::Js => self.javascript(&dir, output)?,
            Language::Python => self.python(&dir, output)?,
        }
        Ok(Exit::Ok)
    }

    fn javascript(&self, dir: &Path, output: &Output) -> Result<(), CliError> {
        if self.sdk.is_some() {
            return Err(CliError::Usage(
                "--sdk is for crates; a worker in JavaScript gets its SDK as a file of its own, so \
                 leave --sdk out"
                    .to_owned(),
            ));
        }
        check_name(&self.name)?;
        javascript::check_not_taken(&self.name)?;
        check_free(dir)?;
        javascript::write(&self.name, dir)?;
        if output.is_json() {
            return output.print_json(&json!({
                "name": self.name,
                "path": dir.display().to_string(),
                "sdk": javascript::SDK,
                "has_workflow": false,
            }));
        }
        let shown = dir.display();
        output.print(&format!("made {shown}; next: ewh build {shown}"))?;
        let sdk = javascript::SDK;
        output.print(&format!(
            "its SDK: {sdk}, a file of its own; it is built with npm"
        ))
    }

    fn python(&self, dir: &Path, output: &Output) -> Result<(), CliError> {
        if self.sdk.is_some() {
            return Err(CliError::Usage(
                "--sdk is for crates; the SDK of Python is in its runtime, so leave --sdk out"
                    .to_owned(),
            ));
        }
        check_name(&self.name)?;
        python::check_not_taken(&self.name)?;
        check_free(dir)?;
        python::write(&self.name, dir)?;
        if output.is_json() {
            return output.print_json(&json!({
                "name": self.name,
                "path": dir.display().to_string(),
                "sdk": "the runtime's own",
                "has_workflow": false,
            }));
        }
        let (shown, file) = (dir.display(), python::file(&self.name));
        output.print(&format!("made {shown}; next: ewh inspect {shown}/{file}"))
    }

    fn rust(&self, dir: &Path, output: &Output) -> Result<(), CliError> {
        check_name(&self.name)?;
        check_not_taken(&self.name)?;
        check_free(dir)?;
        let sdk = Sdk::find(self.sdk.as_deref())?;
        let install = sdk.install();
        let checked = match &install {
            Some(_) => CHECKED,
            None => UNCHECKED,
        };
        let fill = |template: &str| {
            template
                .replace("{{name}}", &self.name)
                .replace("{{class_id}}", &snake_case(&self.name))
                .replace("{{Type}}", &camel_case(&self.name))
                .replace("{{sdk}}", &sdk.dependency())
                .replace("{{checked}}", checked)
                .replace("{{install}}", install.as_deref().unwrap_or_default())
        };
        write(&dir.join("Cargo.toml"), &fill(MANIFEST))?;
        write(&dir.join("src/lib.rs"), &fill(SOURCE))?;
        write(&dir.join("policy.toml"), &fill(POLICY))?;
        write(&dir.join("README.md"), &fill(README))?;
        if install.is_some() {
            write(&dir.join(".github/workflows/check.yml"), &fill(CHECK))?;
        }
        write(&dir.join(".gitignore"), IGNORED)?;
        if output.is_json() {
            output.print_json(&json!({
                "name": self.name,
                "path": dir.display().to_string(),
                "sdk": sdk.dependency(),
                "has_workflow": install.is_some(),
            }))?;
        } else {
            let shown = dir.display();
            let (dependency, why) = (sdk.dependency(), sdk.why());
            output.print(&format!(
                "made {shown}; next: ewh test {shown}, ewh build {shown}"
            ))?;
            output.print(&format!("its SDK: external-worker = {dependency}, {why}"))?;
        }
        Ok(())
    }
}

/// What cargo and npm take as a package's name, and both languages as that of a type.
fn check_name(name: &str) -> Result<(), CliError> {
    let mut chars = name.chars();
    let is_name = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        && name.len() <= MAX_NAME_CHARS;
    let shown = text::spelled(name, MAX_SHOWN_CHARS);
    if !is_name {
        return Err(CliError::Usage(format!(
            "`{shown}` cannot be the name of a worker: begin with a letter, then use letters, \
             digits, `-` and `_`, {MAX_NAME_CHARS} characters at most, such as `my-worker`"
        )));
    }
    Ok(())
}

fn check_not_taken(name: &str) -> Result<(), CliError> {
    let shown = text::spelled(name, MAX_SHOWN_CHARS);
    if TAKEN.contains(&name) || is_keyword(name) {
        return Err(CliError::Usage(format!(
            "the name `{shown}` is taken by Rust or by the SDK; choose another, such as `my-{shown}`"
        )));
    }
    Ok(())
}

/// The words that no crate can be called by.
fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = " abstract as async await become box break const continue crate do dyn \
        else enum extern false final fn for gen if impl in let loop macro match mod move mut \
        override priv pub ref return self static struct super trait true try type typeof unsafe \
        unsized use virtual where while yield ";
    KEYWORDS
        .split_ascii_whitespace()
        .any(|keyword| keyword == name)
}

fn check_free(dir: &Path) -> Result<(), CliError> {
    let shown = dir.display();
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(CliError::Usage(format!(
                "`{shown}` exists and is not empty; choose another place with --path, or empty it"
            ))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(CliError::Usage(format!(
            "`{shown}` is a file; choose another place with --path"
        ))),
        Err(source) => Err(HostError::File {
            action: "look into",
            path: dir.to_owned(),
            source,
        }
        .into()),
    }
}

fn write(path: &Path, content: &str) -> Result<(), CliError> {
    let failed = |source| HostError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    files::write(path, content.as_bytes())
}

/// `my-worker` and `MyWorker`: `my_worker`
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        });
    }
    snake
}

/// `my-worker` and `my_worker`: `MyWorker`
fn camel_case(name: &str) -> String {
    let words = snake_case(name);
    let word = |word: &str| {
        let mut chars = word.chars();
        chars
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(chars)
            .collect::<String>()
    };
    words.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        for good in ["a", "my-worker", "my_worker2", "Thermo"] {
            check_name(good).unwrap();
            check_not_taken(good).unwrap();
        }
        for bad in ["", "2a", "-a", "_", "a b", "é", "../x"] {
            check_name(bad).unwrap_err();
        }
        for taken in ["loop", "std", "external-worker"] {
            check_not_taken(taken).unwrap_err();
        }
    }

    #[test]
    fn cases_are_converted() {
        for (name, snake, camel) in [
            ("my-worker", "my_worker", "MyWorker"),
            ("MyWorker", "my_worker", "MyWorker"),
            ("a2b", "a2b", "A2b"),
            ("x_", "x_", "X"),
        ] {
            assert_eq!(
                (snake_case(name).as_str(), camel_case(name).as_str()),
                (snake, camel)
            );
        }
    }

    /// The template is the SDK's own first example, which its tests compile.
    #[test]
    fn the_source_is_the_minimal_example_of_the_sdk() {
        let sdk = fs::read_to_string(Path::new(sdk::OF_CHECKOUT).join("src/lib.rs")).unwrap();
        let example = sdk.split("//! ```").nth(1).unwrap();
        let example: Vec<_> = example
            .lines()
            .map(|line| {
                line.trim_start_matches("//!")
                    .strip_prefix(' ')
                    .unwrap_or_default()
            })
            .filter(|line| !line.starts_with("# "))
            .collect();
        let source = SOURCE
            .replace("{{class_id}}", "my_worker")
            .replace("{{Type}}", "MyWorker");
        let source = source.split_once("\n\n").unwrap().1;
        let source = source.split_once("#[cfg(test)]").unwrap().0;
        assert_eq!(code(source), code(&example.join("\n")));
    }

    /// What the compiler sees: comments and layout differ.
    fn code(source: &str) -> String {
        let lines = source.lines().filter_map(|line| line.split("//").next());
        lines.flat_map(str::split_whitespace).collect()
    }

    #[test]
    fn the_policy_grants_nothing_and_its_examples_are_right() {
        let policy = POLICY.replace("{{name}}", "a");
        let parse = |text: &str| crate::policy::Policy::parse(text, "policy.toml");
        assert_eq!(parse(&policy).unwrap(), crate::policy::Policy::default());
        let uncommented: Vec<_> = policy
            .lines()
            .skip_while(|line| !line.is_empty())
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .collect();
        let policy = parse(&uncommented.join("\n")).unwrap();
        for capability in crate::policy::Capability::ALL {
            assert!(policy.grants(capability), "{capability}");
        }
    }
}
