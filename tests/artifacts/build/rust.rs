//! The guests that are crates.

use std::path::{Path, PathBuf};

use external_worker_build::{BuildRequest, Error, Package, Stderr, Toolchain, Workspace};

use crate::guest::{Guest, Kind, identifier};

/// Builds every crate in `guests/` that makes a component; the others are libraries for them.
pub fn build(
    root: &Path,
    toolchain: &Toolchain,
    target_dir: &Path,
) -> Result<Vec<Guest>, Box<dyn std::error::Error>> {
    let workspace = Workspace::load(root)?;
    let mut wanted = Vec::new();
    for package in workspace
        .packages
        .iter()
        .filter(|package| package.makes_component)
    {
        if let Ok(place) = package.dir.strip_prefix(workspace.root.join("guests")) {
            wanted.push((package, kind(package, place)?));
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let names = wanted
        .iter()
        .map(|(package, _)| package.name.clone())
        .collect();
    let built = components(root, toolchain, target_dir, names)?;
    let guests = built.into_iter().filter_map(|(package, path)| {
        let (package, kind) = wanted.iter().find(|(wanted, _)| wanted.name == package)?;
        Some(Guest {
            name: identifier(&package.name),
            path,
            dir: package.dir.clone(),
            kind: *kind,
        })
    });
    Ok(guests.collect())
}

fn kind(package: &Package, place: &Path) -> Result<Kind, String> {
    Kind::of(place).ok_or_else(|| {
        format!(
            "no test looks for `{}` in guests/{}",
            package.name,
            place.display()
        )
    })
}

fn components(
    root: &Path,
    toolchain: &Toolchain,
    target_dir: &Path,
    packages: Vec<String>,
) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut progress = Stderr::default();
    let mut request = BuildRequest::new(root).small();
    request.packages = packages;
    request.target_dir = Some(target_dir.to_owned());
    let built = toolchain.build(&request, &mut progress)?;
    Ok(built
        .into_iter()
        .map(|artifact| (artifact.package, artifact.path))
        .collect())
}
