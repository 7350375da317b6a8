//! The command `ewh`: parse, execute, say what went wrong, exit. Nothing else prints errors or exits.

use std::process::ExitCode;

use clap::Parser;
use external_worker_host::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.output();
    cli.execute(&output)
        .unwrap_or_else(|error| output.failed(&error))
        .into()
}
