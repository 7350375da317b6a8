//! This program again: some commands start it with others of its commands.

use std::io;
use std::path::PathBuf;

/// As it was when it was started, whatever has become of its file since, where the system tells that.
pub(super) fn this_program() -> io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok("/proc/self/exe".into()),
        false => std::env::current_exe(),
    }
}
