//! `ewh audit`: what the audit log of `ewh serve --audit` says, and whether it is whole.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::CacheOptions;
use super::error::{CliError, Exit};
use super::files;
use super::output::{Output, Style};
use super::remote::{AuditOf, ContextArgs, show_audit};
use crate::audit::{Broken, Checkpoint, Filter, Key, Kind, Line, Stamp, Verified, read, verify};

/// Longest file with a checkpoint, which is one line.
const MAX_CHECKPOINT_BYTES: u64 = 1024;
/// Most records that `--last` keeps: they are held in memory.
const MAX_LAST: u64 = 100_000;

/// Show, verify and export the audit log
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show what happened
    Show(ShowCommand),
    /// Check that no line was changed, removed, inserted or moved
    Verify(VerifyCommand),
    /// Write records for other programs
    Export(ExportCommand),
}

impl AuditCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        match self {
            Self::Show(command) => command.execute(output, cache),
            Self::Verify(command) => command.execute(output),
            Self::Export(command) => command.execute(output),
        }
    }
}

/// Which records.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Only what happened at this time or later, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", requires = "dir")]
    since: Option<Stamp>,
    /// Only what happened before this time
    #[arg(long, value_name = "TIME", requires = "dir")]
    until: Option<Stamp>,
    /// Only this kind of event, such as `denied`; may be repeated
    #[arg(long, value_name = "KIND")]
    kind: Vec<Kind>,
    /// Only what concerns this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only what concerns the instance with this uuid
    #[arg(long, value_name = "UUID", requires = "dir")]
    instance: Option<String>,
}

impl FilterArgs {
    /// Each record that fits goes to `each`.
    fn each(
        self,
        dir: &Path,
        last: Option<usize>,
        mut each: impl FnMut(&Line) -> Result<(), CliError>,
    ) -> Result<Exit, CliError> {
        let filter = Filter {
            since: self.since,
            until: self.until,
            kinds: self.kind,
            tenant: self.tenant,
            instance: self.instance,
            before: None,
            last,
        };
        let wrong = |error: crate::audit::ReadError| CliError::Usage(error.to_string());
        for line in read(dir, filter).map_err(wrong)? {
            each(&line.map_err(wrong)?)?;
        }
        Ok(Exit::Ok)
    }
}

/// Show what happened
///
/// Without a directory the host that you operate is asked. Who has a token of a tenant sees what concerns that one.
#[derive(Debug, Args)]
pub struct ShowCommand {
    /// The directory of the log, if it is on this machine
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The context of the host that is asked, if it is not the current one
    #[arg(long, value_name = "NAME", conflicts_with = "dir")]
    context: Option<String>,
    /// So many of the last records that fit
    #[arg(long, default_value_t = 50, value_name = "COUNT",
        value_parser = clap::value_parser!(u64).range(1..=MAX_LAST))]
    last: u64,
}

impl ShowCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let last = usize::try_from(self.last).ok();
        let Some(dir) = self.dir else {
            let context = self.context;
            let of = AuditOf {
                kinds: self.filter.kind,
                tenant: self.filter.tenant,
                last: last.unwrap_or(usize::MAX),
            };
            return show_audit(&ContextArgs { context }, &of, output, cache);
        };
        self.filter.each(&dir, last, |line| {
            if output.is_json() {
                return output.print(line.json());
            }
            output.print(&shown(line, output))
        })
    }
}

/// A record on one line.
fn shown(line: &Line, output: &Output) -> String {
    let entry = &line.entry;
    let record = &entry.record;
    let whose = [&record.tenant, &record.module, &record.instance];
    let whose: Vec<_> = whose.into_iter().flatten().map(|it| &**it).collect();
    let said = [&record.who, &record.what, &record.reason];
    let said: Vec<_> = said.into_iter().flatten().map(|it| &**it).collect();
    let mut text = row(
        &entry.at.to_string(),
        record.event.label(),
        &whose.join("/"),
        &said.join(": "),
        output,
    );
    for (count, what) in [(record.more, "more of them"), (record.lost, "lost")] {
        if let Some(count) = count {
            text.push_str(&format!(" ({count} {what})"));
        }
    }
    text
}

/// When what happened to whom, and what is said of it.
pub(super) fn row(at: &str, event: &str, whose: &str, said: &str, output: &Output) -> String {
    let style = match event.parse::<Kind>() {
        Ok(Kind::Denied | Kind::LoginFailed | Kind::Kill | Kind::Gap) => Style::Red,
        Ok(Kind::Revoke | Kind::TokenRevoked | Kind::Restart | Kind::Limit) => Style::Yellow,
        _ => Style::Green,
    };
    let event = output.stdout().paint(style, &format!("{event:<13}"));
    let mut text = format!("{at} {event} {whose}");
    if !said.is_empty() {
        text.push_str(&format!("  {said}"));
    }
    text
}

