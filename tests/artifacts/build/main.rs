//! Builds every guest in `guests/` with one cargo, so that a clean checkout passes `cargo test`.
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

use guest::Kind;

/// Where guests are built, when several checkouts or target directories shall share one.
const GUESTS_DIR: &str = "GUESTS_DIR";

/// What a guest is made of, seen from the root of the workspace.
const SOURCES: &[&str] = &["guests", "guest-sdk", "wit", "Cargo.toml", "Cargo.lock"];

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
    println!(
        "cargo::rerun-if-env-changed={}",
        external_worker_build::NO_INSTALL
    );

    packages::prepare();
    let target_dir = env::var_os(GUESTS_DIR).map_or_else(|| beside(&out_dir), PathBuf::from);
    let mut guests = rust::build(&root, &target_dir)?;
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    guest::check_names(&guests)?;
    let wit = root.join("wit");
    let mut attacks = text::build(
        &root.join("guests/hostile/wat"),
        &wit,
        &target_dir.join("wat"),
    )?;
    for guest in guests.iter().filter(|guest| guest.kind == Kind::Hostile) {
        attacks.extend(attack::of_crate(&guest.dir, &guest.path)?);
    }
    attacks.sort_by(|a, b| a.name.cmp(&b.name));
    std::fs::write(out_dir.join("guests.rs"), write::source(&guests, &attacks))?;
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
/// lock the outer cargo holds.
fn beside(out_dir: &Path) -> PathBuf {
    let target = out_dir
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file());
    target.unwrap_or(out_dir).join("guests")
}
