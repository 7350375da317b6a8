//! What a cargo inside a cargo must not inherit.
//!
//! `cargo run`, `cargo clippy` and build scripts set variables that describe *their* package, flags
//! and compiler. A guest build that saw them would compile for the wrong target, with clippy in
//! place of rustc, or again and again because they change.

use std::ffi::OsString;
use std::process::Command;

/// Set for, or by, an outer build.
const EXACT: &[&str] = &[
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "DEBUG",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

const PREFIXES: &[&str] = &[
    "CARGO_BIN_EXE_",
    "CARGO_BUILD_RUST",
    "CARGO_BUILD_TARGET",
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_TARGET_WASM32_",
    "DEP_",
];

/// Where the user wants build output: theirs to set, although it looks like what cargo sets.
const KEPT: &[&str] = &["CARGO_BUILD_TARGET_DIR"];

/// Takes out of `command`'s environment what an outer build put there.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_foreign(&name) {
            command.env_remove(name);
        }
    }
}

fn is_foreign(name: &OsString) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let listed = EXACT.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    listed && !KEPT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_outer_build_sets_is_foreign() {
        for name in [
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_TARGET_WASM32_WASIP2_LINKER",
            "RUSTC_WORKSPACE_WRAPPER",
            "OUT_DIR",
        ] {
            assert!(is_foreign(&name.into()), "{name}");
        }
    }

    #[test]
    fn what_the_user_sets_is_kept() {
        for name in [
            "PATH",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_MAKEFLAGS",
            "CARGO_NET_OFFLINE",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!is_foreign(&name.into()), "{name}");
        }
    }
}
