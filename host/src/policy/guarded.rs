//! What belongs to the host itself, and no grant may reach, whatever it says: the places of policies,
//! tokens, state and keys, and the addresses on which the host listens.
//!
//! A grant of files is held against the places when its policy is read, and once more when its
//! directory is opened, since a link may have come in between. It reaches a place from above, from
//! inside, through links and through bind mounts; so places are compared by their real paths, by device
//! and inode of every directory on the way, and by where they are in their file system.
//!
//! A grant of sockets or of HTTP that names such an address is refused when its policy is read; one
//! that merely covers it, as a range or a name does, is narrowed by [`decide`](super::decide()).

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::grant::{Direction, Protocol};
use super::pattern::{HostPattern, PortPattern};
use super::{Policy, address};

/// What belongs to the host. Clones share it; what is added to one is known to all.
#[derive(Clone, Default)]
pub struct Guarded {
    all: Arc<RwLock<All>>,
    /// In a place of the host, and still to be had: what clients uploaded to this Worker.
    open: Option<Arc<Path>>,
}

#[derive(Clone, Default, PartialEq)]
struct All {
    places: Vec<Place>,
    listens: Vec<SocketAddr>,
}

/// A file or a directory, and what is in it, for a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    what: String,
}

impl Guarded {
    /// Guards `path`, whether it is there already or not; `what` it is, such as "the host's cache".
    pub fn keep(&self, path: impl Into<PathBuf>, what: impl Into<String>) {
        let place = Place {
            path: path.into(),
            what: what.into(),
        };
        self.change(|all| {
            if !all.places.contains(&place) {
                all.places.push(place);
            }
        });
    }

    /// Guards an address on which the host listens.
    pub fn listen(&self, address: SocketAddr) {
        self.change(|all| {
            if !all.listens.contains(&address) {
                all.listens.push(address);
            }
        });
    }

    /// The same things guarded, for policies that may grant what is below `open`.
    #[must_use]
    pub fn but(&self, open: &Path) -> Self {
        Self {
            all: Arc::clone(&self.all),
            open: Some(open.into()),
        }
    }

    /// Whether `policy` grants nothing of this.
    ///
    /// # Errors
    /// The sentence that names the grant and what it reaches.
    pub fn check(&self, policy: &Policy) -> Result<(), String> {
        for grant in &policy.files {
            self.check_place(&grant.host).map_err(|reached| {
                format!("the [[files]] grant for `{}` {reached}", grant.guest)
            })?;
        }
        let listens = self.listens();
        for own in &listens {
            for grant in &policy.sockets {
                let directions = [Direction::Connect, Direction::Bind];
                let mut directions = directions.into_iter();
                let is_tcp = directions.any(|it| grant.is_for(Protocol::Tcp, it));
                if is_tcp && names(&grant.host, &grant.ports, *own) {
                    return Err(reaches_own("sockets", &grant.host, *own));
                }
            }
            for grant in &policy.http {
                if names(&grant.host, &grant.ports, *own) {
                    return Err(reaches_own("http", &grant.host, *own));
                }
            }
        }
        Ok(())
    }

    /// Whether the directory `granted` reaches nothing of this.
    ///
    /// # Errors
    /// The rest of a sentence that begins with what reaches it.
    pub fn check_place(&self, granted: &Path) -> Result<(), String> {
        let places = self.read(|all| all.places.clone());
        if places.is_empty() {
            return Ok(());
        }
        let mounts = Mounts::now();
        let open = self.open.as_deref().map(|open| Spot::of(open, &mounts));
        let spot = Spot::of(granted, &mounts);
        let mounted = mounts.below(&spot.real);
        let spots: Vec<_> = std::iter::once(spot).chain(mounted).collect();
        for place in places {
            let guarded = Spot::of(&place.path, &mounts);
            let is_in = |spot: &Spot| {
                let is_open = open
                    .as_ref()
                    .is_some_and(|open| open.holds(spot) && guarded.holds(open));
                guarded.holds(spot) && !is_open
            };
            if spots.iter().any(|spot| spot.holds(&guarded) || is_in(spot)) {
                return Err(format!(
                    "reaches {} in {} through `host` = {}; grant another directory",
                    place.what,
                    place.path.display(),
                    granted.display()
                ));
            }
        }
        Ok(())
    }