/// Write records for other programs
#[derive(Debug, Args)]
pub struct ExportCommand {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
    /// As what
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// How records are written.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// A JSON object a line, as they are in the log
    #[default]
    Jsonl,
    /// For spreadsheets
    Csv,
}

impl ExportCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        if matches!(self.format, Format::Csv) {
            output.print(Line::CSV_HEADER)?;
        }
        self.filter.each(&self.dir, None, |line| match self.format {
            Format::Jsonl => output.print(line.json()),
            Format::Csv => output.print(&line.csv()),
        })
    }
}

/// Check that no line was changed, removed, inserted or moved
///
/// The log alone shows what was done by whoever does not have its key. With a checkpoint that was kept elsewhere,
/// also that it was replaced by an older copy, cut off together with its head, or written anew by somebody who has
/// the key.
#[derive(Debug, Args)]
pub struct VerifyCommand {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The file with the key of the log [default: `key` in its directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A checkpoint that an earlier `verify` wrote: the log has to be its continuation
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Write a checkpoint of the log as it is now into this file, to be kept elsewhere
    #[arg(long, value_name = "FILE")]
    write_checkpoint: Option<PathBuf>,
}

/// What `ewh audit verify --json` prints. The names of the fields are stable.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether the log is whole.
    ok: bool,
    /// What is wrong, where, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    records: u64,
    files: usize,
    /// Gaps that the log itself tells of.
    gaps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

impl VerifyCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let usage = |problem: String| CliError::Usage(problem);
        let file = self.key.clone().unwrap_or_else(|| self.dir.join("key"));
        let key = Key::read(&file).map_err(|error| usage(error.to_string()))?;
        let checkpoint = self
            .checkpoint
            .as_deref()
            .map(read_checkpoint)
            .transpose()?;
        let found = {
            let _progress = output.progress("verifying");
            verify(&self.dir, &key, checkpoint.as_ref())
        };
        if let (Ok(verified), Some(to)) = (&found, &self.write_checkpoint) {
            let line = format!("{}\n", verified.checkpoint);
            files::write(to, line.as_bytes())?;
        }
        if output.is_json() {
            output.print_json(&Report::of(&found))?;
        } else {
            output.print(&told(&found, output))?;
        }
        match found {
            Ok(_) => Ok(Exit::Ok),
            Err(broken) if broken.is_unreadable() => Err(CliError::Usage(broken.to_string())),
            Err(_) => Ok(Exit::WorkerFailed),
        }
    }
}

fn read_checkpoint(path: &Path) -> Result<Checkpoint, CliError> {
    let text = files::read_text(path, "checkpoint", MAX_CHECKPOINT_BYTES)?;
    let parsed = text.parse();
    parsed.map_err(|error: crate::audit::NotACheckpoint| CliError::Usage(error.to_string()))
}

impl Report {
    fn of(found: &Result<Verified, Broken>) -> Self {
        match found {
            Ok(verified) => Self {
                ok: true,
                problem: None,
                records: verified.records,
                files: verified.files,
                gaps: verified.gap_count,
                checkpoint: Some(verified.checkpoint.to_string()),
            },
            Err(broken) => Self {
                ok: false,
                problem: Some(broken.to_string()),
                records: 0,
                files: 0,
                gaps: 0,
                checkpoint: None,
            },
        }
    }
}

fn told(found: &Result<Verified, Broken>, output: &Output) -> String {
    let painter = output.stdout();
    let verified = match found {
        Ok(verified) => verified,
        Err(broken) => return painter.paint(Style::Red, &broken.to_string()),
    };
    let whole = format!(
        "the log is whole: {} records in {} files, from {} to {}",
        verified.records, verified.files, verified.first_at, verified.last_at
    );
    let mut text = painter.paint(Style::Green, &whole);
    for gap in &verified.gaps {
        let told = format!(
            "\nat {} it says itself that records are missing ({} never written, {} gone): {}",
            gap.at, gap.lost, gap.missing, gap.reason
        );
        text.push_str(&painter.paint(Style::Red, &told));
    }
    let hidden = verified
        .gap_count
        .saturating_sub(u64::try_from(verified.gaps.len()).unwrap_or(0));
    if hidden > 0 {
        text.push_str(&format!("\nand {hidden} more gaps"));
    }
    if verified.clock_set_back > 0 {
        let times = verified.clock_set_back;
        text.push_str(&format!("\nthe clock was set back {times} times"));
    }
    text.push_str(&format!("\ncheckpoint  {}", verified.checkpoint));
    text
}
