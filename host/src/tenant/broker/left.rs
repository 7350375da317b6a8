//! Finds what a process still has open of what is not granted any more. It closes that itself, as long as
//! nobody has taken it over.
//!
//! Descriptors can be hidden from this where they are on their way through a socket, so a process that has any on
//! the way counts as one that hides something. It has one table of descriptors for all of its threads
//! ([`crate::tenant::confine`]).

use std::collections::BTreeSet;
use std::fs;
use std::mem::size_of_val;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;

use rustix::net::getpeername;
use rustix::net::sockopt::socket_acceptconn;

use super::live::Live;
use super::notice::{Kind, Process, kind, local};
use super::still::Still;

/// Devices that are no devices: nothing, zeros, random bytes.
const OF_MEMORY: u32 = 1;
/// States of TCP (`TCP_CLOSE`, `TCP_LISTEN`).
const CLOSED: u8 = 7;

/// What the process has open and should not; none: nothing, or it is gone.
pub(super) fn find(live: &Live, process: &Process) -> Option<String> {
    let _still = Still::stop(process);
    let of = PathBuf::from(format!("/proc/{}", process.pid.as_raw_nonzero()));
    let numbers = fs::read_dir(of.join("fd")).ok()?;
    let numbers = numbers.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let devices: BTreeSet<u64> = live
        .devices()
        .into_iter()
        .filter_map(|device| Some(fs::metadata(device).ok()?.rdev()))
        .collect();
    let (mut listens, mut sockets) = (BTreeSet::new(), Vec::new());
    for number in numbers {
        let number: RawFd = number;
        let Ok(meta) = fs::metadata(of.join(format!("fd/{number}"))) else {
            continue;
        };
        let (kind, rdev) = (meta.file_type(), meta.rdev());
        let is_real = rustix::fs::major(rdev) != OF_MEMORY;
        if kind.is_char_device() && is_real && !devices.contains(&rdev) {
            return Some("a device".to_owned());
        }
        if !kind.is_socket() {
            continue;
        }
        if hides(&of.join(format!("fdinfo/{number}"))) {
            return Some("descriptors on their way".to_owned());
        }
        let Ok(socket) = process.copy(number) else {
            continue;
        };
        match listener(live, &socket) {
            Some(Ok(port)) => drop(listens.insert(port)),
            Some(Err(what)) => return Some(what),
            None => sockets.push(socket),
        }
    }
    sockets
        .iter()
        .find_map(|socket| is_left(live, &listens, socket))
}

/// Whether there are descriptors in what the socket has not read yet.
fn hides(info: &std::path::Path) -> bool {
    let info = fs::read_to_string(info).unwrap_or_default();
    let mut on_their_way = info
        .lines()
        .filter_map(|line| line.strip_prefix("scm_fds:"));
    on_their_way.any(|count| count.trim() != "0")
}

/// The port of a socket that listens, if it may.
fn listener(live: &Live, socket: &OwnedFd) -> Option<Result<u16, String>> {
    if kind(socket.as_fd()) != Some(Kind::Tcp) || !socket_acceptconn(socket).ok()? {
        return None;
    }
    let here = local(socket)?;
    let may = live.is_own(here) || live.bind(here, true).is_ok();
    Some(match may {
        true => Ok(here.port()),
        false => Err(format!("{here}, where it listens")),
    })
}

/// What is left of a socket that does not listen. What came in is as its listener.
fn is_left(live: &Live, listens: &BTreeSet<u16>, socket: &OwnedFd) -> Option<String> {
    match kind(socket.as_fd())? {
        Kind::Udp => (!live.datagrams()).then(|| "a socket for datagrams".to_owned()),
        Kind::Tcp => {
            let came_in = local(socket).is_some_and(|here| listens.contains(&here.port()));
            let peer = getpeername(socket).ok().flatten();
            match peer.and_then(|peer| std::net::SocketAddr::try_from(peer).ok()) {
                Some(peer) if !came_in && live.connect(peer).is_err() => {
                    Some(format!("a connection to {peer}"))
                }
                Some(_) => None,
                None => is_on_its_way(socket).then(|| "a connection that it makes".to_owned()),
            }
        }
    }
}

/// Whether a socket without a peer is about to have one.
fn is_on_its_way(socket: &OwnedFd) -> bool {
    let mut state = 0_u8;
    let mut length = libc::socklen_t::try_from(size_of_val(&state)).unwrap_or_default();
    // SAFETY: the kernel writes no more than the length says, which is that of the number.
    let asked = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            std::ptr::from_mut(&mut state).cast(),
            &mut length,
        )
    };
    asked == 0 && state != CLOSED
}
