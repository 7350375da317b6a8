//! What of the kernel a confined process is left with: paths, ports and kinds of sockets. Each capability
//! adds what a policy grants of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::policy::pattern::{HostPattern, PortPattern};

/// The port of name servers that answer at length.
const DOMAIN: u16 = 53;

/// Whoever has more ports than there are below this has all of them.
const EVERY_PORT: usize = 1 << 16;

/// Paths, ports and kinds of sockets that are left to a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Files that are read, and directories that are read with all in them.
    pub read: Vec<PathBuf>,
    /// Directories in which everything is read, written, made and removed.
    pub write: Vec<PathBuf>,
    /// Files that are there already, and are read and written.
    pub update: Vec<PathBuf>,
    /// Character devices.
    pub devices: Vec<PathBuf>,
    /// TCP ports that are connected to; all of them: any.
    pub connect: BTreeSet<u16>,
    /// TCP ports that are bound, 0 among them if the system chooses; all of them: any.
    pub bind: BTreeSet<u16>,
    /// Whether there are TCP sockets at all.
    pub tcp: bool,
    /// Whether there are UDP sockets at all.
    pub udp: bool,
    /// Whether it is found out where names lead.
    pub names: bool,
    /// The most memory that the process may hold, in bytes.
    pub memory: Option<u64>,
    /// Whether who keeps the process is asked for each socket and device, so that it is left with none.
    pub is_brokered: bool,
}

impl Reach {
    /// What of it a process has to be started with where it asks for sockets and devices when it needs them; each
    /// path once, however many grants need it.
    #[must_use]
    pub fn without_asked(&self) -> Self {
        let once = |paths: &[PathBuf]| {
            let paths: BTreeSet<_> = paths.iter().cloned().collect();
            paths.into_iter().collect()
        };
        Self {
            read: once(&self.read),
            write: once(&self.write),
            update: once(&self.update),
            memory: self.memory,
            is_brokered: true,
            ..Self::default()
        }
    }

    /// Whether all that a process has to be started with for this is also in `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let is_read = |path| other.read.contains(path) || other.write.contains(path);
        self.memory == other.memory
            && self.read.iter().all(is_read)
            && self.write.iter().all(|path| other.write.contains(path))
            && self.update.iter().all(|path| other.update.contains(path))
    }

    /// Whether the folder at `path` itself, and not only one above it, is to be read; and written, if it is asked so.
    #[must_use]
    pub fn has_folder(&self, path: &Path, is_written: bool) -> bool {
        let has = |paths: &[PathBuf]| paths.iter().any(|it| it == path);
        has(&self.write) || (!is_written && has(&self.read))
    }

    /// Adds what it takes to find `host`. Names are asked for over UDP, and over TCP where the answer is
    /// long.
    pub(super) fn find(&mut self, host: &HostPattern) {
        if matches!(host, HostPattern::Localhost | HostPattern::Block(_)) {
            return;
        }
        self.names = true;
        (self.tcp, self.udp) = (true, true);
        self.connect.insert(DOMAIN);
    }
}

/// Whether `ports` are all that there are.
pub fn is_every(ports: &BTreeSet<u16>) -> bool {
    ports.len() == EVERY_PORT
}

pub(super) fn ports(patterns: &[PortPattern]) -> impl Iterator<Item = u16> {
    patterns.iter().flat_map(PortPattern::range)
}
