//! What the process of a tenant reaches: the union of what the tenant's policies grant, and its own
//! data. In the process, each use of a capability is still decided by the policy of its module; this
//! is what the kernel holds when that decision is no longer made.
//!
//! What the union is made from the process cannot write. In its own data it writes `files/`, `folders/`,
//! `cache/` and the files of the store, which are made before, and reads the rest. A compile cache is never
//! shared by tenants: who writes it decides what code the others load.

use std::path::PathBuf;

use crate::capability::Reach;
use crate::capability::reach::is_every;
use crate::worker::DataDir;

/// What the host itself reads while it runs: how many memory maps it may have, what it can do at the
/// same time, its own open files, and random bytes.
const HOST: [&str; 5] = [
    "/proc/sys/vm/max_map_count",
    "/proc/self",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/dev/urandom",
];

/// Where names lead, and the C library's ways to find out.
pub(super) const NAMES: [&str; 8] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/ld.so.cache",
    "/lib",
    "/usr/lib",
];

/// Nothing of anybody: what a process takes that works for another, on what that passes to it.
pub(crate) fn of_nothing() -> Reach {
    Reach {
        read: HOST.map(PathBuf::from).to_vec(),
        ..Reach::default()
    }
}

/// What serving a Worker takes: its data, as far as it is not the operator's.
pub fn of_worker(data_dir: &DataDir) -> Reach {
    let host = HOST.map(PathBuf::from).into_iter();
    Reach {
        read: host.chain([data_dir.data.clone()]).collect(),
        write: vec![data_dir.files(), data_dir.folders(), data_dir.logs()],
        update: data_dir.written(),
        ..Reach::default()
    }
}

/// Takes out ports on which the host itself listens: a range may have them. All ports stay all of them,
/// which the kernel does not look at.
pub(crate) fn spare(reach: &mut Reach, own: &[u16]) {
    if !is_every(&reach.connect) {
        reach.connect.retain(|port| !own.contains(port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

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
        spare(&mut reach, &[8001, 9382]);
        assert_eq!(reach.connect, [8000, 8002].into());
    }

    #[test]
    fn what_is_asked_for_is_no_reason_to_start_again() {
        let http = |host: &str| format!("[[http]]\nhost = \"{host}\"\nmethods = [\"GET\"]\n");
        let of = |policy: String| reach(&policy).without_asked();
        let one = of(http("a.example"));
        assert_eq!(one, of(http("a.example") + &http("b.example")));
        let serial = "[[serial]]\nname = \"a\"\ndevice = \"/dev/null\"\n".to_owned();
        assert_eq!(one, of(serial.clone() + &http("a.example")));
        assert_eq!(of(String::new()), of(serial + &http("10.0.0.1")));
        assert_eq!(
            one,
            of(String::new()),
            "whoever asks finds names without more"
        );
    }

    #[test]
    fn a_folder_more_is_within_what_was_and_one_less_is_not() {
        let files = |host: &str, mode: &str| {
            format!("[[files]]\nhost = \"{host}\"\nguest = \"{host}\"\nmode = \"{mode}\"\n")
        };
        let read = reach(&files("/srv/in", "ro"));
        let more = reach(&(files("/srv/in", "ro") + &files("/srv/out", "rw")));
        let written = reach(&files("/srv/in", "rw"));
        assert!(read.is_within(&more) && read.is_within(&written));
        assert!(!more.is_within(&read) && !written.is_within(&read));
        let has = |path: &str, is_written| more.has_folder(path.as_ref(), is_written);
        assert!(has("/srv/in", false) && has("/srv/out", true) && has("/srv/out", false));
        assert!(!has("/srv/in", true) && !has("/srv", false) && !has("/srv/in/deep", false));
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
        assert!(named.tcp && named.udp && named.names);
        let any = reach("[[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.1\"\nports = [\"*\"]\n");
        assert!(is_every(&any.connect) && !is_every(&any.bind));
    }
}
