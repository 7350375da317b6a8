//! Everything that can go wrong, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::component::WasmKind;
use crate::javascript::{JS_COMPILER, JS_COMPILER_VERSION};
use crate::toolchain::GUEST_TOOLCHAIN;

/// Why a guest could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No Rust at all.
    #[error(
        "`{program}` was not found: {source}; install Rust with rustup (https://rustup.rs) and \
         start a new shell, so that it is on PATH"
    )]
    NoRust {
        /// What was looked for.
        program: String,
        /// What the system said.
        source: io::Error,
    },

    /// No Node.js, or a part of it is missing.
    #[error(
        "`{program}` was not found; install Node.js with npm, for example with \
         `apt-get install nodejs npm` on Debian"
    )]
    NoNode {
        /// What was looked for.
        program: &'static str,
    },

    /// The compiler of JavaScript is not there.
    #[error("{JS_COMPILER} is not installed: {why}; type:\n  {}", js_install(dir, *is_listed))]
    NoJsCompiler {
        /// The worker's folder.
        dir: PathBuf,
        /// Whether its `package.json` lists the compiler.
        is_listed: bool,
        /// Why it was not installed.
        why: String,
    },

    /// The runtime of Python is not there, and was not made.
    #[error("the runtime of Python is not there: {why}; type:\n  ewh python prepare")]
    NoPythonRuntime {
        /// Why it was not made.
        why: String,
    },

    /// Packages that a program in Python needs cannot be had.
    #[error("the packages that it needs cannot be had ({names}): {why}")]
    NoPythonPackages {
        /// Which.
        names: String,
        /// Why not.
        why: String,
    },

    /// A `package.json` says something else than a worker's.
    #[error("{} is wrong: {problem}", path.display())]
    WrongPackage {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// Nothing builds the target here, and nothing could be installed.
    #[error("{}", no_target(tried))]
    NoTarget {
        /// One sentence for each way that was tried.
        tried: Vec<String>,
    },

    /// The variable that chooses one has none of its values.
    #[error(
        "{GUEST_TOOLCHAIN} is `{asked}`, which is not a toolchain; set it to rustup, debian or auto"
    )]
    NoSuchToolchain {
        /// What it is set to.
        asked: String,
    },

    /// Packages are missing, and could not be installed.
    #[error(
        "missing: {missing}; {why}; on Debian type:\n  apt-get update && \
         apt-get install -y --no-install-recommends {missing}"
    )]
    NoPackages {
        /// Their names.
        missing: String,
        /// Why they were not installed.
        why: String,
    },

    /// A helper program ran and failed.
    #[error("`{command}` failed ({status}){}", indented(output))]
    Command {
        /// What to type to see it fail again.
        command: String,
        /// The exit status, or that it took too long.
        status: String,
        /// The code that it exited with, if it did.
        code: Option<i32>,
        /// The end of what it printed.
        output: String,
    },

    /// A file operation failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The verb of the sentence.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Cargo's output was not what its documentation says.
    #[error(
        "cannot read what cargo says ({source}); is this cargo older than {}?",
        minimum()
    )]
    Protocol {
        /// What the parser said.
        source: serde_json::Error,
    },

    /// There is no Rust project where one was expected.
    #[error("{} has no Cargo.toml; run this inside a guest's directory or name one", dir.display())]
    NoManifest {
        /// Where it was looked for.
        dir: PathBuf,
    },

    /// A named package is not in the workspace.
    #[error("there is no package `{package}` in the workspace {}", workspace.display())]
    NoPackage {
        /// The name.
        package: String,
        /// The root of the workspace.
        workspace: PathBuf,
    },

    /// The code does not compile, or cargo refused. The diagnostics went to the progress already.
    #[error("cannot build {what}; the messages above say why")]
    Compile {
        /// The packages.
        what: String,
        /// The compiler's messages, rendered, for those who show no progress.
        rendered: String,
    },

    /// A package that makes no component.
    #[error(
        "the package `{package}` makes no component: add `[lib]` with \
         `crate-type = [\"cdylib\"]` to its Cargo.toml"
    )]
    NoComponent {
        /// The package.
        package: String,
    },

    /// The linker wrote something else.
    #[error(
        "{} is {found}, not a WebAssembly component: the linker `wasm-component-ld` was not used; \
         check that no `linker` is set for {target} in a .cargo/config.toml",
        path.display(), target = crate::TARGET
    )]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: WasmKind,
    },
}

impl Error {
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

fn minimum() -> &'static str {
    env!("CARGO_PKG_RUST_VERSION")
}

fn no_target(tried: &[String]) -> String {
    let mut text = format!("this machine cannot build for {} yet", crate::TARGET);
    for attempt in tried {
        text.push_str("\n  - ");
        text.push_str(attempt);
    }
    text.push_str("\ntype one of these, then try again:\n  ");
    text.push_str(&crate::toolchain::rustup_command().join(" "));
    text.push_str("      (with Rust from https://rustup.rs)\n  apt-get update && ");
    text.push_str(&crate::toolchain::apt_command().join(" "));
    text.push_str("      (on Debian, as root, beside Rust from rustup)");
    text
}

fn js_install(dir: &Path, is_listed: bool) -> String {
    let dir = crate::command::quote(dir.as_os_str());
    if is_listed {
        return format!("cd {dir} && npm install");
    }
    format!("cd {dir} && npm install --save-dev --save-exact {JS_COMPILER}@{JS_COMPILER_VERSION}")
}

fn indented(output: &str) -> String {
    let lines = output.lines().map(|line| format!("\n  {line}"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_target_says_what_to_type() {
        let error = Error::NoTarget {
            tried: vec!["rustup is not installed".into()],
        };
        let text = error.to_string();
        assert!(text.contains("\n  - rustup is not installed\n"), "{text}");
        assert!(
            text.contains("\n  rustup target add wasm32-wasip2 "),
            "{text}"
        );
        assert!(text.contains("rustc-web rust-web-src wasi-libc"), "{text}");
    }

    #[test]
    fn command_output_is_indented_below_the_sentence() {
        let error = Error::Command {
            command: "apt-get update".into(),
            status: "exit status: 100".into(),
            code: Some(100),
            output: "E: one\nE: two".into(),
        };
        let expected = "`apt-get update` failed (exit status: 100)\n  E: one\n  E: two";
        assert_eq!(error.to_string(), expected);
    }
}
