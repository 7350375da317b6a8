//! `ewh backup`: copies of all that a host keeps, made while it runs, by its API, or while it does not; what is in them, and
//! how they come back.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use external_worker_control::AtRest;
use serde_json::json;
use tempfile::NamedTempFile;

use super::CacheOptions;
use super::error::{CliError, Exit};
use super::output::Output;
use super::remote::{ContextArgs, download_backup};
use crate::audit::Stamp;
use crate::backup::{
    BackupError, Held, LeaveOut, Place, Places, Summary, What, Workers, create, restore, verify,
    workers,
};
use crate::worker::store::{self, Lock, StoreError};

/// What is not in a copy, of which so much is shown.
const SHOWN_LEFT_OUT: usize = 20;

/// Copy all that a host keeps, and bring it back
///
/// A backup is a tar archive: the data directory, with the audit log and the secrets where the host has some. The
/// configurations of external workers are in it, with their secrets in plain, so only its owner can read it. The key of
/// the secrets of tenants is not in it: keep that one apart.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Make a backup, of a host that runs or of the directory of one that does not
    Create(CreateCommand),
    /// Check that all of a backup is what was written, and say what is in it
    Verify(VerifyCommand),
    /// Bring back what is in a backup, into a directory that is new or empty
    Restore(RestoreCommand),
}

/// Make a backup
///
/// A host with --control is asked by its API and goes on; that takes the token of an operator. With --data, the directory
/// of a host that does not run is copied. Of each Worker the backup has its state as it is at one moment; what files
/// its external workers change at that moment may be in it before or after the change. A backup without one of the Workers
/// says so, and this ends with 5.
#[derive(Debug, Args)]
pub struct CreateCommand {
    /// The file to write, which is not there yet
    #[arg(value_name = "FILE")]
    out: PathBuf,
    /// Copy this data directory of a host that does not run, instead of asking one that does
    #[arg(long, value_name = "DIR", conflicts_with = "context")]
    data: Option<PathBuf>,
    /// With --data: copy the audit log in this directory, too
    #[arg(long, value_name = "DIR", requires = "data")]
    audit: Option<PathBuf>,
    /// With --data: copy the secrets in this directory, too, encrypted as they are
    #[arg(long, value_name = "DIR", requires = "data")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    at: ContextArgs,
}

/// Check a backup
///
/// Everything is read and compared with the digests that were written with it.
#[derive(Debug, Args)]
pub struct VerifyCommand {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Bring back what is in a backup
///
/// Everything is checked before it gets its name: what breaks off, or is not what was written, leaves nothing.
#[derive(Debug, Args)]
pub struct RestoreCommand {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data directory to make, which is new or empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Bring back the audit log, too, into this directory
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// Bring back the secrets, too, into this directory; they open with the key that they had
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
}

impl BackupCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        match self {
            Self::Create(command) => command.execute(output, cache),
            Self::Verify(command) => command.execute(output),
            Self::Restore(command) => command.execute(output),
        }
    }
}

impl CreateCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let out = &self.out;
        if out.symlink_metadata().is_ok() {
            return Err(taken(out));
        }
        let folder = out.parent().filter(|dir| !dir.as_os_str().is_empty());
        // Only its owner can read it, from its first byte on.
        let aside = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let cannot = |error| CliError::Usage(format!("cannot write {}: {error}", out.display()));
        let mut aside = aside.map_err(cannot)?;
        match &self.data {
            Some(data) => self.copy(data, &mut aside, output)?,
            None => download_backup(&self.at, &mut aside, output, cache)?,
        }
        aside.as_file().sync_all().map_err(cannot)?;
        // Also of what came from elsewhere and ended well: this is what says that it is one.
        let summary = verify(aside.path()).map_err(wrong)?;
        aside
            .persist_noclobber(out)
            .map_err(|error| match error.error.kind() {
                std::io::ErrorKind::AlreadyExists => taken(out),
                _ => cannot(error.error),
            })?;
        show(&summary, "the backup is in", out, output)?;
        Ok(exit(&summary))
    }

    /// Copies the directory of a host that does not run.
    fn copy(&self, data: &Path, to: &mut impl Write, output: &Output) -> Result<(), CliError> {
        let _progress = output.progress("copying");
        // All of it is held before anything is copied, so that no host begins meanwhile.
        let control = AtRest::open(data).map_err(|error| runs(&error.to_string()))?;
        let held = AllHeld::take(data)?;
        let database = control.as_ref().map(AtRest::copy).transpose();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let what = What {
            at: since.unwrap_or_default().as_secs(),
            data: data.to_owned(),
            control: database.map_err(|error| CliError::Usage(error.to_string()))?,
            workers: &held,
            audit: self.audit.clone(),
            secrets: self.secrets.clone(),
        };
        create(what, std::io::BufWriter::new(to)).map_err(wrong)
    }
}

