//! Where the guests are. The build script made them; see `build/main.rs`.
//!
//! For each guest there is a constant with the path of its component, named after the package:
//! `thermometer` is `THERMOMETER`, `probe-files` is `PROBE_FILES`. A file `x.wat` anywhere under
//! `guests/` is `X`; what it holds is up to it, it may well be no component.
//!
//! So that no guest goes untested, a test module asks for one test of each name:
//!
//! ```text
//! mod probe_files { /* what this probe shall do and not do */ }
//!
//! macro_rules! assert_tested {
//!     ($name:ident) => { use $name as _; };
//! }
//! external_worker_artifacts::foreach_probe!(assert_tested);
//! ```
//!
//! `foreach_example!`, `foreach_probe!`, `foreach_hostile!` and `foreach_wat!` go through the
//! guests, `foreach_attack!` through the files of `guests/hostile/src`, each of which is one attack.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

#[cfg(test)]
mod tests {
    use std::path::Path;

    use external_worker_build::{WasmKind, wasm_kind};

    #[test]
    fn every_guest_is_a_component() {
        for (name, path) in super::ALL {
            assert_eq!(
                wasm_kind(Path::new(path)).unwrap(),
                WasmKind::Component,
                "{name}"
            );
        }
    }

    #[test]
    fn no_guest_names_a_path_of_this_machine() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let home = std::env::home_dir().filter(|home| home.parent().is_some());
        let private = [Some(root.to_owned()), home.map(|home| home.join(".cargo"))];
        for (name, path) in super::ALL {
            let bytes = std::fs::read(path).unwrap();
            for place in private.iter().flatten().filter_map(|place| place.to_str()) {
                let mut windows = bytes.windows(place.len());
                assert!(
                    !windows.any(|window| window == place.as_bytes()),
                    "{name}: {place}"
                );
            }
        }
    }
}
