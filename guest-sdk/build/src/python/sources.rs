//! What the runtime is made of, as this program has it in itself.

use std::fs;
use std::path::Path;

use rust_embed::{Embed, EmbeddedFile};

use crate::error::Error;

/// The packages for authors, and what makes the runtime.
#[derive(Embed)]
#[folder = "../python"]
#[include = "src/**/*.py"]
#[include = "fallback/**/*.py"]
#[include = "runtime/*"]
#[exclude = "**/__pycache__/*"]
struct Packages;

/// The contract.
#[derive(Embed)]
#[folder = "../../wit"]
#[include = "**/*.wit"]
struct Contract;

/// Every file, by its path in the folder that [`write`] fills, in a fixed order.
fn files() -> impl Iterator<Item = (String, EmbeddedFile)> {
    let of = |folder: &'static str, get: fn(&str) -> Option<EmbeddedFile>| {
        move |path: std::borrow::Cow<'static, str>| Some((format!("{folder}/{path}"), get(&path)?))
    };
    let packages = Packages::iter().filter_map(of("python", Packages::get));
    let mut files: Vec<_> = packages
        .chain(Contract::iter().filter_map(of("wit", Contract::get)))
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files.into_iter()
}

/// Which sources these are.
pub(super) fn hash() -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (path, file) in files() {
        for part in [path.as_bytes(), &file.data] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize()
}

/// Writes them into `folder`.
pub(super) fn write(folder: &Path) -> Result<(), Error> {
    for (path, file) in files() {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        fs::write(&path, &file.data).map_err(Error::io("write", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_makes_the_runtime_is_there() {
        let paths: Vec<_> = files().map(|(path, _)| path).collect();
        for path in [
            "python/runtime/app.py",
            "python/runtime/build.py",
            "python/runtime/requirements.txt",
            "python/src/funcnodes_worker/__init__.py",
            "python/src/external_worker/_runtime/exports.py",
            "wit/program.wit",
            "wit/deps/cli.wit",
        ] {
            assert!(paths.iter().any(|it| it == path), "{path}: {paths:?}");
        }
        assert!(!paths.iter().any(|path| path.contains("__pycache__")));
    }
}