    /// Whether the host itself listens at `peer`, in whatever spelling.
    pub fn is_own(&self, peer: SocketAddr) -> bool {
        let mut listens = self.listens().into_iter();
        listens.any(|own| own.port() == peer.port() && answers(own.ip(), peer.ip()))
    }

    /// The ports on which the host listens.
    pub fn ports(&self) -> Vec<u16> {
        self.read(|all| all.listens.iter().map(SocketAddr::port).collect())
    }

    /// The addresses on which the host listens.
    pub fn listens(&self) -> Vec<SocketAddr> {
        self.read(|all| all.listens.clone())
    }

    fn read<R>(&self, look: impl FnOnce(&All) -> R) -> R {
        look(&self.all.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut All)) {
        change(&mut self.all.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl PartialEq for Guarded {
    fn eq(&self, other: &Self) -> bool {
        let same = || {
            let mine = self.read(All::clone);
            other.read(|theirs| *theirs == mine)
        };
        self.open == other.open && (Arc::ptr_eq(&self.all, &other.all) || same())
    }
}

impl Eq for Guarded {}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("listens", &self.listens())
            .finish_non_exhaustive()
    }
}

fn reaches_own(kind: &str, host: &HostPattern, own: SocketAddr) -> String {
    format!(
        "the [[{kind}]] grant for `{host}` names the port {}, on which this host itself listens \
         ({own}); grant another port",
        own.port()
    )
}

/// Whether a grant names where `own` listens, and does not just have it in a range of ports, a name or
/// a large block: those are narrowed when they are used.
fn names(host: &HostPattern, ports: &[PortPattern], own: SocketAddr) -> bool {
    let only = own.port()..=own.port();
    if !ports.iter().any(|pattern| pattern.range() == only) {
        return false;
    }
    let spellings = [
        own.ip(),
        Ipv4Addr::LOCALHOST.into(),
        Ipv6Addr::LOCALHOST.into(),
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv6Addr::UNSPECIFIED.into(),
    ];
    let lone = match host {
        HostPattern::Block(block) => block.lone(),
        _ => None,
    };
    let mut spellings = spellings.into_iter().chain(lone);
    spellings.any(|ip| host.reaches(ip) && answers(own.ip(), ip))
}

/// Whether who listens at `own` answers who asks for `peer`, on the same port.
fn answers(own: IpAddr, peer: IpAddr) -> bool {
    let (own, peer) = (address::unwrap(own), address::unwrap(peer));
    let is_near = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    own == peer
        || (is_near(own) && is_near(peer))
        || (own.is_unspecified() && is_of_this_machine(peer))
}

/// Whether an address is one of this machine's: only those can be bound. Where that cannot be tried,
/// it may be one.
fn is_of_this_machine(ip: IpAddr) -> bool {
    match UdpSocket::bind((ip, 0)) {
        Ok(_bound) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrNotAvailable,
    }
}

/// Where something is, in every way in which it can be compared.
struct Spot {
    /// Without links; what is not there stays as it is written.
    real: PathBuf,
    /// Device and inode, if it is there.
    id: Option<(u64, u64)>,
    /// The same of all that it is in, itself included.
    ids: Vec<(u64, u64)>,
    /// The file system and the path in it.
    place: Option<(String, PathBuf)>,
}

impl Spot {
    fn of(path: &Path, mounts: &Mounts) -> Self {
        let real = real(path);
        let id = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.dev(), meta.ino()))
        };
        Self {
            id: id(&real),
            ids: real.ancestors().filter_map(id).collect(),
            place: mounts.place(&real),
            real,
        }
    }

    /// Whether `other` is this or lies in it.
    fn holds(&self, other: &Self) -> bool {
        let by_place = match (&self.place, &other.place) {
            (Some((system, path)), Some((others, inside))) => {
                system == others && inside.starts_with(path)
            }
            _ => false,
        };
        by_place
            || other.real.starts_with(&self.real)
            || self.id.is_some_and(|id| other.ids.contains(&id))
    }
}

