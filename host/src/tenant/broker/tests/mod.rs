//! Processes that pass their calls on, as one that a guest has taken over does: the test starts itself again, and
//! what it starts is one.

mod folders;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::*;
use crate::engine::Program;
use crate::tenant::channel::{Compilers, Hears, Told};
use crate::tenant::confine::hand_over;
use crate::worker::DataDir;

/// Says what the process that the test starts is to do.
const ROLE: &str = "EWH_TEST_BROKERED";
/// What it says begins with this, among what the runner of tests says.
const SAYS: &str = "\u{1}";
const CHILD: &str = "tenant::broker::tests::a_process_that_asks";

/// What belongs to a tenant whose process asks.
struct Site {
    data: tempfile::TempDir,
    guarded: Guarded,
}

impl Site {
    fn new(policy: &str) -> Self {
        let site = Self {
            data: tempfile::tempdir().unwrap(),
            guarded: Guarded::default(),
        };
        site.write(policy);
        site
    }

    fn write(&self, policy: &str) {
        let policies = self.data.path().join("policies");
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("lab.toml"), policy).unwrap();
        std::thread::sleep(limits::BROKER_LOOKS_EVERY);
    }

    fn broker(&self) -> Arc<Broker> {
        let policies = Policies {
            of_tenant: None,
            data_dir: DataDir {
                data: self.data.path().to_owned(),
            },
        };
        Arc::new(Broker::new(
            policies,
            self.guarded.clone(),
            Auditor::default(),
        ))
    }

    /// A process that does `role` with `peer`, or tries to with `other`, and hears and says lines.
    fn start(&self, role: &str, peer: SocketAddr, other: SocketAddr) -> Asking {
        self.start_watched(role, peer, other, |pid| pid)
    }

    /// One that is taken for the process that `watched` says.
    fn start_watched(
        &self,
        role: &str,
        peer: SocketAddr,
        other: SocketAddr,
        watched: impl FnOnce(u32) -> u32,
    ) -> Asking {
        let (hears, given) = Hears::pair().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{role} {peer} {other}"))
            .env(folders::PLACE, self.data.path())
            .stdin(Stdio::from(given))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            // A terminal is a device that nobody granted.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let broker = self.broker();
        let (wants, devices) = broker.begin(Some(watched(child.id())));
        let hearing = Arc::clone(&broker);
        tokio::spawn(async move { hearing.open(devices).await });
        let hearing = Arc::clone(&broker);
        let nowhere = Compilers::new(Program {
            program: "/nowhere".into(),
            arguments: Vec::new(),
        });
        tokio::spawn(async move {
            let hear = |told| match told {
                Told::Brokered(over) => hearing.hand_over(over),
                Told::Open(wanted) => wants.want(wanted),
                _ => {}
            };
            hears.listen(&nowhere, hear).await
        });
        ours.set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let asking = std::thread::spawn(move || child.wait());
        Asking {
            broker,
            said: Some(BufReader::new(ours)),
            _ended: asking,
        }
    }
}

struct Asking {
    broker: Arc<Broker>,
    said: Option<BufReader<UnixStream>>,
    _ended: std::thread::JoinHandle<std::io::Result<std::process::ExitStatus>>,
}

impl Asking {
    /// The next line that it says of what it did.
    async fn next(&mut self) -> String {
        let mut said = self.said.take().unwrap();
        let heard = tokio::task::spawn_blocking(move || {
            loop {
                let mut line = String::new();
                assert_ne!(said.read_line(&mut line).unwrap(), 0, "it has ended");
                if let Some((_, line)) = line.trim_end().split_once(SAYS) {
                    return (line.to_owned(), said);
                }
            }
        });
        let (line, said) = heard.await.unwrap();
        self.said = Some(said);
        line
    }

    /// Lets it do the next thing.
    fn go_on(&mut self) {
        let said = self.said.as_mut().unwrap();
        said.get_mut().write_all(b"\n").unwrap();
    }
}

fn say(line: impl fmt::Display) {
    println!("{SAYS}{line}");
}

/// Waits until it may go on.
fn wait() {
    // Its standard output is a socket.
    let said = std::io::stdout().as_fd().try_clone_to_owned().unwrap();
    let mut byte = [0];
    std::fs::File::from(said).read_exact(&mut byte).unwrap();
}

fn tcp(flags: SocketFlags) -> OwnedFd {
    let made = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
    made.unwrap()
}

/// What became of connecting to `peer`, without waiting.
fn connect(peer: SocketAddr) -> String {
    let socket = tcp(SocketFlags::NONBLOCK);
    name(rustix::net::connect(&socket, &peer))
}

