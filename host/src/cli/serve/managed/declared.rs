//! What an operator declares in files, and the host reads again when it is told to (SIGHUP): the tenants of `--tenants`,
//! beside those that the API makes, and the options of `--config`, of which it says what needs a start.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use external_worker_control::{Action, Control};
use tokio::signal::unix::{SignalKind, signal};
use toml::Table;

use crate::cli::config;
use crate::cli::error::CliError;
use crate::cli::files;
use crate::cli::output::Output;
use crate::cli::remote::parse_tenants;
use crate::limits::MAX_TENANTS_FILE_BYTES;

/// Files, as they were when the host started.
#[derive(Debug, Default)]
pub(in crate::cli::serve) struct Declared {
    /// The options.
    pub(in crate::cli::serve) options: Option<(PathBuf, Table)>,
    /// The tenants.
    pub(in crate::cli::serve) tenants: Option<PathBuf>,
}

impl Declared {
    /// Makes the tenants that are declared be as they are declared; others stay.
    ///
    /// # Errors
    /// When the file is wrong, or something of it cannot be done.
    pub(super) async fn apply(&self, control: &Control, output: &Output) -> Result<(), CliError> {
        let Some(path) = &self.tenants else {
            return Ok(());
        };
        let wrong = |problem: String| {
            CliError::Usage(format!("the tenants file `{}`: {problem}", path.display()))
        };
        let text = files::read_text(path, "tenants file", MAX_TENANTS_FILE_BYTES)?;
        let tenants = parse_tenants(&text).map_err(wrong)?;
        let steps = control.declare(tenants).await;
        let steps = steps.map_err(|problem| wrong(problem.to_string()))?;
        for step in steps {
            let done = match step.action {
                Action::Create => "made",
                Action::Change => "changed",
                Action::Remove => "removed",
                Action::Keep => continue,
            };
            output.note(&format!("{}: {done}, as the tenants file says", step.name));
        }
        Ok(())
    }

    /// Reads all again whenever the host is told to. What is wrong then is said, and all stays as it was.
    ///
    /// # Errors
    /// When the machine refuses to tell.
    pub(super) async fn follow(
        &self,
        control: &Control,
        output: &Output,
    ) -> Result<Infallible, CliError> {
        let mut told = signal(SignalKind::hangup()).map_err(CliError::Machine)?;
        loop {
            if told.recv().await.is_none() {
                return std::future::pending().await;
            }
            output.note("reading the configuration again");
            if let Some((file, before)) = &self.options {
                match config::read(file) {
                    Ok(now) => tell_of_options(file, before, &now, output),
                    Err(error) => output.note(&error.to_string()),
                }
            }
            if let Err(error) = self.apply(control, output).await {
                output.note(&error.to_string());
            }
        }
    }
}

/// Says which options are others now: none of them changes while the host runs.
fn tell_of_options(file: &Path, before: &Table, now: &Table, output: &Output) {
    for key in different(before, now) {
        let file = file.display();
        output.note(&format!("{file}: `{key}` counts from the next start on"));
    }
}

/// The keys whose values differ.
fn different<'a>(before: &'a Table, now: &'a Table) -> Vec<&'a str> {
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    let other = now
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value));
    let other = other.map(|(key, _)| key);
    gone.chain(other).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let read = |text: &str| text.parse::<Table>().unwrap();
        let (before, now) = (
            read("port = 1\nname = \"a\"\ndata = \"b\"\n"),
            read("port = 2\nname = \"a\"\nmetrics = \"c\"\n"),
        );
        assert_eq!(different(&before, &now), ["data", "metrics", "port"]);
        assert!(different(&before, &before).is_empty());
    }
}
