//! Where the guests are. The build script made them; see `build/main.rs`.
//!
//! For each guest there is a constant with the path of its component, named after the package:
//! `thermometer` is `THERMOMETER`, `probe-files` is `PROBE_FILES`.
//!
//! [`ATTACKS`] has the files under `guests/hostile`, each of which is one attack.

/// An attack.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// What it attacks and what it is called: `cpu/spin_call` is the file `cpu/spin_call.rs` or `.wat`.
    pub name: &'static str,
    /// What it tries: the sentence that its file begins with.
    pub tries: &'static str,
    /// The file of the component that it is in; what is made of text may be no component.
    pub component: &'static str,
}

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