fn name(done: Result<(), Errno>) -> String {
    match done {
        Ok(()) | Err(Errno::INPROGRESS) => "done".to_owned(),
        Err(Errno::ACCESS) => "refused".to_owned(),
        Err(errno) => format!("{errno:?}"),
    }
}

/// Not a test by itself: what [`Site::start`] starts.
#[test]
fn a_process_that_asks() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let mut words = role.split(' ');
    let role = words.next().unwrap();
    let mut address = || words.next().unwrap().parse::<SocketAddr>().unwrap();
    let (peer, other) = (address(), address());
    let asks = hand_over(std::io::stdin().as_fd()).unwrap();
    say(asks != Asks::Nothing);
    match role {
        "connect" => loop {
            say(connect(peer));
            wait();
        },
        "hostile" => hostile(peer, other),
        "keeps" => {
            let socket = tcp(SocketFlags::NONBLOCK);
            say(name(rustix::net::connect(&socket, &peer)));
            wait();
            drop(socket);
            say("closed");
            wait();
        }
        "hides" => {
            let socket = tcp(SocketFlags::NONBLOCK);
            say(name(rustix::net::connect(&socket, &peer)));
            let (one, other) = UnixStream::pair().unwrap();
            crate::tenant::channel::give(&one.into(), Ok(socket)).unwrap();
            say("hidden");
            wait();
            drop(other);
        }
        "times" => times(peer),
        "folders" => folders::use_them(asks),
        other => panic!("{other}"),
    }
}

/// Everything but connecting a socket that does not wait to an address.
fn hostile(peer: SocketAddr, other: SocketAddr) {
    say(name(rustix::net::connect(tcp(SocketFlags::empty()), &peer)));
    let socket = tcp(SocketFlags::NONBLOCK);
    say(name(rustix::net::listen(&socket, 1)));
    say(name(rustix::net::bind(
        &socket,
        &SocketAddr::from(([127, 0, 0, 1], 0)),
    )));
    say(name(rustix::net::connect_unspec(&socket)));
    say(UdpSocket::bind("127.0.0.1:0").is_err());
    say(UnixStream::connect("/run/nobody")
        .unwrap_err()
        .raw_os_error()
        == Some(libc::EACCES));
    // SAFETY: the kernel is given addresses that nothing is at, and lengths that no address has.
    let raw = |descriptor: i32, at: usize, length: u32| unsafe {
        libc::connect(descriptor, at as *const libc::sockaddr, length)
    };
    let of = socket.as_raw_fd();
    for (descriptor, at, length, errno) in [
        (of, 8, 16, libc::EFAULT),
        (of, usize::MAX, 16, libc::EFAULT),
        (of, 8, u32::MAX, libc::EINVAL),
        (of, 8, 0, libc::EINVAL),
        (-1, 8, 16, libc::EBADF),
        (i32::MAX, 8, 16, libc::EBADF),
        (0, 8, 16, libc::EACCES),
    ] {
        assert_eq!(raw(descriptor, at, length), -1);
        let found = std::io::Error::last_os_error().raw_os_error();
        assert_eq!(found, Some(errno), "{descriptor} {at} {length}");
    }
    say("done");
    say(changed_meanwhile(peer, other));
}

/// How many connections lead to `other`, when the address is changed to that while it is looked at.
fn changed_meanwhile(peer: SocketAddr, other: SocketAddr) -> usize {
    let address = |port: u16| libc::sockaddr_in {
        sin_family: u16::try_from(libc::AF_INET).unwrap(),
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
        },
        sin_zero: [0; 8],
    };
    let both = [peer, other].map(|it| address(it.port()));
    let shown = Box::leak(Box::new(both[0]));
    let at = std::ptr::from_mut(shown) as usize;
    let is_over = Arc::new(AtomicBool::new(false));
    let changing = Arc::clone(&is_over);
    let changes = std::thread::spawn(move || {
        for address in both.iter().cycle() {
            // SAFETY: the address lives for ever, and whoever reads it meanwhile is not of this program.
            unsafe { std::ptr::write_volatile(at as *mut libc::sockaddr_in, *address) };
            if changing.load(Ordering::SeqCst) {
                return;
            }
        }
    });
    let led = (0..2_000).filter(|_| {
        let socket = tcp(SocketFlags::NONBLOCK);
        let of = socket.as_raw_fd();
        // SAFETY: there is an address of this length.
        let _ = unsafe { libc::connect(of, at as *const libc::sockaddr, 16) };
        let there = rustix::net::getpeername(&socket).ok().flatten();
        there.and_then(|there| SocketAddr::try_from(there).ok()) == Some(other)
    });
    let led = led.count();
    is_over.store(true, Ordering::SeqCst);
    changes.join().unwrap();
    led
}

