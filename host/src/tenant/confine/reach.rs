//! What the process of a tenant reaches: the union of what the tenant's policies grant, and its own
//! data. In the process, each use of a capability is still decided by the policy of its module; this
//! is what the kernel holds when that decision is no longer made.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::capability::serial::device;
use crate::policy::grant::{Direction, Mode, Protocol, SerialTarget};
use crate::policy::pattern::{HostPattern, PortPattern};
use crate::policy::{HttpGrant, Policy, SocketsGrant};
use crate::worker::Places;

/// The ports of HTTP and HTTPS, and the one of name servers that answer at length.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;
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

/// What the host itself reads while it runs: how many memory maps it may have, what it can do at the
/// same time, its own open files, and random bytes.
const HOST: [&str; 5] = [
    "/proc/sys/vm/max_map_count",
    "/proc/self",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/dev/urandom",
];

/// What a USB adapter says of itself.
const USB: [&str; 2] = ["/sys/class/tty", "/sys/devices"];

/// Paths, ports and kinds of sockets that are left to a process.
#[derive(Debug, Clone, Default)]
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
    /// Nothing of anybody: what a process takes that works for another, on what that passes to it.
    pub fn of_nothing() -> Self {
        Self {
            read: HOST.map(PathBuf::from).to_vec(),
            ..Self::default()
        }
    }

    /// What serving a Worker takes: its data, as far as it is not the operator's.
    pub fn of_worker(places: &Places) -> Self {
        Self {
            read: HOST
                .map(PathBuf::from)
                .into_iter()
                .chain([places.data.clone()])
                .collect(),
            write: vec![places.files()],
            update: places.written(),
            ..Self::default()
        }
    }

    /// Adds what a policy grants.
    pub fn grant(&mut self, policy: &Policy) {
        // What is added to policies is to be thought of here.
        let Policy {
            files,
            serial,
            sockets,
            http,
            clocks: _,
            random: _,
            env: _,
            budget: _,
            guarded: _,
        } = policy;
        for grant in files {
            match grant.mode {
                Mode::Ro => self.read.push(grant.host.clone()),
                Mode::Rw => self.write.push(grant.host.clone()),
            }
        }
        for grant in serial {
            if let Some(SerialTarget::Usb(_)) = grant.target() {
                self.read.extend(USB.map(PathBuf::from));
            }
            match device(grant) {
                Some(device) => self.devices.push(device),
                None => tracing::warn!(
                    "the serial port `{}` is not there: what is plugged in later is reached when \
                     the tenant's process is started again",
                    grant.name
                ),
            }
        }
        sockets.iter().for_each(|grant| self.socket(grant));
        http.iter().for_each(|grant| self.http(grant));
    }

    /// Takes out ports on which the host itself listens: a range may have them. All ports stay all of
    /// them, which the kernel does not look at.
    pub fn spare(&mut self, own: &[u16]) {
        if !is_every(&self.connect) {
            self.connect.retain(|port| !own.contains(port));
        }
    }

    fn socket(&mut self, grant: &SocketsGrant) {
        let is_for = |protocol, direction| grant.is_for(protocol, direction);
        let connects = is_for(Protocol::Tcp, Direction::Connect);
        let binds = is_for(Protocol::Tcp, Direction::Bind);
        let udp = [Direction::Connect, Direction::Bind].map(|it| is_for(Protocol::Udp, it));
        self.tcp |= connects || binds;
        self.udp |= udp.contains(&true);
        if connects {
            self.connect.extend(ports(&grant.ports));
        }
        if binds {
            self.bind.extend(ports(&grant.ports));
        }
        self.host(&grant.host);
    }

    fn http(&mut self, grant: &HttpGrant) {
        self.tcp = true;
        match grant.ports.as_slice() {
            [] => self.connect.extend([HTTP, HTTPS]),
            named => self.connect.extend(ports(named)),
        }
        self.host(&grant.host);
    }

    /// Names are asked for over UDP, and over TCP where the answer is long.
    fn host(&mut self, host: &HostPattern) {
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

fn ports(patterns: &[PortPattern]) -> impl Iterator<Item = u16> {
    patterns.iter().flat_map(PortPattern::range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(policy: &str) -> Reach {
        let mut reach = Reach::default();
        reach.grant(&Policy::parse(policy, "the test's policy").unwrap());
        reach
    }

    #[test]
    fn nothing_granted_reaches_nothing() {
        let reach = reach("");
        assert!(reach.read.is_empty() && reach.write.is_empty() && reach.devices.is_empty());
        assert!(!reach.tcp && !reach.udp && reach.connect.is_empty() && reach.bind.is_empty());
    }

    #[test]
    fn where_the_host_listens_is_not_reached_through_a_range() {
        let mut reach = reach(
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.1\"\nports = [\"8000-8002\"]\n",
        );
        reach.spare(&[8001, 9382]);
        assert_eq!(reach.connect, [8000, 8002].into());
    }

    #[test]
    fn each_grant_reaches_what_it_says() {
        let files = reach(
            "[[files]]\nhost = \"/srv/in\"\nguest = \"/in\"\n\
             [[files]]\nhost = \"/srv/out\"\nguest = \"/out\"\nmode = \"rw\"\n",
        );
        assert_eq!(files.read, [PathBuf::from("/srv/in")]);
        assert_eq!(files.write, [PathBuf::from("/srv/out")]);
        let local = reach(
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.1\"\nports = [6379, \"8000-8002\"]\n\
             [[sockets]]\nprotocol = \"tcp\"\ndirection = \"bind\"\nhost = \"127.0.0.1\"\nports = [0]\n",
        );
        assert!(local.tcp && !local.udp && local.read.is_empty());
        assert_eq!(local.connect, [6379, 8000, 8001, 8002].into());
        assert_eq!(local.bind, [0].into());
        let datagrams =
            reach("[[sockets]]\nprotocol = \"udp\"\nhost = \"127.0.0.1\"\nports = [\"*\"]\n");
        assert!(datagrams.udp && !datagrams.tcp && datagrams.connect.is_empty());
        let named = reach("[[http]]\nhost = \"api.example.com\"\nmethods = [\"GET\"]\n");
        assert_eq!(named.connect, [53, 80, 443].into());
        assert!(named.tcp && named.udp && named.read.contains(&PathBuf::from("/etc/hosts")));
        let any = reach("[[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.1\"\nports = [\"*\"]\n");
        assert!(is_every(&any.connect) && !is_every(&any.bind));
    }
}
