//! Shuts TCP sockets from outside of the store that has them. Their library hands out no descriptor, and a guest that
//! is busy keeps its store to itself; so the sockets are found among the descriptors of the process, by their ends.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, RawFd};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::sockopt::socket_type;
use rustix::net::{Shutdown, SocketType, getpeername, getsockname, shutdown};
use rustix::process::{Resource, getrlimit};

/// The descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Which sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The one from here to there.
    Connection {
        /// Here.
        local: SocketAddr,
        /// There.
        peer: SocketAddr,
    },
    /// The one that listens here, and those that came in through it.
    Listener(SocketAddr),
}

impl Ends {
    fn are(self, socket: BorrowedFd<'_>) -> bool {
        let here = getsockname(socket).ok().map(SocketAddr::try_from);
        let Some(Ok(here)) = here else {
            return false;
        };
        match self {
            Self::Connection { local, peer } => {
                let there = getpeername(socket).ok().flatten().map(SocketAddr::try_from);
                here == local && there == Some(Ok(peer))
            }
            Self::Listener(local) => {
                let is_here = local.ip().is_unspecified() || ip(local) == ip(here);
                here.port() == local.port() && is_here
            }
        }
    }
}

/// Without the dress that IPv4 has in a socket of IPv6.
fn ip(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

/// Shuts the sockets of this process that have one of these `ends`: nothing goes through them any more, and nobody
/// comes in. Whoever waits for one is woken.
pub(in crate::capability) fn shut(ends: &[Ends]) {
    for descriptor in descriptors() {
        // SAFETY: it is used for the system call that copies it only, which says whether it is one. Meanwhile it
        // may become another, so what is looked at and shut is the copy.
        let seen = unsafe { BorrowedFd::borrow_raw(descriptor) };
        // Not even looked at where it is none of TCP: datagrams have ports of their own.
        if socket_type(seen) != Ok(SocketType::STREAM) {
            continue;
        }
        let Ok(copy) = fcntl_dupfd_cloexec(seen, 0) else {
            continue;
        };
        if ends.iter().any(|ends| ends.are(copy.as_fd())) {
            // One that is shut already, or was closed by its peer, is as it should be.
            let _ = shutdown(&copy, Shutdown::Both);
        }
    }
}

/// Every number that may be that of a descriptor.
fn descriptors() -> Vec<RawFd> {
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse().ok()
    };
    match std::fs::read_dir(DESCRIPTORS) {
        Ok(entries) => entries.filter_map(number).collect(),
        // A confined process cannot list them.
        Err(_) => {
            let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
            (0..RawFd::try_from(most).unwrap_or(RawFd::MAX)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let made = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (made, listener.accept().unwrap().0)
    }

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn is_open(stream: &TcpStream) -> bool {
        stream.set_nonblocking(true).unwrap();
        let read = (&*stream).read(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    #[test]
    fn a_connection_is_shut_and_its_neighbour_is_not() {
        let listener = listener();
        let ((made, accepted), other) = (pair(&listener), pair(&listener));
        let (local, peer) = (made.local_addr().unwrap(), made.peer_addr().unwrap());
        shut(&[Ends::Connection { local, peer }]);
        assert!(!is_open(&made) && !is_open(&accepted));
        assert!(is_open(&other.0) && is_open(&other.1));
        let another = TcpStream::connect(listener.local_addr().unwrap());
        another.expect("the listener goes on");
    }

    #[test]
    fn with_a_listener_goes_what_came_in_there() {
        let (listener, other) = (listener(), listener());
        let (pair_of_it, pair_of_other) = (pair(&listener), pair(&other));
        let address = listener.local_addr().unwrap();
        let datagrams = UdpSocket::bind(address).unwrap();
        datagrams.connect(address).unwrap();
        shut(&[Ends::Listener(address)]);
        assert!(!is_open(&pair_of_it.0) && !is_open(&pair_of_it.1));
        assert!(is_open(&pair_of_other.0) && is_open(&pair_of_other.1));
        TcpStream::connect(address).expect_err("nobody listens there");
        datagrams.send(b"still").unwrap();
    }
}
