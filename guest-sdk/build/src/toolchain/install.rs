//! Installs what is missing, saying each command before it runs.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use crate::command;
use crate::error::Error;
use crate::lock;
use crate::progress::Progress;

use super::choice::Choice;
use super::machine::Machine;
use super::present::{self, Present};
use super::{NO_INSTALL, Route, TARGET, Toolchain};

/// Fetches the target for the toolchain in use.
pub(crate) fn rustup_command() -> Vec<&'static str> {
    vec!["rustup", "target", "add", TARGET]
}

/// A rustc with sources and the libc. Other rustc packages conflict with this one, and are the user's
/// to remove.
const RUST: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];

/// Installs [`RUST`].
pub(crate) fn apt_command() -> Vec<&'static str> {
    apt_command_for(&RUST)
}

fn apt_command_for(packages: &[&'static str]) -> Vec<&'static str> {
    let mut words = vec![
        "apt-get",
        "install",
        "-y",
        "--no-install-recommends",
        "--no-remove",
    ];
    words.extend(packages);
    words
}

/// Finds what is there of what `choice` allows, or else installs and looks again.
pub(super) fn find(
    machine: &Machine,
    choice: Choice,
    progress: &mut dyn Progress,
) -> Result<Toolchain, Error> {
    let present = present::look(machine, choice)?;
    if let Some(toolchain) = present.toolchain {
        return Ok(toolchain);
    }
    if !machine.may_install {
        let mut tried = present.missing;
        tried.push(format!(
            "nothing was installed, because {NO_INSTALL} is set"
        ));
        return Err(Error::NoTarget { tried });
    }
    let _lock = lock(machine, progress)?;
    // Whoever held the lock before may have installed it.
    let present = present::look(machine, choice)?;
    if let Some(toolchain) = present.toolchain {
        return Ok(toolchain);
    }
    install(machine, choice, present, progress)
}

/// Taken for the time of an installation.
pub(super) fn lock(machine: &Machine, progress: &mut dyn Progress) -> Result<File, Error> {
    let waiting = "waiting for another process that prepares the guest toolchain";
    lock::lock(&machine.lock, waiting, progress)
}

fn install(
    machine: &Machine,
    choice: Choice,
    present: Present,
    progress: &mut dyn Progress,
) -> Result<Toolchain, Error> {
    let mut tried = present.missing;
    if choice.allows(Route::Installed) {
        tried.extend(rustup(machine, progress).err());
    }
    let present = present::look(machine, choice)?;
    if let Some(toolchain) = present.toolchain {
        return Ok(toolchain);
    }
    if present.packages_would_help {
        tried.extend(apt(machine, &RUST, progress).err());
    }
    present::look(machine, choice)?
        .toolchain
        .ok_or(Error::NoTarget { tried })
}

fn rustup(machine: &Machine, progress: &mut dyn Progress) -> Result<(), String> {
    if machine.which("rustup").is_none() {
        return Err("rustup is not installed".to_owned());
    }
    let command = typed(machine, &rustup_command());
    run(command, machine.rustup_time, progress)
}

/// Installs packages of Debian; why not, if it cannot.
pub(super) fn apt(
    machine: &Machine,
    packages: &[&'static str],
    progress: &mut dyn Progress,
) -> Result<(), String> {
    if machine.which("apt-get").is_none() {
        return Err("there is no apt-get, so Debian's packages cannot be installed".to_owned());
    }
    if !machine.is_root {
        return Err("installing Debian's packages takes root".to_owned());
    }
    // With yesterday's lists the packages may still be had, so a failure is told and not final.
    let update = run(
        typed(machine, &["apt-get", "update"]),
        machine.apt_time,
        progress,
    );
    if let Err(problem) = &update {
        progress.note(problem);
    }
    let install = typed(machine, &apt_command_for(packages));
    run(install, machine.apt_time, progress)
}

fn typed(machine: &Machine, words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().unwrap_or((&"", &[]));
    let mut command = machine.command(program);
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // No server is started by its installation.
        .env("RUNLEVEL", "1");
    command
}

fn run(command: Command, limit: Duration, progress: &mut dyn Progress) -> Result<(), String> {
    progress.command(&command::display(&command));
    command::run(command, limit)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
#[cfg(unix)]
#[path = "install_tests.rs"]
mod tests;
