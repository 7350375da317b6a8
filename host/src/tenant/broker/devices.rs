//! Opens devices for a confined process. A port that is plugged in again is another file at the same path,
//! which no rule of landlock knows; so each one is opened here, where its grant is.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, open as open_file};
use rustix::io::Errno;
use rustix::termios::isatty;

use super::Audit;
use super::live::Live;

/// The device at `path`, if it is granted now. It is opened as `capability/serial` does.
pub(super) fn open(live: &Live, audit: &Audit, path: &Path) -> io::Result<OwnedFd> {
    // Both sides find a granted port at the same path.
    if !live.devices().iter().any(|granted| granted == path) {
        let what = format_args!("opening {}", path.display());
        audit.denied(what, "no grant leads there");
        return Err(Errno::ACCESS.into());
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let device = open_file(path, flags, Mode::empty())?;
    // It may have become something else since it was looked for.
    let kind = FileType::from_raw_mode(fstat(&device)?.st_mode);
    match kind == FileType::CharacterDevice && isatty(&device) {
        true => Ok(device),
        false => Err(Errno::NOTTY.into()),
    }
}
