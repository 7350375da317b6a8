//! One guest: its name, its component and what it is for.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// A guest that was built.
pub struct Guest {
    /// As an identifier, in snake case.
    pub name: String,
    pub path: PathBuf,
    /// Where its sources are.
    pub dir: PathBuf,
    pub kind: Kind,
}

/// What a guest is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Example,
    Library,
    Probe,
    Hostile,
}

impl Kind {
    /// By the directory under `guests/`; `None` for one that no test would look into.
    pub fn of(path_in_guests: &Path) -> Option<Self> {
        match path_in_guests.iter().next()?.to_str()? {
            "examples" => Some(Self::Example),
            "libraries" => Some(Self::Library),
            "probes" => Some(Self::Probe),
            "hostile" => Some(Self::Hostile),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Example => "example",
            Self::Library => "library",
            Self::Probe => "probe",
            Self::Hostile => "hostile",
        })
    }
}

/// `probe-files` becomes `probe_files`.
pub fn identifier(name: &str) -> String {
    name.replace(['-', '.', ' '], "_").to_lowercase()
}

/// Two guests of one name would get one constant.
pub fn check_names(guests: &[Guest]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match guests.iter().find(|guest| !seen.insert(&guest.name)) {
        Some(twice) => Err(format!(
            "two guests are called `{}`: rename one",
            twice.name
        )),
        None => Ok(()),
    }
}