/// `path` without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    for known in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(known), path.strip_prefix(known)) {
            return real.join(rest);
        }
    }
    path.to_owned()
}

/// What is mounted where; nothing where the system does not say.
struct Mounts(Vec<Mount>);

struct Mount {
    system: String,
    /// Which part of the file system.
    root: PathBuf,
    at: PathBuf,
}

impl Mounts {
    fn now() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Lines such as `36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw`.
    fn parse(text: &str) -> Self {
        let mount = |line: &str| {
            let mut fields = line.split(' ').skip(2);
            Some(Mount {
                system: fields.next()?.to_owned(),
                root: unescape(fields.next()?),
                at: unescape(fields.next()?),
            })
        };
        Self(text.lines().filter_map(mount).collect())
    }

    /// In which file system a real path is, and where in it.
    fn place(&self, real: &Path) -> Option<(String, PathBuf)> {
        // Of two at the same place the later one hides the earlier.
        let over = self.0.iter().filter(|mount| real.starts_with(&mount.at));
        let mount = over.max_by_key(|mount| mount.at.components().count())?;
        let rest = real.strip_prefix(&mount.at).ok()?;
        Some((mount.system.clone(), mount.root.join(rest)))
    }

    /// What is mounted below a real path.
    fn below(&self, real: &Path) -> Vec<Spot> {
        let below = self.0.iter();
        let below = below.filter(|mount| mount.at != real && mount.at.starts_with(real));
        below.map(|mount| Spot::of(&mount.at, self)).collect()
    }
}

