//! `ewh test-one`: the host of one test. It reads a wish, does it, and says what came of it, until nobody
//! wishes any more. Time passes only while a wish is done: it stands still while the test thinks.

use std::io::{self, BufRead as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value as Json;

use super::super::error::{CliError, Exit};
use super::super::output::Output;
use super::super::{CacheOptions, load};
use super::running::{Running, Teller};
use super::wire::{Answer, Problem, Reply, Wish};
use crate::error::ErrorCode;
use crate::executor::Simulated;
use crate::limits;

/// Run a component for a test
///
/// Tests that `ewh test` runs start this. It reads lines of JSON from standard input.
#[derive(Debug, Args)]
pub struct TestOneCommand {
    /// The component
    #[arg(value_name = "FILE")]
    component: PathBuf,
}

impl TestOneCommand {
    pub(in super::super) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        let engine = load::engine(cache)?;
        let component = load::component(&engine, &self.component, output)?;
        let time = Simulated::new().map_err(CliError::Machine)?;
        let mut running: Option<(Running, Teller)> = None;
        while let Some(wish) = next_wish()? {
            let answer = match (wish, &mut running) {
                (Err(problem), _) => Err(problem),
                (Ok(wish), Some((running, teller))) => {
                    time.block_on(teller.hear(running.fulfil(wish)))
                }
                (
                    Ok(Wish::Start {
                        class,
                        config,
                        script,
                    }),
                    None,
                ) => {
                    let wanted = (class, config, *script);
                    let started = Running::start(&component, wanted, time.executor());
                    time.block_on(started).map(|started| {
                        running = Some(started);
                        Json::Null
                    })
                }
                (Ok(_), None) => {
                    let text = "the component does not run; start it first";
                    Err(Problem::new(ErrorCode::Unavailable, text))
                }
            };
            output.print_json_line(&reply(answer, running.as_mut()))?;
        }
        Ok(Exit::Ok)
    }
}

fn reply(answer: Result<Json, Problem>, running: Option<&mut (Running, Teller)>) -> Reply {
    let (told, lost) = match running {
        Some((_, teller)) => (
            std::mem::take(&mut teller.told),
            std::mem::take(&mut teller.lost),
        ),
        None => (Vec::new(), 0),
    };
    let answer = answer.map_or_else(Answer::Error, Answer::Ok);
    Reply { answer, told, lost }
}

/// The next line that the test writes; `None`: it is over.
fn next_wish() -> Result<Option<Result<Wish, Problem>>, CliError> {
    let mut line = Vec::new();
    let most = limits::MAX_SCRIPT_BYTES as u64;
    let mut input = io::stdin().lock().take(most);
    let length = input
        .read_until(b'\n', &mut line)
        .map_err(CliError::Machine)?;
    if length == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        let problem = format!("a test said more than {most} bytes at once, or stopped halfway");
        return Err(CliError::Usage(problem));
    }
    let wish = serde_json::from_slice(&line);
    Ok(Some(wish.map_err(|error| {
        let text = format!(
            "this host does not understand the test's SDK: {error}; use the same version of both"
        );
        Problem::new(ErrorCode::InvalidInput, text)
    })))
}
