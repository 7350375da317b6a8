//! What the kernel says that a confined process asks for, and how it is answered: the other end of the
//! filter in [`crate::tenant::confine::brokered`].
//!
//! Who asks waits in the kernel, and may be interrupted, end, or be a thread of which another changes the memory and
//! the descriptors meanwhile. So a socket is copied once, and memory is read once; what they are is found out
//! of the copy.

use std::ffi::{CString, c_void};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::deeds::Deed;
use crate::limits;
use crate::tenant::confine::brokered::MARK;

/// The most that an address has.
const MAX_ADDRESS_BYTES: usize = 128;
/// What a process has as its standard input.
const STDIN: RawFd = 0;

/// A process that asks. It has to be a child that nobody has waited for yet.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: Pid,
    descriptor: OwnedFd,
}

impl Process {
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self {
            pid,
            descriptor: pidfd_open(pid, PidfdFlags::empty())?,
        })
    }

    /// Whether what it asks for can be looked at: its descriptors, and its memory, which has a mark.
    pub(super) fn check(&self, mark: u64) -> io::Result<()> {
        self.copy(STDIN)?;
        let mut found = [0; size_of::<u64>()];
        self.read(mark, &mut found)?;
        match u64::from_ne_bytes(found) == MARK && fits() {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// What it is called by, whoever has its number later.
    pub(super) fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }

    /// A descriptor for what it has open with this one.
    pub(super) fn copy(&self, descriptor: RawFd) -> Result<OwnedFd, Errno> {
        if descriptor < 0 {
            return Err(Errno::BADF);
        }
        pidfd_getfd(&self.descriptor, descriptor, PidfdGetfdFlags::empty())
    }

    /// Reads its memory from `at` on.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        let here = libc::iovec {
            iov_base: into.as_mut_ptr().cast(),
            iov_len: into.len(),
        };
        let there = libc::iovec {
            iov_base: usize::try_from(at).map_err(|_| Errno::FAULT)? as *mut c_void,
            iov_len: into.len(),
        };
        let pid = self.pid.as_raw_nonzero().get();
        // SAFETY: what is written to is borrowed, and has the length that is said. The other address is one of
        // the other process, and nothing here.
        let read = unsafe { libc::process_vm_readv(pid, &here, 1, &there, 1, 0) };
        match usize::try_from(read) {
            Ok(read) if read == into.len() => Ok(()),
            _ => Err(Errno::FAULT),
        }
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// Something in a folder.
    Deed(Deed),
    Connect(RawFd, Place),
    Bind(RawFd, Place),
    Listen(RawFd, i32),
    /// A socket for datagrams.
    Datagrams,
    /// What no filter of this program passes on.
    Other,
}

/// Where an address is in the memory of who asks, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    at: u64,
    length: u64,
}

/// A call that waits for its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) asked: Asked,
}

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Answer {
    /// This was opened, and has this number in the process; none: the lowest that is free.
    Opened(OwnedFd, Option<RawFd>),
    /// It was made, or this is why not.
    Done(Result<(), Errno>),
    /// It is the kernel's to make, as far as that lets it.
    GoOn,
}

/// Where calls are heard.
#[derive(Debug)]
pub(super) struct Listener(pub(super) OwnedFd);

/// What the kernel says of a call; a newer one may say more.
#[repr(C)]
struct Notice {
    said: libc::seccomp_notif,
    _more: [u64; 32],
}

/// Whether what this kernel says has room here.
fn fits() -> bool {
    // SAFETY: all of it is numbers, of which zero is one, and it has the size that the kernel writes.
    let sizes = unsafe {
        let mut sizes: libc::seccomp_notif_sizes = std::mem::zeroed();
        let asked = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_NOTIF_SIZES,
            0,
            &mut sizes,
        );
        (asked == 0).then_some(sizes)
    };
    sizes.is_some_and(|sizes| {
        usize::from(sizes.seccomp_notif) <= size_of::<Notice>()
            && usize::from(sizes.seccomp_notif_resp) <= size_of::<libc::seccomp_notif_resp>()
    })
}

