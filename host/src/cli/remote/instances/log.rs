//! `ewh instances log`: what an external worker logged, and what it logs from now on.

use clap::Args;
use external_worker_control::limits::MAX_PAGE;
use external_worker_control::model::LogLine;
use serde::Deserialize;

use super::Known;
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::{Output, Style};
use crate::cli::remote::client::Request;
use crate::cli::remote::error::RemoteError;
use crate::cli::remote::{TenantArgs, when};
use crate::cli::signals::Signals;
use crate::limits::{LOOK_AGAIN, MAX_TEXT_BYTES};
use crate::text::clean_line;

/// Show what an external worker logged
#[derive(Debug, Args)]
pub struct LogCommand {
    /// The uuid or the name of the external worker
    instance: String,
    /// Go on with what it logs from now on, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    of: TenantArgs,
}

/// Lines, the oldest first.
#[derive(Deserialize)]
struct Page {
    items: Vec<LogLine>,
}

impl LogCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let known = Known::find(self.instance, &self.of, output, cache)?;
        let what = known.what("read the log of");
        let lines = known.remote.wait(Some(&what), lines(&known, 0))?;
        let last = show(&lines, 0, output)?;
        match self.follow {
            true => known.remote.runtime.block_on(follow(&known, last)),
            false => Ok(Exit::Ok),
        }
    }
}

async fn lines(known: &Known<'_>, after: u64) -> Result<Vec<LogLine>, RemoteError> {
    let route = known.route(&["log"]);
    let route = route.with("after", &after.to_string());
    let route = route.with("limit", &MAX_PAGE.to_string());
    let request = Request::get(known.what("read the log of"), route);
    let page: Page = known.remote.client.ask(&request).await?;
    Ok(page.items)
}

async fn follow(known: &Known<'_>, mut last: u64) -> Result<Exit, CliError> {
    let mut signals = Signals::catch()?;
    loop {
        let next = async {
            tokio::time::sleep(LOOK_AGAIN).await;
            lines(known, last).await
        };
        let lines = tokio::select! {
            exit = signals.next() => return Ok(exit),
            lines = next => lines?,
        };
        last = show(&lines, last, known.remote.output)?;
    }
}

/// Shows lines, and says which number the last one has.
fn show(lines: &[LogLine], after: u64, output: &Output) -> Result<u64, CliError> {
    let mut last = after;
    for line in lines {
        if after > 0 && line.number > last.saturating_add(1) {
            let missed = line.number.saturating_sub(last).saturating_sub(1);
            output.note(&format!("{missed} lines came too fast to be shown"));
        }
        last = line.number.max(last);
        if output.is_json() {
            output.print_json_line(line)?;
        } else {
            output.print(&shown(line, output))?;
        }
    }
    Ok(last)
}

fn shown(line: &LogLine, output: &Output) -> String {
    let style = match &*line.level {
        "error" => Style::Red,
        "warn" => Style::Yellow,
        "info" => Style::Green,
        _ => Style::Dim,
    };
    let level = clean_line(&line.level, 8);
    let level = output.stdout().paint(style, &format!("{level:<5}"));
    let text = clean_line(&line.text, MAX_TEXT_BYTES);
    format!("{} {level} {text}", when::shown(line.at))
}
