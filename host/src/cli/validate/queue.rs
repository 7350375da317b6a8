//! The components, one after the other: as many at once as there are cores, with a verdict on each whatever
//! happens to another, and with what is known so far when somebody ends the check.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::StreamExt as _;

use super::super::devices::DevicesArg;
use super::super::error::{CliError, Exit};
use super::super::output::Output;
use super::super::signals::Signals;
use super::super::{files, load};
use super::line::UnderWay;
use super::targets::Target;
use super::verdict::{Check, Verdict};
use super::{Level, Trial, cause, child};
use crate::component::is_program;
use crate::limits;
use crate::policy::Policy;
use crate::validate::finding::{self, Finding};
use crate::validate::{check_bytes, check_program, is_worth_loading};

/// How every component is checked.
pub(super) struct Checks {
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) trial: Trial,
    /// Those of the cache, for the processes.
    pub(super) arguments: Vec<OsString>,
}

impl Checks {
    /// A verdict on each of the `targets`, in their order, and how the process is to exit if it was told to
    /// end before.
    ///
    /// # Errors
    /// When the machine gives no threads or no signal handlers.
    pub(super) fn run(
        &self,
        targets: Vec<Target>,
        output: &Output,
    ) -> Result<(Vec<Verdict>, Option<Exit>), CliError> {
        // Children are started by this thread, and end when it does.
        load::runtime()?.block_on(self.check_all(targets, output))
    }

    async fn check_all(
        &self,
        targets: Vec<Target>,
        output: &Output,
    ) -> Result<(Vec<Verdict>, Option<Exit>), CliError> {
        let mut signals = Signals::catch()?;
        let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
        let done = Arc::new(AtomicUsize::new(0));
        let far = Arc::new(Mutex::default());
        let _progress = output.progress_of(shown(&names, Arc::clone(&done), Arc::clone(&far)));
        let told = |at| *locked(&far) = Some(at);
        let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut under_way = std::pin::pin!(
            futures_util::stream::iter(targets.into_iter().enumerate())
                .map(async |(at, target)| (at, self.check(target, &told).await))
                .buffer_unordered(at_once)
        );
        let mut verdicts = BTreeMap::new();
        let exit = loop {
            tokio::select! {
                biased;
                exit = signals.next() => break Some(exit),
                next = under_way.next() => match next {
                    Some((at, verdict)) => {
                        verdicts.insert(at, verdict);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    None => break None,
                },
            }
        };
        let all = names.into_iter().enumerate().map(|(at, name)| {
            let verdict = verdicts.remove(&at);
            verdict
                .unwrap_or_else(|| Verdict::unread(name, "the check was ended before", "check it"))
        });
        Ok((all.collect(), exit))
    }

    async fn check(&self, target: Target, told: &(dyn Fn(UnderWay) + Sync)) -> Verdict {
        let name = target.name;
        let file = match target.file {
            Ok(file) => file,
            Err(problem) => {
                return Verdict::unread(name, &problem, "mend that, and check it again");
            }
        };
        let policy = self.policy.clone();
        let read = tokio::task::spawn_blocking(move || read(file, policy.as_deref())).await;
        let (bytes, first) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(problem)) => {
                return Verdict::unread(name, &problem, "mend that, and check it again");
            }
            Err(failed) => return Verdict::unread(name, &failed.to_string(), "report it"),
        };
        let checks = self.further(&name, &bytes, first, told).await;
        Verdict::new(name, &bytes, checks)
    }

    /// The `first` check, and those that follow it.
    async fn further(
        &self,
        name: &Path,
        bytes: &[u8],
        first: Check,
        told: &(dyn Fn(UnderWay) + Sync),
    ) -> Vec<Check> {
        let (level, why) = self.level_after(&first.findings);
        let mut checks = vec![first];
        if level > Level::Static {
            let trial = Trial {
                level,
                ..self.trial.clone()
            };
            checks.extend(child::check(name, bytes, &trial, &self.arguments, told).await);
        }
        let skipped = [Level::Load, Level::Exercise].into_iter();
        let skipped = skipped.filter(|one| *one > level && *one <= self.trial.level);
        checks.extend(skipped.map(|level| Check::skipped(level, why)));
        for check in &mut checks {
            check.findings = cause::traced(std::mem::take(&mut check.findings));
        }
        checks
    }

    /// Up to where it is worth checking after the bytes told this, and why not further.
    fn level_after(&self, found: &[Finding]) -> (Level, &'static str) {
        let has = |code| found.iter().any(|finding| finding.code == code);
        let most = self.trial.level;
        if !is_worth_loading(found) {
            return (
                Level::Static,
                "it cannot be loaded before what was found is mended",
            );
        }
        // What may not be linked does not start.
        if has(&finding::NOT_REQUESTED) {
            let why = "it cannot start without what its manifest does not request";
            return (most.min(Level::Load), why);
        }
        if self.trial.devices == DevicesArg::Real && has(&finding::NOT_GRANTED) {
            return (
                most.min(Level::Load),
                "it cannot start without what is not granted",
            );
        }
        (most, "")
    }
}

/// The bytes of the component, and what they say; or why they cannot be had.
fn read(file: PathBuf, policy: Option<&Policy>) -> Result<(Vec<u8>, Check), String> {
    let begin = Instant::now();
    let metadata = files::check(&file, "component").map_err(|error| error.to_string())?;
    if metadata.len() > limits::MAX_COMPONENT_BYTES {
        let (length, most) = (metadata.len(), limits::MAX_COMPONENT_BYTES);
        let finding = Finding::new(
            &finding::TOO_LARGE,
            format!("it has {length} bytes; at most {most} are allowed"),
            "build it in release mode and strip it",
        );
        let check = Check::new(Level::Static, begin.elapsed(), vec![finding]);
        return Ok((Vec::new(), check));
    }
    let bytes = files::read(&file, "component", limits::MAX_COMPONENT_BYTES);
    let bytes = bytes.map_err(|error| error.to_string())?;
    let found = match is_program(&file) {
        true => check_program(&file, &bytes, policy),
        false => check_bytes(&bytes, policy),
    };
    let check = Check::new(Level::Static, begin.elapsed(), found);
    Ok((bytes, check))
}

/// How far the check of one component is.
type Far = Mutex<Option<UnderWay>>;

fn locked(far: &Far) -> MutexGuard<'_, Option<UnderWay>> {
    far.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is under way: of one component how far it is, of several how many are done.
fn shown(
    names: &[PathBuf],
    done: Arc<AtomicUsize>,
    far: Arc<Far>,
) -> impl Fn() -> String + Send + 'static {
    let total = names.len();
    let only = match names {
        [name] => Some(format!("checking {}", name.display())),
        _ => None,
    };
    move || {
        let done = done.load(Ordering::Relaxed);
        match (&only, &*locked(&far)) {
            (Some(only), Some(far)) => format!("{only}: {far}"),
            (Some(only), None) => only.clone(),
            (None, _) => format!("checked {done}/{total} components"),
        }
    }
}