/// Blanks and the like are written as `\040`.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, code) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// `host/` is guarded, `host/files` open, `elsewhere/` anybody's.
    fn site() -> (tempfile::TempDir, Guarded) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["host/files/in", "host/policies", "elsewhere/deep"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let guarded = Guarded::default();
        guarded.keep(dir.path().join("host"), "the state of a Worker");
        guarded.keep(dir.path().join("host/policies"), "its policies");
        guarded.keep(dir.path().join("keys/yet-to-come"), "a key");
        let guarded = guarded.but(&dir.path().join("host/files"));
        (dir, guarded)
    }

    #[test]
    fn a_place_is_reached_from_above_from_inside_and_through_links() {
        let (dir, guarded) = site();
        let link = |to: &str, name: &str| symlink(to, dir.path().join(name)).unwrap();
        link("host", "to-host");
        link("../host/policies", "elsewhere/to-policies");
        link("elsewhere", "innocent");
        link(dir.path().to_str().unwrap(), "elsewhere/to-all");
        let reached = [
            "",
            "host",
            "host/policies",
            "host/policies/deeper",
            "host/new",
            "elsewhere/../host",
            "elsewhere/../host/./policies",
            "host/files/..",
            "host/files/in/../../policies",
            "to-host",
            "to-host/policies",
            "to-host/new",
            "elsewhere/to-policies",
            "innocent/to-all",
            "innocent/to-all/host/policies",
            "keys",
            "keys/yet-to-come",
        ];
        for name in reached {
            let problem = guarded.check_place(&dir.path().join(name));
            let problem = problem.expect_err(name);
            let both = problem.contains(dir.path().to_str().unwrap()) && problem.contains("host");
            assert!(both, "{name}: {problem}");
        }
        assert!(guarded.check_place(Path::new("/")).is_err());
        let free = [
            "elsewhere",
            "elsewhere/deep",
            "innocent",
            "host/files",
            "host/files/in",
            "to-host/files/in",
            "hostile",
        ];
        for name in free {
            let checked = guarded.check_place(&dir.path().join(name));
            assert_eq!(checked, Ok(()), "{name}");
        }
        // What a link leads to is one thing, what is behind it when it is opened another.
        let policy = format!(
            "[[files]]\nhost = \"{}\"\nguest = \"/in\"\n",
            dir.path().join("to-host").display()
        );
        let policy = Policy::parse(&policy, "test").unwrap();
        let problem = guarded.check(&policy).unwrap_err();
        assert!(problem.contains("`/in`"), "{problem}");
    }

    #[test]
    fn a_bind_mount_is_where_it_comes_from() {
        let mounts = Mounts::parse(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
             30 22 8:1 /srv/ewh/policies /mnt/in\\040nocent rw - ext4 /dev/sda1 rw\n\
             31 22 8:2 / /srv/other rw - ext4 /dev/sdb1 rw\n",
        );
        let spot = |real: &str| Spot {
            real: real.into(),
            id: None,
            ids: Vec::new(),
            place: mounts.place(Path::new(real)),
        };
        let policies = spot("/srv/ewh/policies");
        assert!(spot("/mnt/in nocent").holds(&policies));
        assert!(policies.holds(&spot("/mnt/in nocent/deeper")));
        assert!(spot("/srv/ewh").holds(&spot("/mnt/in nocent")));
        assert!(!spot("/mnt").holds(&policies));
        assert!(!spot("/srv/other").holds(&policies) && !policies.holds(&spot("/srv/other")));
        // So a grant of what is above the mount is held against what is mounted below it.
        let below: Vec<_> = mounts.below(Path::new("/mnt")).into_iter().collect();
        assert!(matches!(&below[..], [one] if one.holds(&policies)));
    }

    fn granting(text: &str, guarded: &Guarded) -> Result<(), String> {
        guarded.check(&Policy::parse(text, "test").unwrap())
    }

    #[test]
    fn a_grant_that_names_where_the_host_listens_is_refused() {
        let guarded = Guarded::default();
        guarded.listen("127.0.0.1:9382".parse().unwrap());
        guarded.listen("0.0.0.0:9383".parse().unwrap());
        let sockets = |host: &str, ports: &str| {
            format!("[[sockets]]\nprotocol = \"both\"\nhost = \"{host}\"\nports = [{ports}]\n")
        };
        let http = |host: &str, ports: &str| {
            format!("[[http]]\nhost = \"{host}\"\nmethods = [\"GET\"]\nports = [{ports}]\n")
        };
        for host in ["localhost", "127.0.0.1", "127.0.0.0/8", "::1", "0.0.0.0"] {
            for ports in ["9382", "1, 9383"] {
                for grant in [sockets(host, ports), http(host, ports)] {
                    let problem = granting(&grant, &guarded).expect_err(&grant);
                    let names_both = problem.contains(host) && problem.contains(":938");
                    assert!(names_both, "{problem}");
                }
            }
        }
        for fine in [
            sockets("127.0.0.1", "9384"),
            sockets("127.0.0.1", "\"9000-9999\""),
            sockets("127.0.0.1", "\"*\""),
            sockets("redis.example", "9382"),
            sockets("10.0.0.0/8", "9382"),
            http("*", "9382"),
            http("localhost", ""),
        ] {
            assert_eq!(granting(&fine, &guarded), Ok(()), "{fine}");
        }
    }

    #[test]
    fn the_host_knows_itself_in_every_spelling() {
        let guarded = Guarded::default();
        guarded.listen("127.0.0.1:9382".parse().unwrap());
        guarded.listen("0.0.0.0:9383".parse().unwrap());
        guarded.listen("192.0.2.1:9384".parse().unwrap());
        let table = [
            ("127.0.0.1:9382", true),
            ("127.0.0.2:9382", true),
            ("0.0.0.0:9382", true),
            ("[::1]:9382", true),
            ("[::]:9382", true),
            ("[::ffff:127.0.0.1]:9382", true),
            ("127.0.0.1:9381", false),
            ("192.0.2.7:9382", false),
            ("127.0.0.1:9383", true),
            ("[::ffff:0.0.0.0]:9383", true),
            // No address of this machine: it is for documentation.
            ("192.0.2.7:9383", false),
            ("192.0.2.1:9384", true),
            ("127.0.0.1:9384", false),
        ];
        for (peer, expected) in table {
            assert_eq!(guarded.is_own(peer.parse().unwrap()), expected, "{peer}");
        }
    }
}
