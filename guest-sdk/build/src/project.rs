//! What is in a directory: which language, which packages, what they make.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::command;
use crate::environment;
use crate::error::Error;

/// Reading manifests is quick; more than this is a hung network.
const METADATA_TIME: Duration = Duration::from_secs(120);

/// The language of a guest project, as far as its files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectKind {
    /// Has a `Cargo.toml`.
    Rust,
    /// Has a `package.json`.
    JavaScript,
    /// Has a `pyproject.toml` or a Python file.
    Python,
    /// None of them.
    Unknown,
}

/// Says which kind of project `dir` holds.
pub fn project_kind(dir: &Path) -> ProjectKind {
    if dir.join("Cargo.toml").is_file() {
        return ProjectKind::Rust;
    }
    if dir.join("package.json").is_file() {
        return ProjectKind::JavaScript;
    }
    if dir.join("pyproject.toml").is_file() || has_python(dir) {
        return ProjectKind::Python;
    }
    ProjectKind::Unknown
}

fn has_python(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.path().extension().is_some_and(|ext| ext == "py"))
}

/// The packages of a cargo workspace; a lone package is a workspace of one.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The workspace's directory.
    pub root: PathBuf,
    /// Where cargo puts what it builds unless told otherwise.
    pub target_directory: PathBuf,
    /// The members, in cargo's order.
    pub packages: Vec<Package>,
}

/// One package of a workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The directory of its `Cargo.toml`.
    pub dir: PathBuf,
    /// Whether it has a `cdylib`, from which the target makes a component.
    pub makes_component: bool,
    /// The directories of its dependencies by path.
    pub path_dependencies: Vec<PathBuf>,
}

impl Workspace {
    /// Reads the workspace that `dir` belongs to, without the network.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        if !dir.join("Cargo.toml").is_file() {
            return Err(Error::NoManifest {
                dir: dir.to_owned(),
            });
        }
        let mut cargo = Command::new("cargo");
        environment::clean(&mut cargo);
        cargo
            .current_dir(dir)
            .args(["metadata", "--no-deps", "--format-version", "1"]);
        let output = command::run(cargo, METADATA_TIME)?;
        parse(&output.stdout)
    }

    /// The member called `name`.
    pub fn package(&self, name: &str) -> Result<&Package, Error> {
        self.packages
            .iter()
            .find(|package| package.name == name)
            .ok_or_else(|| Error::NoPackage {
                package: name.to_owned(),
                workspace: self.root.clone(),
            })
    }
}

/// The part of `cargo metadata` that is used here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<MetadataTarget>,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    path: Option<PathBuf>,
}

fn parse(json: &str) -> Result<Workspace, Error> {
    let metadata: Metadata =
        serde_json::from_str(json).map_err(|source| Error::Protocol { source })?;
    Ok(Workspace {
        root: metadata.workspace_root,
        target_directory: metadata.target_directory,
        packages: metadata.packages.into_iter().map(Package::from).collect(),
    })
}

impl From<MetadataPackage> for Package {
    fn from(package: MetadataPackage) -> Self {
        let cdylib = |target: &MetadataTarget| target.crate_types.iter().any(|t| t == "cdylib");
        Self {
            makes_component: package.targets.iter().any(cdylib),
            dir: package
                .manifest_path
                .parent()
                .map(Path::to_owned)
                .unwrap_or_default(),
            path_dependencies: package
                .dependencies
                .into_iter()
                .filter_map(|d| d.path)
                .collect(),
            name: package.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            {"name": "guest", "manifest_path": "/w/guest/Cargo.toml",
             "targets": [{"crate_types": ["cdylib"], "kind": ["cdylib"]}],
             "dependencies": [{"name": "sdk", "path": "/sdk"}, {"name": "serde"}]},
            {"name": "plain", "manifest_path": "/w/plain/Cargo.toml",
             "targets": [{"crate_types": ["lib"]}, {"crate_types": ["bin"]}], "dependencies": []}
        ],
        "workspace_root": "/w", "target_directory": "/t", "version": 1
    }"#;

    #[test]
    fn metadata_tells_who_makes_components() {
        let workspace = parse(METADATA).unwrap();
        assert_eq!(workspace.root, Path::new("/w"));
        assert_eq!(workspace.target_directory, Path::new("/t"));
        let guest = workspace.package("guest").unwrap();
        assert!(guest.makes_component);
        assert_eq!(guest.dir, Path::new("/w/guest"));
        assert_eq!(guest.path_dependencies, [Path::new("/sdk")]);
        assert!(!workspace.package("plain").unwrap().makes_component);
    }

    #[test]
    fn unknown_package_names_the_workspace() {
        let error = parse(METADATA)
            .unwrap()
            .package("geust")
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no package `geust` in the workspace /w"
        );
    }

    #[test]
    fn a_directory_without_manifest_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Workspace::load(dir.path()).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::NoManifest { .. }), "{error}");
    }

    #[test]
    fn files_tell_the_kind() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(project_kind(dir.path()), ProjectKind::Unknown);
        std::fs::write(dir.path().join("app.py"), "").unwrap();
        assert_eq!(project_kind(dir.path()), ProjectKind::Python);
        std::fs::write(dir.path().join("package.json"), "").unwrap();
        assert_eq!(project_kind(dir.path()), ProjectKind::JavaScript);
        std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        assert_eq!(project_kind(dir.path()), ProjectKind::Rust);
        assert_eq!(
            project_kind(Path::new("no such directory")),
            ProjectKind::Unknown
        );
    }
}
