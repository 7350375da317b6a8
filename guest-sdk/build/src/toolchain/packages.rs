//! Debian packages that tests need besides the toolchain: servers to talk to, other languages.

use std::path::Path;
use std::time::Duration;

use crate::command;
use crate::error::Error;
use crate::progress::Progress;

use super::NO_INSTALL;
use super::install;
use super::machine::Machine;

/// How long the check of one package may take.
const CHECK_TIME: Duration = Duration::from_secs(60);

/// A package of Debian.
#[derive(Clone, Copy, Debug)]
pub struct DebianPackage {
    /// Its name.
    pub name: &'static str,
    /// A command that succeeds where it is installed.
    pub check: &'static [&'static str],
}

/// Installs those of `packages` that are missing, and says so.
///
/// # Errors
/// [`Error::NoPackages`] with what to type, when they cannot be installed here.
pub fn prepare_packages(
    packages: &[DebianPackage],
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    prepare(&Machine::this(Path::new(".")), packages, progress)
}

pub(super) fn prepare(
    machine: &Machine,
    packages: &[DebianPackage],
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    if missing(machine, packages).is_empty() {
        return Ok(());
    }
    let _lock = install::lock(machine, progress)?;
    // Whoever held the lock before may have installed them.
    let names = missing(machine, packages);
    if names.is_empty() {
        return Ok(());
    }
    let why = if machine.may_install {
        install::apt(machine, &names, progress).err()
    } else {
        Some(format!("{NO_INSTALL} is set"))
    };
    match why {
        None if missing(machine, packages).is_empty() => Ok(()),
        why => Err(Error::NoPackages {
            missing: names.join(" "),
            why: why.unwrap_or_else(|| "they do not work after they were installed".to_owned()),
        }),
    }
}

fn missing(machine: &Machine, packages: &[DebianPackage]) -> Vec<&'static str> {
    let works = |package: &&DebianPackage| {
        let Some((program, arguments)) = package.check.split_first() else {
            return true;
        };
        let mut check = machine.command(program);
        check.args(arguments);
        command::run(check, CHECK_TIME).is_ok()
    };
    let all = packages.iter();
    all.filter(|package| !works(package))
        .map(|package| package.name)
        .collect()
}
