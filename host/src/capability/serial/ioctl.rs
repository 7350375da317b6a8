//! The few terminal requests that `rustix` has no safe call for: modem lines, break, and the pair
//! of ends that a pseudo-terminal is.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use rustix::fd::AsFd;
use rustix::ioctl::{Getter, NoArg, Opcode, Setter, ioctl};

const TIOCMGET: Opcode = libc::TIOCMGET as Opcode;
const TIOCMBIS: Opcode = libc::TIOCMBIS as Opcode;
const TIOCMBIC: Opcode = libc::TIOCMBIC as Opcode;
const TIOCSBRK: Opcode = libc::TIOCSBRK as Opcode;
const TIOCCBRK: Opcode = libc::TIOCCBRK as Opcode;
const TIOCSPTLCK: Opcode = libc::TIOCSPTLCK as Opcode;
const TIOCGPTN: Opcode = libc::TIOCGPTN as Opcode;

/// An output control line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Output {
    /// Data terminal ready.
    Dtr,
    /// Request to send.
    Rts,
}

/// The bits of the modem lines, as `TIOCM_*`.
pub(super) fn lines(fd: impl AsFd) -> io::Result<i32> {
    // SAFETY: `TIOCMGET` writes one `int`.
    Ok(unsafe { ioctl(fd, Getter::<TIOCMGET, i32>::new()) }?)
}

/// Raises or lowers one output line.
pub(super) fn set_line(fd: impl AsFd, line: Output, on: bool) -> io::Result<()> {
    let bits: i32 = match line {
        Output::Dtr => libc::TIOCM_DTR,
        Output::Rts => libc::TIOCM_RTS,
    };
    let done = if on {
        // SAFETY: `TIOCMBIS` reads one `int`.
        unsafe { ioctl(fd, Setter::<TIOCMBIS, i32>::new(bits)) }
    } else {
        // SAFETY: `TIOCMBIC` reads one `int`.
        unsafe { ioctl(fd, Setter::<TIOCMBIC, i32>::new(bits)) }
    };
    Ok(done?)
}

/// Begins or ends a break condition.
pub(super) fn set_break(fd: impl AsFd, on: bool) -> io::Result<()> {
    let done = if on {
        // SAFETY: `TIOCSBRK` takes no argument.
        unsafe { ioctl(fd, NoArg::<TIOCSBRK>::new()) }
    } else {
        // SAFETY: `TIOCCBRK` takes no argument.
        unsafe { ioctl(fd, NoArg::<TIOCCBRK>::new()) }
    };
    Ok(done?)
}

/// A new pseudo-terminal: the end of the instrument, and the device that a worker can be granted.
/// It is a serial line without a cable, for demonstrations and tests.
///
/// # Errors
/// When the system has none left.
pub fn pseudo_terminal() -> io::Result<(File, PathBuf)> {
    let instrument = File::options().read(true).write(true).open("/dev/ptmx")?;
    // SAFETY: `TIOCSPTLCK` reads one `int`.
    unsafe { ioctl(&instrument, Setter::<TIOCSPTLCK, i32>::new(0)) }?;
    // SAFETY: `TIOCGPTN` writes one `unsigned int`.
    let number = unsafe { ioctl(&instrument, Getter::<TIOCGPTN, u32>::new()) }?;
    Ok((instrument, PathBuf::from(format!("/dev/pts/{number}"))))
}
