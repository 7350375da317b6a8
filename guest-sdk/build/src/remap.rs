//! Keeps the machine's paths out of components.
//!
//! Panic messages name source files by absolute path: a user's name, a directory layout, a mirror's
//! host. Each known place gets a fixed name, which also makes the component the same everywhere.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What is called otherwise: everything that gets into the component.
const SCOPE: &str = "--remap-path-scope=object";

/// One `--remap-path-prefix` after another; where several match, rustc takes the last.
#[derive(Default)]
pub(crate) struct Remap(Vec<(PathBuf, String)>);

impl Remap {
    /// `dir`, and what it really is when it is a link, will be called `name`.
    pub(crate) fn add(&mut self, dir: &Path, name: &str) {
        let real = fs::canonicalize(dir).ok().filter(|real| real != dir);
        for dir in [Some(dir), real.as_deref()].into_iter().flatten() {
            self.add_exactly(dir, name);
        }
    }

    /// Like [`Self::add`], for a directory that may come into being only later: what it really is
    /// would be known then and not now, and the changed flags would build everything again.
    pub(crate) fn add_exactly(&mut self, dir: &Path, name: &str) {
        // A root would match every path.
        if dir.parent().is_some() {
            self.0.push((dir.to_owned(), name.to_owned()));
        }
    }

    /// Everything under `cargo_home`; the registries have the host in their directory's name.
    pub(crate) fn add_cargo_home(&mut self, cargo_home: &Path) {
        self.add(cargo_home, "/cargo");
        for registry in subdirectories(&cargo_home.join("registry/src")) {
            self.add(&registry, "/crates");
        }
    }

    /// The flags for rustc. From the general to the particular, by length, since the last wins.
    ///
    /// Messages of the compiler keep the real paths: whoever reads them looks for these files.
    pub(crate) fn flags(mut self) -> Vec<OsString> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0
            .sort_by(|(a, _), (b, _)| (a.as_os_str().len(), a).cmp(&(b.as_os_str().len(), b)));
        self.0.dedup();
        let flags = self.0.iter().map(|(dir, name)| flag(dir, name));
        flags.chain([OsString::from(SCOPE)]).collect()
    }
}

fn flag(dir: &Path, name: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(dir);
    flag.push("=");
    flag.push(name);
    flag
}

/// Sorted, so that the flags, and with them what cargo has to build again, stay the same.
fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_particular_comes_after_the_general() {
        let mut remap = Remap::default();
        remap.add(Path::new("/nowhere/home/me/project"), "/worker");
        remap.add(Path::new("/nowhere/home"), "/home");
        remap.add(Path::new("/"), "/root");
        let expected = [
            "--remap-path-prefix=/nowhere/home=/home",
            "--remap-path-prefix=/nowhere/home/me/project=/worker",
            SCOPE,
        ];
        assert_eq!(remap.flags(), expected);
    }

    #[test]
    fn registries_lose_their_host() {
        let home = tempfile::tempdir().unwrap();
        let registry = home.path().join("registry/src/mirror.example-1234");
        fs::create_dir_all(&registry).unwrap();
        let mut remap = Remap::default();
        remap.add_cargo_home(home.path());
        let expected = flag(&registry, "/crates");
        assert!(remap.flags().contains(&expected));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path())
            .unwrap()
            .join("a real directory");
        let link = dir.path().join("link");
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut remap = Remap::default();
        remap.add(&link, "/worker");
        assert_eq!(
            remap.flags(),
            [flag(&link, "/worker"), flag(&real, "/worker"), SCOPE.into()]
        );
    }
}