/// Workers that nobody has while they are copied.
struct AllHeld {
    _locks: Vec<Lock>,
}

impl AllHeld {
    fn take(data: &Path) -> Result<Self, CliError> {
        let places = workers(data).map_err(wrong)?;
        let locks = places.iter().map(|place| store::hold(&place.dir));
        let locks: Result<Vec<_>, StoreError> = locks.collect();
        match locks {
            Ok(locks) => Ok(Self { _locks: locks }),
            Err(error @ StoreError::InUse { .. }) => Err(runs(&error.to_string())),
            Err(error) => Err(wrong(error.into())),
        }
    }
}

impl Workers for AllHeld {
    fn hold(&self, _place: &Place) -> Result<Held, LeaveOut> {
        // It is held already, with all others.
        Ok(Held::AtRest(None))
    }
}

/// A host has what is to be copied.
fn runs(problem: &str) -> CliError {
    CliError::Usage(format!(
        "{problem}. A host with --control makes a backup while it runs: leave out --data, and name it with --context"
    ))
}

fn taken(out: &Path) -> CliError {
    let out = out.display();
    CliError::Usage(format!("{out} is there already; name a file that is not"))
}

fn wrong(error: BackupError) -> CliError {
    CliError::Usage(error.to_string())
}

impl VerifyCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let summary = {
            let _progress = output.progress("verifying");
            verify(&self.file).map_err(wrong)?
        };
        show(&summary, "the backup is whole:", &self.file, output)?;
        Ok(exit(&summary))
    }
}

impl RestoreCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let to = Places {
            data: self.data,
            audit: self.audit,
            secrets: self.secrets,
        };
        let summary = {
            let _progress = output.progress("restoring");
            restore(&self.file, &to).map_err(wrong)?
        };
        show(&summary, "restored into", &to.data, output)?;
        let stays = [
            (
                summary.audit && to.audit.is_none(),
                "an audit log",
                "--audit",
            ),
            (
                summary.secrets && to.secrets.is_none(),
                "secrets",
                "--secrets",
            ),
        ];
        for (_, what, option) in stays.into_iter().filter(|(stays, ..)| *stays) {
            output.note(&format!(
                "the backup has {what}, too, which {option} DIR brings back"
            ));
        }
        Ok(exit(&summary))
    }
}

/// A backup without a Worker is not what somebody wanted.
fn exit(summary: &Summary) -> Exit {
    match summary.lacks_a_worker() {
        true => Exit::Host,
        false => Exit::Ok,
    }
}

fn show(summary: &Summary, what: &str, path: &Path, output: &Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.print_json(&json!({
            "path": path.display().to_string(),
            "backup": summary,
        }));
    }
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(summary.at));
    let time = Stamp::from(time.unwrap_or(UNIX_EPOCH));
    let (files, bytes) = (summary.files, ByteSize::b(summary.bytes));
    let Summary { host, workers, .. } = summary;
    output.print(&format!(
        "{what} {}\nbegun at {time} by ewh {host}: {files} files, {bytes}",
        path.display()
    ))?;
    let names = workers.iter().filter(|name| !name.is_empty());
    let names: Vec<&str> = names.map(String::as_str).collect();
    let parts = [
        (!names.is_empty()).then(|| format!("the Workers {}", names.join(", "))),
        workers
            .contains(&String::new())
            .then(|| "a Worker".to_owned()),
        summary.control.then(|| "tenants and tokens".to_owned()),
        summary.audit.then(|| "an audit log".to_owned()),
        summary
            .secrets
            .then(|| "secrets, without their key".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    output.print(&format!("with {}", parts.join("; ")))?;
    for it in summary.left_out.iter().take(SHOWN_LEFT_OUT) {
        output.note(&format!("not in it: {}: {}", it.path, it.why));
    }
    let shown = u64::try_from(SHOWN_LEFT_OUT).unwrap_or(0);
    let more = summary.left_out_count.saturating_sub(shown);
    if more > 0 {
        output.note(&format!("not in it: {more} more"));
    }
    Ok(())
}