impl Listener {
    /// The next call; none: the process has ended.
    pub(super) fn next(&self) -> io::Result<Option<Call>> {
        loop {
            let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut polled, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [polled] = polled;
            if !polled.revents().contains(PollFlags::IN) {
                return Ok(None);
            }
            match self.receive() {
                Ok(notice) => return Ok(Some(call(&notice))),
                // Who asked is gone by now.
                Err(Errno::NOENT | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn receive(&self) -> Result<libc::seccomp_notif, Errno> {
        // SAFETY: all of it is numbers, of which zero is one; the kernel wants zeros there.
        let mut notice: Notice = unsafe { std::mem::zeroed() };
        let at = std::ptr::from_mut(&mut notice);
        self.request(libc::SECCOMP_IOCTL_NOTIF_RECV, at.cast())?;
        Ok(notice.said)
    }

    /// Whether who made the call still waits, so that what was read was its own.
    pub(super) fn waits(&self, id: u64) -> bool {
        let mut id = id;
        let at = std::ptr::from_mut(&mut id);
        self.request(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, at.cast())
            .is_ok()
    }

    /// Says what became of a call. Who does not wait any more is not told.
    pub(super) fn answer(&self, id: u64, answer: Answer) {
        let answer = match answer {
            Answer::Opened(descriptor, place) => match self.put(id, &descriptor, place) {
                Ok(()) => return,
                Err(errno) => Answer::Done(Err(errno)),
            },
            answer => answer,
        };
        let (error, flags) = match answer {
            // As if there were no room for it.
            Answer::Opened(..) => (libc::EMFILE.saturating_neg(), 0),
            Answer::Done(Ok(())) => (0, 0),
            Answer::Done(Err(errno)) => (errno.raw_os_error().saturating_neg(), 0),
            Answer::GoOn => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE),
        };
        let mut said = libc::seccomp_notif_resp {
            id,
            val: 0,
            error,
            flags: u32::try_from(flags).unwrap_or_default(),
        };
        let at = std::ptr::from_mut(&mut said);
        let _ = self.request(libc::SECCOMP_IOCTL_NOTIF_SEND, at.cast());
    }

    /// Whether this kernel gives descriptors with an answer (Linux 5.14): nobody has this call, and it says so.
    pub(super) fn puts(&self) -> bool {
        self.put(0, &self.0, None) == Err(Errno::NOENT)
    }

    /// Gives who asked a copy of a descriptor, and its number there as the answer.
    fn put(&self, id: u64, given: &OwnedFd, place: Option<RawFd>) -> Result<(), Errno> {
        let at_place = match place {
            Some(_) => libc::SECCOMP_ADDFD_FLAG_SETFD,
            None => 0,
        };
        let number = |descriptor: RawFd| u32::try_from(descriptor).map_err(|_| Errno::BADF);
        let mut given = libc::seccomp_notif_addfd {
            id,
            flags: u32::try_from(libc::SECCOMP_ADDFD_FLAG_SEND | at_place)
                .map_err(|_| Errno::INVAL)?,
            srcfd: number(given.as_raw_fd())?,
            newfd: place.map_or(Ok(0), number)?,
            newfd_flags: libc::O_CLOEXEC.unsigned_abs(),
        };
        let at = std::ptr::from_mut(&mut given);
        match self.request(libc::SECCOMP_IOCTL_NOTIF_ADDFD, at.cast()) {
            // It may have no more.
            Err(Errno::BADF) => Err(Errno::MFILE),
            done => done,
        }
    }

    fn request(&self, request: libc::Ioctl, at: *mut c_void) -> Result<(), Errno> {
        // SAFETY: each of the requests takes a pointer to what this file gives it, for as long as the call takes.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), request, at) } {
            0.. => Ok(()),
            _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
        }
    }
}

fn call(notice: &libc::seccomp_notif) -> Call {
    let number = libc::c_long::from(notice.data.nr);
    let [first, second, third, ..] = notice.data.args;
    // A descriptor is an int, of which a register has more than the kernel looks at.
    let socket = first as RawFd;
    let place = Place {
        at: second,
        // So is a length.
        length: third & u64::from(u32::MAX),
    };
    let asked = match number {
        libc::SYS_connect => Asked::Connect(socket, place),
        libc::SYS_bind => Asked::Bind(socket, place),
        libc::SYS_listen => Asked::Listen(socket, second as i32),
        libc::SYS_socket => Asked::Datagrams,
        _ => Deed::of(number, notice.data.args).map_or(Asked::Other, Asked::Deed),
    };
    Call {
        id: notice.id,
        asked,
    }
}

/// What an address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Somewhere on the network.
    Address(SocketAddr),
    /// Nowhere: a socket for datagrams forgets its peer.
    Nowhere,
    /// Something that is not of the network, such as a path.
    Other,
}

impl Process {
    /// The text at `at`, read once, as far as its end; no page is read that it does not reach.
    pub(super) fn text(&self, at: u64) -> Result<CString, Errno> {
        /// As much as is read at once; pages have a multiple of it.
        const PART: usize = 256;
        let mut text = Vec::new();
        let mut at = at;
        while text.len() < limits::MAX_PATH_BYTES {
            let mut part = [0; PART];
            let behind = usize::try_from(at % PART as u64).map_err(|_| Errno::FAULT)?;
            let part = part.get_mut(behind..).ok_or(Errno::FAULT)?;
            self.read(at, part)?;
            match part.iter().position(|byte| *byte == 0) {
                Some(end) => {
                    text.extend(part.iter().take(end));
                    return CString::new(text).map_err(|_| Errno::INVAL);
                }
                None => text.extend_from_slice(part),
            }
            at = at.checked_add(part.len() as u64).ok_or(Errno::FAULT)?;
        }
        Err(Errno::NAMETOOLONG)
    }

