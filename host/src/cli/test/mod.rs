//! `ewh test`: an author's tests, in which the component itself runs on this host, among devices that the tests
//! script. In Python, [`python`], the tests run in the sandbox themselves.
//!
//! The tests in Rust are plain `cargo test`s of the author's crate, which compiles no engine for them. Two variables name
//! this program and the component; `external_worker::testing` in the tests starts the program as `ewh test-one`
//! for each component that a test runs, and talks to it in lines of JSON: [`wire`] says which, [`one`] answers
//! them, [`running`] is the instance.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use clap::Args;
use external_worker_build::{BuildRequest, ProjectKind, project_kind};
use serde_json::json;

use super::build;
use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, load};
use crate::component::is_script;

mod one;
mod python;
mod running;
mod wire;

pub use one::TestOneCommand;

/// Names this program to the tests.
const PROGRAM_VARIABLE: &str = "EWH_TEST_PROGRAM";
/// Names the component to the tests.
const COMPONENT_VARIABLE: &str = "EWH_TEST_COMPONENT";
/// Names the directory of compiled components to those that the tests start.
const CACHE_VARIABLE: &str = "EWH_CACHE_DIR";

/// Build a worker, and run its tests with the component on this host
///
/// Builds the component as `ewh build` does and runs `cargo test` in the crate, with the tests that are
/// ignored otherwise. A test that starts its worker with `bench.start_component` runs the component as `ewh`
/// runs it everywhere, among devices that the test scripts and on simulated time.
///
/// What comes after `--` goes to `cargo test`: `ewh test -- NAME`, `ewh test -- --lib`.
///
/// Of a worker in Python it runs the files `test_….py` by Python's own unittest, in the sandbox and beside the
/// worker: those beside a script, or in the folder `tests` of a program. What comes after `--` are parts of
/// the names of tests.
#[derive(Debug, Args)]
pub struct TestCommand {
    /// The directory of the crate or workspace, or of the program in Python, or its script
    #[arg(default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// The package of a workspace whose component it is, and whose tests run
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,
    /// Build the component without optimisations, which takes less time
    #[arg(long)]
    dev: bool,
    /// Run only the tests that a plain `cargo test` leaves out
    #[arg(long)]
    ignored: bool,
    /// What the tests of a worker in Python are granted; without one, nothing is
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What `cargo test` is given, or parts of the names of tests in Python
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

impl TestCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        if is_script(&self.dir) || project_kind(&self.dir) == ProjectKind::Python {
            return python::test(&self.dir, &self.arguments, self.policy, output, cache);
        }
        if self.policy.is_some() {
            let problem = "--policy is for workers in Python; the tests of a crate say what is granted themselves";
            return Err(CliError::Usage(problem.to_owned()));
        }
        let component = self.build(output)?;
        // So that what is wrong with the component is said once, and no test waits for the compiler.
        let engine = load::engine(cache)?;
        load::component(&engine, &component, output)?;
        drop(engine);
        let compiled = self.cargo(output, cache, &component, None)?;
        if !compiled.success() {
            let problem = "the tests do not compile; what cargo says above names the place";
            return Err(CliError::CannotBuild(problem.to_owned()));
        }
        let which = if self.ignored {
            "--ignored"
        } else {
            "--include-ignored"
        };
        let ran = self.cargo(output, cache, &component, Some(which))?;
        if output.is_json() {
            output.print_json(&json!({
                "component": component.display().to_string(),
                "passed": ran.success(),
            }))?;
        }
        Ok(match ran.success() {
            true => Exit::Ok,
            false => Exit::WorkerFailed,
        })
    }

    fn build(&self, output: &Output) -> Result<PathBuf, CliError> {
        let request = BuildRequest {
            packages: self.package.iter().cloned().collect(),
            release: !self.dev,
            color: output.is_live(),
            ..BuildRequest::new(&self.dir)
        };
        let built = build::build(&request, output)?;
        match built.as_slice() {
            [one] => Ok(std::path::absolute(&one.path).map_err(CliError::Machine)?),
            several => {
                let names: Vec<_> = several.iter().map(|it| it.package.as_str()).collect();
                Err(CliError::Usage(format!(
                    "`ewh test` takes one component, and these were built: {}; add --package",
                    names.join(", ")
                )))
            }
        }
    }

    /// `cargo test` with what the author gave it, for the tests that `which` says; `None`: it only compiles them.
    /// What it prints is for people.
    fn cargo(
        &self,
        output: &Output,
        cache: &CacheOptions,
        component: &Path,
        which: Option<&str>,
    ) -> Result<ExitStatus, CliError> {
        let mut cargo = Command::new("cargo");
        external_worker_build::without_outer_build(&mut cargo);
        let program = std::env::current_exe().map_err(CliError::Machine)?;
        cargo
            .arg("test")
            .args(self.package.iter().flat_map(|name| ["--package", name]))
            .args(which.is_none().then_some("--no-run"))
            .args(&self.arguments)
            .args(
                which
                    .into_iter()
                    .flat_map(|which| to_tests(&self.arguments, which)),
            )
            .current_dir(&self.dir)
            .env(PROGRAM_VARIABLE, program)
            .env(COMPONENT_VARIABLE, component)
            .stdin(Stdio::null());
        if let Some(dir) = &cache.cache_dir {
            let dir = std::path::absolute(dir).map_err(CliError::Machine)?;
            cargo.env(CACHE_VARIABLE, dir);
        }
        if output.is_json() {
            cargo.stdout(std::io::stderr());
        }
        cargo.status().map_err(|error| {
            CliError::CannotBuild(format!(
                "cannot run `cargo test`: {error}; install Rust, see https://rustup.rs"
            ))
        })
    }
}

/// What gives the tests `which`, behind the arguments of the author, who may have given them some already.
fn to_tests<'a>(given: &[String], which: &'a str) -> Vec<&'a str> {
    let has_divider = given.iter().any(|argument| argument == "--");
    let divider = (!has_divider).then_some("--");
    divider.into_iter().chain([which]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_are_given_comes_behind_one_divider() {
        let given = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let which = "--ignored";
        assert_eq!(to_tests(&given("--lib name"), which), ["--", which]);
        assert_eq!(to_tests(&given("-- --nocapture"), which), [which]);
    }
}
