//! `ewh` as the tests start it: the same command line, built with what the tests are built with.

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
