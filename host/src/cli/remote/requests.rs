//! `ewh requests`: what the modules of a tenant lack, why, and what would grant it.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::route::Route;
use super::{Remote, TenantArgs, word};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::{Output, Style};
use crate::policy::Capability;

/// See what modules request of the host and are not granted
#[derive(Debug, Subcommand)]
pub enum RequestsCommand {
    /// List what modules lack, with their reasons and with lines that grant it
    List(ListCommand),
}

/// List what modules lack, with their reasons and with lines that grant it
#[derive(Debug, Args)]
pub struct ListCommand {
    #[command(flatten)]
    of: TenantArgs,
}

/// What a module lacks.
#[derive(Debug, Serialize, Deserialize)]
struct Lack {
    module: String,
    capability: String,
    reason: String,
}

impl RequestsCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        let Self::List(ListCommand { of }) = self;
        let (remote, tenant) = Remote::open_tenant(&of, output, cache)?;
        let what = format!("list what the modules of `{tenant}` lack");
        let lacks: Vec<Lack> = remote.list(&what, &Route::of(&tenant, &["requests"]))?;
        if output.is_json() {
            let lacks: Vec<_> = lacks.iter().map(reported).collect();
            output.print_json(&json!({ "requests": lacks }))?;
            return Ok(Exit::Ok);
        }
        for lack in &lacks {
            output.print(&shown(lack, output))?;
        }
        let tenant = word(&tenant);
        output.note(&match lacks.is_empty() {
            true => format!("the modules of {tenant} lack nothing"),
            false => format!(
                "grant what you want them to have, with lines of your own: \
                 ewh grants add --tenant {tenant} --module MODULE 'LINES'"
            ),
        });
        Ok(Exit::Ok)
    }
}

/// Lines that grant it, to be adapted.
fn example(lack: &Lack) -> Option<&'static str> {
    Capability::from_name(&lack.capability).map(Capability::example)
}

fn reported(lack: &Lack) -> serde_json::Value {
    json!({
        "module": lack.module, "capability": lack.capability, "reason": lack.reason,
        "example": example(lack),
    })
}

fn shown(lack: &Lack, output: &Output) -> String {
    let painter = output.stdout();
    let mut text = format!(
        "{} lacks {}: {}",
        painter.paint(Style::Bold, &word(&lack.module)),
        painter.paint(Style::Yellow, &word(&lack.capability)),
        word(&lack.reason)
    );
    for line in example(lack).into_iter().flat_map(str::lines) {
        text.push_str(&painter.paint(Style::Dim, &format!("\n    {line}")));
    }
    text
}
