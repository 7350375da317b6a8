//! `ewh completions`: what the shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::error::{CliError, Exit};
use super::output::Output;

/// Print completions for a shell; save them where the shell looks for them
#[derive(Debug, Args)]
pub struct CompletionsCommand {
    /// The shell
    shell: Shell,
}

impl CompletionsCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ewh", &mut script);
        output.print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok)
    }
}
