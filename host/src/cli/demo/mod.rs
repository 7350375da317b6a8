//! `ewh demo`: the main job, from nothing. It prepares the guest toolchain, builds the examples,
//! starts them under their policies against a real serial line and a real TCP server, and shows
//! that loops turn, calls answer, configuration changes, what is not granted stays out of reach, and
//! a guest that spins harms nobody but itself.

mod report;
mod resp;
mod steps;

use clap::Args;

pub use resp::RespServer;

use report::Report;

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, load};
use crate::engine::Engine;

/// Show the host at work on real input: a serial line, a TCP server, a folder
#[derive(Debug, Args)]
pub struct DemoCommand {
    /// Run every step once, unattended; exit with 0 only if every step succeeds
    #[arg(long)]
    once: bool,
}

impl DemoCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let mut report = Report::new(output.stdout());
        let engine = load::engine(cache)?;
        let held = load::runtime()?.block_on(self.run(&mut report, engine));
        Ok(if held { Exit::Ok } else { Exit::WorkerFailed })
    }

    async fn run(self, report: &mut Report, engine: Engine) -> bool {
        let stage = steps::run(report, engine).await;
        if let Some(stage) = stage {
            if !self.once {
                report.say("The workers go on; Ctrl-C ends them.");
                stage.watch_until_interrupted(report).await;
            }
            stage.close(report).await;
        }
        report.summary()
    }
}
