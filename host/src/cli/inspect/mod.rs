//! `ewh inspect`: what a component says of itself, and what it would need. Nothing is granted.

use std::path::PathBuf;

use clap::Args;

use super::error::{CliError, Exit};
use super::output::Output;
use super::{CacheOptions, load};
use crate::limits::Budget;

mod report;
mod text;

/// Show what is in a component: classes, methods, configuration, and the grants that it needs
///
/// The component describes itself with nothing granted; it is not started.
#[derive(Debug, Args)]
pub struct InspectCommand {
    /// The component, such as a file that `ewh build` made
    #[arg(value_name = "FILE")]
    component: PathBuf,
}

impl InspectCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let engine = load::engine(cache)?;
        let component = load::component(&engine, &self.component, output)?;
        let classes = {
            let _progress = output.progress("asking the component to describe itself");
            load::runtime()?.block_on(component.describe(&Budget::default()))?
        };
        let report = report::Report::new(&self.component, &component, &classes);
        if output.is_json() {
            output.print_json(&report)?;
        } else {
            output.print(&text::render(&report, output.stdout()))?;
        }
        Ok(Exit::Ok)
    }
}
