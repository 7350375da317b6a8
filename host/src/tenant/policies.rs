//! The policies of a tenant, as who keeps its process sees them: what its process has to be started again
//! for, and what it is answered by when it asks ([`super::broker`]).
//!
//! What a process reaches by itself is made from them when it starts, so it starts again when that becomes less: what
//! was taken away is out of its reach then, whoever runs in it. What it asks for is decided by what they say at that moment.
//! What changes in them besides, it is held to by itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::subscriber::{NoSubscriber, with_default};

use super::broker::Broker;
use super::confine::Asks;
use crate::capability::Reach;
use crate::limits;
use crate::policy::{Policy, Until};
use crate::worker::DataDir;

/// The policies of a tenant.
#[derive(Debug, Clone)]
pub struct Policies {
    /// The one for modules without their own.
    pub of_tenant: Option<PathBuf>,
    /// Where the others are.
    pub data_dir: DataDir,
}

/// What policies say: a digest of each, or why it cannot be read.
pub(super) type Said = Vec<(PathBuf, Result<blake3::Hash, io::ErrorKind>)>;

/// What comes of policies for who serves under them.
#[derive(Debug, PartialEq)]
struct Outcome {
    reach: Reach,
    /// The variables that are passed on.
    inherited: Vec<String>,
    /// Those that are none.
    wrong: Vec<PathBuf>,
    /// What the one for modules without their own says, where its process reads that only when it starts.
    by_default: Option<Result<blake3::Hash, io::ErrorKind>>,
}

/// The policies at one look.
struct Seen {
    said: Said,
    outcome: Outcome,
    /// When the first of their grants ends.
    ends: Option<Until>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// All is as before.
    Same,
    /// They say something else, and a process that asks is held to it.
    Other,
    /// A process that is started now would reach something else by itself.
    Again,
}

impl Policies {
    /// Asks for a start whenever another one would reach something else, and when something stays open that
    /// is not granted any more.
    pub async fn watch(self, broker: &Arc<Broker>, again: &Notify) -> std::convert::Infallible {
        let policies = Arc::new(self);
        let mut before = None;
        loop {
            let (looking, asks) = (Arc::clone(&policies), broker.asks());
            let looked = tokio::task::spawn_blocking(move || looking.look(before, asks)).await;
            let found = match looked {
                Ok((seen, found)) => {
                    before = Some(seen);
                    found
                }
                // It fails only where the host shuts down.
                Err(_) => {
                    before = None;
                    Found::Same
                }
            };
            match found {
                Found::Again => again.notify_one(),
                Found::Other if broker.leaves_open().await => again.notify_one(),
                Found::Same | Found::Other => {}
            }
            sleep(limits::POLICIES_ARE_READ_EVERY).await;
        }
    }

    /// The policies now, and what is else than `before`, for a process that `asks` for so much.
    fn look(&self, before: Option<Seen>, asks: Asks) -> (Seen, Found) {
        let said = self.said();
        let has_ended = |seen: &Seen| seen.ends.is_some_and(|it| it.is_past(SystemTime::now()));
        let before = match before {
            Some(seen) if seen.said == said && !has_ended(&seen) => return (seen, Found::Same),
            before => before,
        };
        // What is wrong with them is told by who uses them.
        let silence = NoSubscriber::default();
        let (mut outcome, ends) = with_default(silence, || outcome(&said));
        let of_tenant = |(path, _): &&(PathBuf, _)| Some(path) == self.of_tenant.as_ref();
        let is_read_once = |(path, _): &&(PathBuf, _)| !self.data_dir.has(path);
        let by_default = said.iter().find(of_tenant).filter(is_read_once);
        outcome.by_default = by_default.map(|(_, digest)| *digest);
        let found = match before {
            None => Found::Same,
            Some(before) if before.outcome.is_as(&outcome, asks) => Found::Other,
            Some(_) => Found::Again,
        };
        let seen = Seen {
            said,
            outcome,
            ends,
        };
        (seen, found)
    }

    pub(super) fn said(&self) -> Said {
        let listed = self.data_dir.module_policies();
        let unlisted = listed
            .is_err()
            .then(|| (self.data_dir.policies(), Err(io::ErrorKind::Other)));
        let files = listed.unwrap_or_default().into_iter();
        let said = files.chain(self.of_tenant.clone()).map(|path| {
            let digest = digest(&path).map_err(|error| error.kind());
            (path, digest)
        });
        said.chain(unlisted).collect()
    }
}

impl Outcome {
    /// Whether a process that was started with this one may go on as one that is started with `other`.
    fn is_as(&self, other: &Self, asks: Asks) -> bool {
        let is_reach = match asks {
            Asks::Nothing => self.reach == other.reach,
            Asks::Sockets => self.reach.without_asked() == other.reach.without_asked(),
            // It asks for what is more.
            Asks::Folders => self.reach.is_within(&other.reach),
        };
        is_reach
            && self.inherited == other.inherited
            && self.wrong == other.wrong
            && self.by_default == other.by_default
    }
}

/// What comes of the policies that `said` names, and when the first of their grants ends.
fn outcome(said: &Said) -> (Outcome, Option<Until>) {
    let mut outcome = Outcome {
        reach: Reach::default(),
        inherited: Vec::new(),
        wrong: Vec::new(),
        by_default: None,
    };
    let mut ends = None;
    for (path, _) in said {
        match Policy::load(path) {
            Ok(policy) => {
                outcome.reach.grant(&policy);
                ends = ends.into_iter().chain(policy.ends()).min();
                let inherited = policy.env.map(|grant| grant.inherit);
                outcome.inherited.extend(inherited.into_iter().flatten());
            }
            Err(_) => outcome.wrong.push(path.clone()),
        }
    }
    (outcome, ends)
}

/// Of as much as a policy may have.
fn digest(path: &Path) -> io::Result<blake3::Hash> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    io::Read::read_to_end(
        &mut io::Read::take(file, limits::MAX_POLICY_BYTES + 1),
        &mut bytes,
    )?;
    Ok(blake3::hash(&bytes))
}
