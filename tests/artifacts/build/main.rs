//! Builds every guest in `guests/` with one cargo, so that a clean checkout passes `cargo test`.
//!
//! `EWH_GUEST_TOOLCHAIN` says with which toolchain: what the tests expect of the host holds whichever it is.
//!
//! For the tests it writes a constant with each component's path, and a list of the attacks, to be compared
//! with the table of them.

mod attack;
mod guest;
mod packages;
mod rust;
mod text;
mod write;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use external_worker_build::{GUEST_TOOLCHAIN, Stderr, Toolchain};
use guest::Kind;

/// Where guests are built, when several checkouts or target directories shall share one.
const GUESTS_DIR: &str = "GUESTS_DIR";

/// What a guest is made of, seen from the root of the workspace.
const SOURCES: &[&str] = &[
    "guests",
    "guest-sdk",
    "tests/bench/raw.wat",
    "wit",
    "Cargo.toml",
    "Cargo.lock",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Cargo shows a build script's standard error when it fails.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let root = workspace_root()?;
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    println!("cargo::rerun-if-env-changed={GUESTS_DIR}");
    for variable in [external_worker_build::NO_INSTALL, GUEST_TOOLCHAIN] {
        println!("cargo::rerun-if-env-changed={variable}");
    }

    packages::prepare();
    let toolchain = Toolchain::find_for(&root, &mut Stderr::default())?;
    let target_dir = env::var_os(GUESTS_DIR).map_or_else(|| beside(&out_dir), PathBuf::from);
    let mut guests = rust::build(&root, &toolchain, &target_dir)?;
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    guest::check_names(&guests)?;
    let wit = root.join("wit");
    let (mut attacks, raw) = text::build(
        &root.join("guests/hostile/wat"),
        &root.join("tests/bench/raw.wat"),
        &wit,
        &target_dir.join("wat"),
    )?;
    for guest in guests.iter().filter(|guest| guest.kind == Kind::Hostile) {
        attacks.extend(attack::of_crate(&guest.dir, &guest.path)?);
    }
    attacks.sort_by(|a, b| a.name.cmp(&b.name));
    let source = write::source(&toolchain.describe(), &guests, &raw, &attacks);
    std::fs::write(out_dir.join("guests.rs"), source)?;
    Ok(())
}

fn workspace_root() -> Result<PathBuf, Box<dyn Error>> {
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = package
        .ancestors()
        .nth(2)
        .ok_or("tests/artifacts is not in the workspace")?;
    Ok(root.to_owned())
}

/// A directory that all profiles and features share, since building `std` takes long: `guests` in
/// the outer cargo's target directory, which that cargo marked. Never that directory itself, whose
/// lock the outer cargo holds. A toolchain that was chosen has one of its own, such as `guests-debian`, so that
/// what either built is there when the other is asked for.
fn beside(out_dir: &Path) -> PathBuf {
    let target = out_dir
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file());
    let name = match env::var(GUEST_TOOLCHAIN) {
        Ok(chosen) if !chosen.is_empty() => format!("guests-{chosen}"),
        _ => "guests".to_owned(),
    };
    target.unwrap_or(out_dir).join(name)
}
