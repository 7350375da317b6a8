//! What the policies of a tenant grant at this moment, all together, to a process that asks without saying
//! for which of its modules.
//!
//! The answer is [`decide`]'s, policy for policy. A process that asks says no name: it asks for an address that
//! it has found itself. So a grant by name covers every address that [`decide`] lets a name lead to, at its
//! ports: none of the machine itself, of private networks or of the host.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use tracing::subscriber::{NoSubscriber, with_default};

use crate::capability::serial::Serial;
use crate::capability::{Provider, Reach};
use crate::limits;
use crate::policy::access::Request;
use crate::policy::grant::{Direction, HttpGrant, Mode, Protocol, Scheme};
use crate::policy::pattern::HostPattern;
use crate::policy::{
    Access, Capability, Denial, DenyReason, Granted, Guarded, Policy, Until, address, decide,
};
use crate::tenant::policies::{Policies, Said};

/// Where names are asked for.
const DOMAIN: u16 = 53;
const RESOLVERS: &str = "/etc/resolv.conf";
/// The most that is read of [`RESOLVERS`].
const MAX_RESOLVERS_BYTES: u64 = 64 * 1024;

/// The policies of a tenant, read again when what is known of them is old.
pub(super) struct Live {
    policies: Policies,
    guarded: Guarded,
    seen: Mutex<Option<Seen>>,
}

/// The policies at one look.
struct Seen {
    said: Said,
    rules: Arc<[Rules]>,
    /// When the first of their grants ends.
    ends: Option<Until>,
    looked: Instant,
}

/// What one policy grants.
#[derive(Debug)]
struct Rules {
    granted: Granted,
    /// Names, of which each pattern of its sockets has one that is it.
    names: Vec<String>,
}

impl Live {
    pub(super) fn new(policies: Policies, guarded: Guarded) -> Self {
        Self {
            policies,
            guarded,
            seen: Mutex::default(),
        }
    }

    /// Whether something may be connected to over TCP.
    pub(super) fn connect(&self, peer: SocketAddr) -> Result<(), Denial> {
        let rules = self.rules();
        if self.is_resolver(&rules, peer) {
            return Ok(());
        }
        any(&rules, |rules| rules.connect(peer))
    }

    /// Whether names are asked for there, and may be.
    pub(super) fn resolves(&self, peer: SocketAddr) -> bool {
        self.is_resolver(&self.rules(), peer)
    }

    /// Whether an address may be bound, or be listened on, over TCP.
    pub(super) fn bind(&self, local: SocketAddr, listen: bool) -> Result<(), Denial> {
        any(&self.rules(), |rules| {
            let protocol = Protocol::Tcp;
            let access = Access::Bind {
                protocol,
                local,
                listen,
            };
            decide(&rules.granted, &access)
        })
    }

    /// Whether there may be sockets for datagrams. The kernel asks nobody for each address of those.
    pub(super) fn datagrams(&self) -> bool {
        self.rules().iter().any(Rules::has_datagrams)
    }

    /// The devices that are granted and there.
    pub(super) fn devices(&self) -> Vec<PathBuf> {
        let mut reach = Reach::default();
        // What is not there is told by who uses it.
        with_default(NoSubscriber::default(), || {
            for rules in self.rules().iter() {
                Serial::reach(&rules.granted, &mut reach);
            }
        });
        reach.devices
    }

    /// How the folder at `host` is granted, if it is.
    pub(super) fn folder(&self, host: &Path) -> Option<Mode> {
        let rules = self.rules();
        let grants = rules.iter().flat_map(|rules| &rules.granted.files);
        let modes = grants.filter(|grant| grant.host == host).map(|it| it.mode);
        modes.max_by_key(|mode| *mode == Mode::Rw)
    }

    /// Whether a folder may be there, whatever is granted.
    pub(super) fn check_place(&self, real: &Path) -> Result<(), String> {
        let own = self.guarded.but(&self.policies.data_dir.files());
        own.check_place(real)
    }