/// Tells how long connecting takes.
fn times(peer: SocketAddr) {
    let mut all: Vec<_> = (0..1_000)
        .map(|_| {
            let socket = tcp(SocketFlags::NONBLOCK);
            let began = Instant::now();
            let _ = rustix::net::connect(&socket, &peer);
            began.elapsed()
        })
        .collect();
    all.sort();
    say(format_args!("p50 {:?} p99 {:?}", all[500], all[990]));
}

fn grant(host: &str, port: u16) -> String {
    format!("[[sockets]]\nprotocol = \"tcp\"\nhost = \"{host}\"\nports = [{port}]\n")
}

fn listens() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn what_is_granted_later_is_there_and_what_is_taken_away_is_not() {
    let (_listener, peer) = listens();
    let site = Site::new("");
    let mut asking = site.start("connect", peer, peer);
    assert_eq!(asking.next().await, "true");
    assert_ne!(asking.broker.asks(), Asks::Nothing);
    assert_eq!(asking.next().await, "refused");
    for _ in 0..3 {
        site.write(&grant("127.0.0.0/8", peer.port()));
        asking.go_on();
        assert_eq!(asking.next().await, "done");
        site.write(&grant("127.0.0.0/8", peer.port() ^ 1));
        asking.go_on();
        assert_eq!(asking.next().await, "refused");
    }
    // Where the host itself listens, whatever is granted.
    site.write("[[sockets]]\nprotocol = \"tcp\"\nhost = \"127.0.0.0/8\"\nports = [\"*\"]\n");
    asking.go_on();
    assert_eq!(asking.next().await, "done");
    site.guarded.listen(peer);
    asking.go_on();
    assert_eq!(asking.next().await, "refused");
}

#[tokio::test]
async fn where_nobody_can_look_at_it_a_process_is_left_to_the_kernel() {
    let (_listener, peer) = listens();
    let site = Site::new("");
    let mut asking = site.start_watched("connect", peer, peer, |_| std::process::id());
    assert_eq!(asking.next().await, "false");
    assert_eq!(asking.broker.asks(), Asks::Nothing);
    assert_eq!(asking.next().await, "done");
}

#[tokio::test]
async fn what_a_process_asks_is_a_strangers_word() {
    let (_listener, peer) = listens();
    let (elsewhere, other) = listens();
    let site = Site::new(&grant("127.0.0.1", peer.port()));
    let mut asking = site.start("hostile", peer, other);
    assert_eq!(asking.next().await, "true");
    for attempt in ["connects and waits", "listens unbound", "binds", "forgets"] {
        assert_eq!(asking.next().await, "refused", "{attempt}");
    }
    assert_eq!(asking.next().await, "true", "no datagrams");
    assert_eq!(asking.next().await, "true", "no local service");
    assert_eq!(asking.next().await, "done");
    assert_eq!(asking.next().await, "0", "led elsewhere");
    elsewhere.set_nonblocking(true).unwrap();
    assert_eq!(
        elsewhere.accept().unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
}

#[tokio::test]
async fn what_stays_open_is_found_wherever_it_is() {
    let (_listener, peer) = listens();
    for role in ["keeps", "hides"] {
        let site = Site::new(&grant("127.0.0.1", peer.port()));
        let mut asking = site.start(role, peer, peer);
        assert_eq!(asking.next().await, "true");
        assert_eq!(asking.next().await, "done");
        let find = |asking: &Asking| {
            let process = asking.broker.serves().process.clone().unwrap();
            left::find(&asking.broker.live, &process)
        };
        if role == "keeps" {
            assert_eq!(find(&asking), None);
            site.write("");
            assert_eq!(find(&asking), Some(format!("a connection to {peer}")));
            asking.go_on();
            assert_eq!(asking.next().await, "closed");
            assert_eq!(find(&asking), None);
        } else {
            assert_eq!(asking.next().await, "hidden");
            assert_eq!(find(&asking), Some("descriptors on their way".to_owned()));
        }
    }
}

#[tokio::test]
async fn a_connection_costs_little_more() {
    let (listener, peer) = listens();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let site = Site::new(&grant("127.0.0.1", peer.port()));
    let mut asking = site.start("times", peer, peer);
    assert_eq!(asking.next().await, "true");
    println!("a connection that is asked for: {}", asking.next().await);
}