    /// The address at `place`, read once.
    pub(super) fn address(&self, place: Place) -> Result<Said, Errno> {
        let length = usize::try_from(place.length).map_err(|_| Errno::INVAL)?;
        let mut bytes = [0; MAX_ADDRESS_BYTES];
        let bytes = bytes.get_mut(..length).ok_or(Errno::INVAL)?;
        self.read(place.at, bytes)?;
        parse(bytes)
    }
}

/// Reads an address as the kernel does.
fn parse(bytes: &[u8]) -> Result<Said, Errno> {
    let (family, rest) = bytes.split_first_chunk().ok_or(Errno::INVAL)?;
    let family = i32::from(u16::from_ne_bytes(*family));
    let (port, rest) = match family {
        libc::AF_INET | libc::AF_INET6 => rest.split_first_chunk().ok_or(Errno::INVAL)?,
        libc::AF_UNSPEC => return Ok(Said::Nowhere),
        _ => return Ok(Said::Other),
    };
    let port = u16::from_be_bytes(*port);
    if family == libc::AF_INET {
        // What fills it up belongs to it.
        let (address, filling) = rest.split_first_chunk::<4>().ok_or(Errno::INVAL)?;
        return match filling.len() {
            8.. => Ok(Said::Address(
                SocketAddrV4::new(Ipv4Addr::from(*address), port).into(),
            )),
            _ => Err(Errno::INVAL),
        };
    }
    let (flow, rest) = rest.split_first_chunk().ok_or(Errno::INVAL)?;
    let (address, rest) = rest.split_first_chunk::<16>().ok_or(Errno::INVAL)?;
    let (scope, _) = rest.split_first_chunk().ok_or(Errno::INVAL)?;
    let (flow, scope) = (u32::from_be_bytes(*flow), u32::from_ne_bytes(*scope));
    let address = SocketAddrV6::new(Ipv6Addr::from(*address), port, flow, scope);
    Ok(Said::Address(address.into()))
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    Udp,
}

/// Of a socket of TCP or UDP; none: it is another, or none at all.
pub(super) fn kind(socket: BorrowedFd<'_>) -> Option<Kind> {
    use rustix::net::sockopt::{socket_domain, socket_protocol, socket_type};
    use rustix::net::{AddressFamily, SocketType, ipproto};
    let family = socket_domain(socket).ok()?;
    if ![AddressFamily::INET, AddressFamily::INET6].contains(&family) {
        return None;
    }
    match (socket_type(socket).ok()?, socket_protocol(socket).ok()?) {
        (SocketType::STREAM, Some(ipproto::TCP)) => Some(Kind::Tcp),
        (SocketType::DGRAM, Some(ipproto::UDP)) => Some(Kind::Udp),
        _ => None,
    }
}

/// Where a socket is.
pub(super) fn local(socket: &OwnedFd) -> Option<SocketAddr> {
    let local = rustix::net::getsockname(socket.as_fd()).ok()?;
    SocketAddr::try_from(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_kernel_reads_it() {
        let family = |family: i32| u16::try_from(family).unwrap().to_ne_bytes();
        let v4 = [
            &family(libc::AF_INET)[..],
            &[0x1f, 0x90, 127, 0, 0, 1],
            &[0; 8],
        ]
        .concat();
        let here = "127.0.0.1:8080".parse().unwrap();
        assert_eq!(parse(&v4), Ok(Said::Address(here)));
        let mut v6 = [&family(libc::AF_INET6)[..], &[0, 22], &[0; 24]].concat();
        v6[23] = 1;
        let here = "[::1]:22".parse().unwrap();
        assert_eq!(parse(&v6), Ok(Said::Address(here)));
        assert_eq!(parse(&family(libc::AF_UNSPEC)), Ok(Said::Nowhere));
        let path = [&family(libc::AF_UNIX)[..], b"/run/bus"].concat();
        assert_eq!(parse(&path), Ok(Said::Other));
        for short in [&v4[..15], &v6[..27], &v4[..2], &v4[..1], &[]] {
            assert_eq!(parse(short), Err(Errno::INVAL), "{short:?}");
        }
    }
}
