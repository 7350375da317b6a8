//! What of the kernel a confined process is left with: paths, ports and kinds of sockets. Each capability
//! adds what a policy grants of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::policy::pattern::{HostPattern, PortPattern};

/// The port of name servers that answer at length.
const DOMAIN: u16 = 53;

/// Whoever has more ports than there are below this has all of them.
const EVERY_PORT: usize = 1 << 16;

/// Where names lead, and the C library's ways to find out.
const NAMES: [&str; 8] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/ld.so.cache",
    "/lib",
    "/usr/lib",
];

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
    /// The most memory that the process may hold, in bytes.
    pub memory: Option<u64>,
}

impl Reach {
    /// Adds what it takes to find `host`. Names are asked for over UDP, and over TCP where the answer is
    /// long.
    pub(super) fn find(&mut self, host: &HostPattern) {
        if matches!(host, HostPattern::Localhost | HostPattern::Block(_)) {
            return;
        }
        self.read.extend(NAMES.map(PathBuf::from));
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