    /// Whether the host itself listens there.
    pub(super) fn is_own(&self, address: SocketAddr) -> bool {
        self.guarded.is_own(address)
    }

    fn is_resolver(&self, rules: &[Rules], peer: SocketAddr) -> bool {
        peer.port() == DOMAIN
            && !self.guarded.is_own(peer)
            && rules.iter().any(Rules::has_names)
            && resolvers().contains(&address::unwrap(peer.ip()))
    }

    /// What is granted, as of a moment ago.
    fn rules(&self) -> Arc<[Rules]> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let has_ended = |seen: &Seen| seen.ends.is_some_and(|it| it.is_past(SystemTime::now()));
        if let Some(seen) = seen.as_mut().filter(|seen| !has_ended(seen)) {
            if now.saturating_duration_since(seen.looked) < limits::BROKER_LOOKS_EVERY {
                return Arc::clone(&seen.rules);
            }
            if seen.said == self.policies.said() {
                seen.looked = now;
                return Arc::clone(&seen.rules);
            }
        }
        let found = self.read(now);
        let rules = Arc::clone(&found.rules);
        *seen = Some(found);
        rules
    }

    /// Reads them all. One that is wrong, or grants what belongs to the host, grants nothing.
    fn read(&self, looked: Instant) -> Seen {
        let own = self.guarded.but(&self.policies.data_dir.files());
        let said = self.policies.said();
        let policies = said.iter();
        let policies: Vec<_> = policies
            .filter_map(|(path, _)| Policy::load_beside(path, &own).ok())
            .collect();
        let ends = policies.iter().filter_map(Policy::ends).min();
        let rules = policies.iter().map(Rules::of).collect();
        Seen {
            said,
            rules,
            ends,
            looked,
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

/// Allowed by one of them, or why the last one that grants anything of the kind does not.
fn any(
    rules: &[Rules],
    mut allows: impl FnMut(&Rules) -> Result<(), Denial>,
) -> Result<(), Denial> {
    let mut why = None;
    for rules in rules {
        match allows(rules) {
            Ok(()) => return Ok(()),
            Err(denial) if why.is_none() || denial.reason != DenyReason::NotGranted => {
                why = Some(denial);
            }
            Err(_) => {}
        }
    }
    Err(why.unwrap_or_else(|| Denial {
        capability: Capability::Sockets,
        reason: DenyReason::NotGranted,
        what: "using a socket: nothing of the kind is granted".to_owned(),
        fix: String::new(),
    }))
}

impl Rules {
    fn of(policy: &Policy) -> Self {
        let names = policy.sockets.iter();
        let names = names.filter_map(|grant| name(&grant.host)).collect();
        Self {
            granted: policy.granted(Capability::ALL),
            names,
        }
    }

    /// Whether something is granted by a name that others are asked for.
    fn has_names(&self) -> bool {
        let sockets = self.granted.sockets.iter().map(|grant| &grant.host);
        let http = self.granted.http.iter().map(|grant| &grant.host);
        let mut hosts = sockets.chain(http);
        hosts.any(|host| !matches!(host, HostPattern::Localhost | HostPattern::Block(_)))
    }

    /// Whether datagrams are granted, or needed to ask for names.
    fn has_datagrams(&self) -> bool {
        let directions = [Direction::Connect, Direction::Bind];
        let mut sockets = self.granted.sockets.iter();
        self.has_names()
            || sockets.any(|grant| directions.iter().any(|it| grant.is_for(Protocol::Udp, *it)))
    }

    fn connect(&self, peer: SocketAddr) -> Result<(), Denial> {
        let access = Access::Connect {
            protocol: Protocol::Tcp,
            peer,
            names: &self.names,
        };
        let Err(denial) = decide(&self.granted, &access) else {
            return Ok(());
        };
        let mut http = self.granted.http.iter();
        match http.any(|grant| self.requests(grant, peer)) {
            true => Ok(()),
            false => Err(denial),
        }
    }

    /// Whether `peer` may be connected to for a request that `grant` allows.
    fn requests(&self, grant: &HttpGrant, peer: SocketAddr) -> bool {
        let address = address::unwrap(peer.ip());
        let host = name(&grant.host).unwrap_or_else(|| address.to_string());
        let method = grant.methods.first().map(String::as_str);
        let method = method.filter(|method| *method != "*").unwrap_or("GET");
        let schemes = [Scheme::Http, Scheme::Https];
        let mut requests = schemes.into_iter().map(|scheme| Request {
            scheme,
            host: &host,
            port: peer.port(),
            method,
        });
        requests.any(|request| {
            let access = Access::RequestTo { request, address };
            decide(&self.granted, &access).is_ok()
        })
    }
}

/// A name that is this pattern; none: the pattern is about addresses.
fn name(host: &HostPattern) -> Option<String> {
    match host {
        HostPattern::Name(name) => Some(name.clone()),
        HostPattern::Below(parent) => Some(format!("any.{parent}")),
        HostPattern::Any | HostPattern::Localhost | HostPattern::Block(_) => None,
    }
}

/// Whom the C library asks for names.
fn resolvers() -> Vec<IpAddr> {
    let text = std::fs::File::open(Path::new(RESOLVERS)).and_then(|file| {
        let mut text = String::new();
        let mut file = std::io::Read::take(file, MAX_RESOLVERS_BYTES);
        std::io::Read::read_to_string(&mut file, &mut text)?;
        Ok(text)
    });
    named_resolvers(&text.unwrap_or_default())
}

fn named_resolvers(text: &str) -> Vec<IpAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = (words.next() == Some("nameserver")).then(|| words.next())?;
        // A link may be named behind it.
        address?.split('%').next()?.parse().ok()
    });
    let named: Vec<IpAddr> = named.collect();
    match named.is_empty() {
        true => vec![
            IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ],
        false => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::DataDir;

    /// The policies of a tenant whose only module has this one, and which host listens where.
    fn live(policy: &str, own: &str) -> (tempfile::TempDir, Live) {
        let data = tempfile::tempdir().unwrap();
        let guarded = Guarded::default();
        guarded.listen(own.parse().unwrap());
        let policies = Policies {
            of_tenant: None,
            data_dir: DataDir {
                data: data.path().to_owned(),
            },
        };
        let live = Live::new(policies, guarded);
        write(&data, policy);
        (data, live)
    }

    fn write(data: &tempfile::TempDir, policy: &str) {
        let policies = data.path().join("policies");
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("lab.toml"), policy).unwrap();
    }

    fn connect(live: &Live, peer: &str) -> Result<(), DenyReason> {
        let peer = peer.parse().unwrap();
        live.connect(peer).map_err(|denial| denial.reason)
    }

    #[test]
    fn a_grant_by_name_covers_what_a_name_may_lead_to_and_no_more() {
        let (_data, live) = live(
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"redis.example\"\nports = [6379]\n\
             [[http]]\nhost = \"*.example.com\"\nmethods = [\"POST\"]\nscheme = \"https\"\n\
             [[http]]\nhost = \"localhost\"\nmethods = [\"*\"]\nports = [\"8000-9999\"]\n",
            "127.0.0.1:9382",
        );
        for granted in [
            "93.0.0.1:6379",
            "93.0.0.1:443",
            "[2600::1]:443",
            "127.0.0.1:8000",
        ] {
            assert_eq!(connect(&live, granted), Ok(()), "{granted}");
        }
        for denied in [
            "93.0.0.1:6380",
            "93.0.0.1:80",
            "93.0.0.1:8000",
            "10.0.0.1:6379",
            "10.0.0.1:443",
            "127.0.0.1:443",
            "[::ffff:127.0.0.1]:6379",
            "169.254.169.254:443",
            "127.0.0.1:9382",
            "[::1]:9382",
            "0.0.0.0:9382",
        ] {
            assert!(connect(&live, denied).is_err(), "{denied}");
        }
    }

    #[test]
    fn what_policies_say_counts_at_once_and_what_is_wrong_grants_nothing() {
        let grant = "[[sockets]]\nprotocol = \"tcp\"\nhost = \"10.0.0.1\"\nports = [22]\n";
        let (data, live) = live("", "127.0.0.1:1");
        let looks = || std::thread::sleep(limits::BROKER_LOOKS_EVERY);
        assert_eq!(connect(&live, "10.0.0.1:22"), Err(DenyReason::NotGranted));
        write(&data, grant);
        looks();
        assert_eq!(connect(&live, "10.0.0.1:22"), Ok(()));
        assert_eq!(
            connect(&live, "10.0.0.2:22"),
            Err(DenyReason::SpecialAddress)
        );
        for nothing in [
            "",
            "nonsense",
            &format!("{grant}until = 2020-01-01T00:00:00Z\n"),
        ] {
            write(&data, nothing);
            looks();
            assert!(connect(&live, "10.0.0.1:22").is_err(), "{nothing}");
        }
        write(&data, grant);
        looks();
        assert_eq!(connect(&live, "10.0.0.1:22"), Ok(()));
        std::fs::remove_dir_all(data.path().join("policies")).unwrap();
        looks();
        assert!(connect(&live, "10.0.0.1:22").is_err());
    }

    #[test]
    fn what_ends_is_over_at_that_moment() {
        let now = SystemTime::now();
        let until = Until::from(now + std::time::Duration::from_secs(1));
        let grant = format!(
            "[[sockets]]\nprotocol = \"tcp\"\nhost = \"10.0.0.1\"\nports = [22]\nuntil = {until}\n"
        );
        let (_data, live) = live(&grant, "127.0.0.1:1");
        assert_eq!(connect(&live, "10.0.0.1:22"), Ok(()));
        while !until.is_past(SystemTime::now()) {
            std::thread::yield_now();
        }
        assert!(connect(&live, "10.0.0.1:22").is_err());
    }

    #[test]
    fn binding_and_datagrams_take_grants_of_their_own() {
        let free = "[[sockets]]\nprotocol = \"tcp\"\ndirection = \"bind\"\nhost = \"127.0.0.1\"\nports = [0]\n";
        let (data, live) = live(free, "127.0.0.1:1");
        let bind = |local: &str, listen| live.bind(local.parse().unwrap(), listen).is_ok();
        assert!(bind("127.0.0.1:0", false) && bind("127.0.0.1:40000", true));
        assert!(!bind("127.0.0.1:40000", false) && !bind("0.0.0.0:0", false));
        assert!(!live.datagrams());
        write(
            &data,
            "[[sockets]]\nprotocol = \"udp\"\nhost = \"10.0.0.1\"\nports = [53]\n",
        );
        std::thread::sleep(limits::BROKER_LOOKS_EVERY);
        assert!(live.datagrams() && !bind("127.0.0.1:0", false));
    }

    #[test]
    fn names_are_asked_for_where_the_machine_says_and_only_if_one_is_granted() {
        let text = "# local\nnameserver 10.0.0.53\noptions edns0\nnameserver fe80::1%eth0 x\n";
        let named: Vec<String> = named_resolvers(text)
            .iter()
            .map(IpAddr::to_string)
            .collect();
        assert_eq!(named, ["10.0.0.53", "fe80::1"]);
        assert_eq!(named_resolvers("search example\n").len(), 2);
        let asks = |policy: &str| {
            let (_data, live) = live(policy, "127.0.0.1:1");
            let mut all = resolvers().into_iter();
            all.all(|ip| live.resolves(SocketAddr::new(ip, DOMAIN)))
        };
        assert!(asks(
            "[[http]]\nhost = \"api.example\"\nmethods = [\"GET\"]\n"
        ));
        assert!(!asks(
            "[[http]]\nhost = \"10.0.0.1\"\nmethods = [\"GET\"]\n"
        ));
    }
}
