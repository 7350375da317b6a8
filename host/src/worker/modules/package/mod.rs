//! Packages: modules with a name and a version, kept in `<data>/modules/<name>/<version>`.
//!
//! A module is a folder with `ewh-module.toml` and components. It comes as a folder, as a zip
//! archive, as a component, script or wheel alone, or from an OCI registry. It is put together aside, checked, digested, and moved into
//! place in one step: what is in place is whole.

mod content;
mod manifest;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

pub use self::manifest::ModuleManifest;

use crate::archive::{Archive, ArchiveProblem};
use crate::component::{is_code, is_program, program_manifest, stem};
use crate::limits::{MAX_ARCHIVE_BYTES, MAX_MODULE_MANIFEST_BYTES, MAX_NAME_BYTES, MAX_TEXT_BYTES};
use crate::policy::Manifest;
use crate::registry::{Pulled, Reference, Registries, RegistryError};
use crate::text;
use crate::worker::store::SavedPackage;

/// The file that makes a folder a module.
pub const MANIFEST: &str = "ewh-module.toml";
/// The folder in the data directory.
pub(crate) const FOLDER: &str = "modules";
/// The host's own note in a module's folder. No module may bring one.
const RECORD: &str = ".ewh-package.json";
/// What is not in place yet, or not any more.
const ASIDE: &str = ".aside-";

/// The packages of a data directory.
#[derive(Debug, Clone)]
pub struct Packages {
    dir: PathBuf,
}

/// A package that is in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What it says of itself.
    pub manifest: ModuleManifest,
    /// The digest of its content when it came: `sha256:…`.
    pub digest: String,
    /// Where it is.
    pub dir: PathBuf,
    /// Where it came from: a path, or an OCI reference with a digest.
    pub source: String,
}

impl Package {
    /// Where it came from, for clients: an OCI reference, and nothing of this machine's folders.
    pub(crate) fn public_source(&self) -> &str {
        if Path::new(&self.source).is_absolute() {
            ""
        } else {
            &self.source
        }
    }
}

/// What is in place.
#[derive(Debug, Default)]
pub struct Listed {
    /// The packages, by name and version.
    pub packages: Vec<Package>,
    /// What is not a package though it is where packages are, each as a sentence for the operator.
    pub problems: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    source: String,
    digest: String,
}

/// Why a package is not added, found or removed. For the operator; [`PackageProblem::public`] for
/// others.
#[derive(Debug, thiserror::Error)]
pub enum PackageProblem {
    /// Its manifest is wrong.
    #[error("the module's {MANIFEST} is wrong: {0}")]
    Manifest(String),
    /// Something in it is wrong.
    #[error("the module cannot be used: {0}")]
    Content(String),
    /// It comes in an archive that is refused.
    #[error(transparent)]
    Archive(#[from] ArchiveProblem),
    /// There is one already.
    #[error(
        "{name} {version} is already installed, with other content ({digest}). Give the new package another version, or remove the installed one first"
    )]
    Exists {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// The digest of the one that is there.
        digest: String,
    },
    /// Its content is not what it was when it came.
    #[error(
        "the content of {name} {version} was changed: its digest is {found} and was {expected}. Remove it and add it again"
    )]
    Changed {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// What it has now.
        found: String,
        /// What it had.
        expected: String,
    },
    /// It comes from a registry, which did not give it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl PackageProblem {
    /// The sentence that a remote client may see: no paths, no host detail.
    pub fn public(&self) -> String {
        match self {
            Self::File { .. } => "the host could not read or write its packages".to_owned(),
            // How exactly it failed would tell a client what is where in the host's network.
            Self::Registry(RegistryError::Pull { reference, .. }) => {
                format!("cannot take {reference} from its registry; the host's log says why")
            }
            other => other.to_string(),
        }
    }
}

fn content_problem(problem: String) -> PackageProblem {
    PackageProblem::Content(text::clean_line(&problem, MAX_TEXT_BYTES))
}

fn file_problem(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PackageProblem {
    let path = path.to_owned();
    move |source| PackageProblem::File {
        action,
        path,
        source,
    }
}

impl Packages {
    /// The packages in a data directory, whose folder is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(data: &Path) -> Result<Self, PackageProblem> {
        let dir = data.join(FOLDER);
        content::make_folder(&dir)?;
        Ok(Self { dir })
    }

    /// Removes what a host that was killed left behind. Only for who has the data directory alone.
    pub fn tidy(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Every package that is in place. One that is broken hides no other.
    pub fn list(&self) -> Listed {
        let mut listed = Listed::default();
        for name in names(&self.dir) {
            for version in names(&self.dir.join(&name)) {
                match self.read(&name, &version) {
                    Ok(package) => listed.packages.push(package),
                    Err(problem) => {
                        let what = text::clean_line(&format!("{name}/{version}"), MAX_NAME_BYTES);
                        listed.problems.push(format!("{FOLDER}/{what}: {problem}"));
                    }
                }
            }
        }
        let key = |package: &Package| {
            let manifest = &package.manifest;
            (manifest.name.clone(), manifest.version.clone())
        };
        listed.packages.sort_by_key(key);
        listed
    }

    /// The newest version of a package.
    pub fn get(&self, name: &str) -> Option<Package> {
        let of_name = |package: &Package| package.manifest.name == name;
        self.list().packages.into_iter().rfind(of_name)
    }

    /// The same, where one that cannot be read is not one that is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Package>, PackageProblem> {
        let of_name = self.dir.join(name);
        // What is listed leaves out what cannot be read.
        for dir in [&self.dir, &of_name] {
            match fs::read_dir(dir) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(file_problem("read", dir)(error)),
            }
        }
        for version in names(&of_name) {
            if let Err(problem @ PackageProblem::File { .. }) = self.read(name, &version) {
                return Err(problem);
            }
        }
        Ok(self.get(name))
    }

    /// Adds a module from a folder, a zip archive, or a file with a component or a program. One that is there
    /// already, with the same content, is that one.
    ///
    /// # Errors
    /// When it is not a module, or cannot be read or copied.
    pub(crate) fn add_path(&self, path: &Path) -> Result<Package, PackageProblem> {
        let absolute = fs::canonicalize(path).map_err(file_problem("find", path))?;
        let source = text::clean_line(&absolute.to_string_lossy(), MAX_TEXT_BYTES);
        if absolute.is_dir() {
            return self.add(source, |aside| content::copy_folder(&absolute, aside));
        }
        let failed = || file_problem("read", &absolute);
        let file = fs::File::open(&absolute).map_err(failed())?;
        let mut bytes = Vec::new();
        file.take(MAX_ARCHIVE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed())?;
        if is_code(&absolute) {
            return self.add_file(&absolute, &bytes, source);
        }
        self.add_archive(bytes, source)
    }

    /// Adds a module from a zip archive; `source` says where it came from.
    ///
    /// # Errors
    /// When it is not a module, or cannot be unpacked.
    pub fn add_archive(&self, zip: Vec<u8>, source: String) -> Result<Package, PackageProblem> {
        let archive = Archive::open(zip)?;
        self.add(source, |aside| content::unpack(archive, aside))
    }

    /// Adds a module from a registry. Its source is the reference with the digest that it had: the
    /// same again, whatever becomes of a tag.
    ///
    /// # Errors
    /// When the registry does not give it, it is not what its digest says, or it is not a module.
    pub async fn add_oci(
        &self,
        reference: &Reference,
        registries: &Registries,
    ) -> Result<Package, PackageProblem> {
        let (pulled, pinned) = registries.pull(reference).await?;
        let source = pinned.to_string();
        let (packages, reference) = (self.clone(), reference.clone());
        let adding = tokio::task::spawn_blocking(move || match pulled {
            Pulled::Module(zip) => packages.add_archive(zip, source),
            Pulled::Component(wasm) => packages.add_component(&wasm, &reference, source),
        });
        adding
            .await
            .map_err(|error| content_problem(format!("adding it was interrupted: {error}")))?
    }

    /// A component of a registry becomes a module, with the name and version that it carries, or else those
    /// of the reference.
    fn add_component(
        &self,
        wasm: &[u8],
        reference: &Reference,
        source: String,
    ) -> Result<Package, PackageProblem> {
        let carried = Manifest::read(wasm).map_err(content_problem)?;
        let otherwise = (reference.last_part(), reference.tag().unwrap_or(""));
        self.add_single(wasm, "wasm", &carried, otherwise, source)
    }

    /// A file with a component, or with a program such as a script, becomes a module of its name.
    fn add_file(
        &self,
        path: &Path,
        bytes: &[u8],
        source: String,
    ) -> Result<Package, PackageProblem> {
        let carried = match is_program(path) {
            true => program_manifest(path, bytes).map_err(|error| error.to_string()),
            false => Manifest::read(bytes),
        };
        let carried = carried.map_err(content_problem)?;
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or("wasm");
        let otherwise = (stem(path).unwrap_or_default(), "");
        self.add_single(bytes, extension, &carried, otherwise, source)
    }

    /// One file as a module, with the name and version that it carries, or else those that are given.
    fn add_single(
        &self,
        code: &[u8],
        extension: &str,
        carried: &Manifest,
        (other_name, other_version): (&str, &str),
        source: String,
    ) -> Result<Package, PackageProblem> {
        let name = [carried.name.as_str(), other_name]
            .into_iter()
            .find(|name| manifest::check_name(name).is_ok())
            .ok_or_else(|| {
                let other = text::clean_line(other_name, MAX_TEXT_BYTES);
                content_problem(format!(
                    "it has no usable name, and nor is `{other}` one: a module's name has lower-case letters, \
                     digits, `-` and `_`, and begins with a letter"
                ))
            })?;
        let version = [carried.package_version.as_str(), other_version]
            .into_iter()
            .find_map(|version| Version::parse(version).ok())
            .unwrap_or(Version::new(0, 0, 0));
        let file = format!("{name}.{extension}");
        let manifest =
            format!("name = {name:?}\nversion = \"{version}\"\ncomponents = [{file:?}]\n");
        self.add(source, |aside| {
            content::write(aside, &file, code)?;
            content::write(aside, MANIFEST, manifest.as_bytes())
        })
    }

    /// Removes a package, one version or all, and says whether there was one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str, version: Option<&Version>) -> Result<bool, PackageProblem> {
        // Nothing else is the name of a folder in here.
        if manifest::check_name(name).is_err() {
            return Ok(false);
        }
        let of_name = self.dir.join(name);
        let target = match version {
            Some(version) => of_name.join(version.to_string()),
            None => of_name.clone(),
        };
        if !target.exists() {
            return Ok(false);
        }
        let aside = self.aside();
        fs::rename(&target, &aside).map_err(file_problem("remove", &target))?;
        let removed = fs::remove_dir_all(&aside).map_err(file_problem("remove", &aside));
        // Gone with its last version; while it has others, this fails.
        let _ = fs::remove_dir(&of_name);
        removed.map(|()| true)
    }

    fn add(
        &self,
        source: String,
        put: impl FnOnce(&Path) -> Result<(), PackageProblem>,
    ) -> Result<Package, PackageProblem> {
        let aside = self.aside();
        content::make_folder(&aside)?;
        let added = put(&aside).and_then(|()| self.add_aside(&aside, source));
        // In place, there is nothing here any more.
        let _ = fs::remove_dir_all(&aside);
        added
    }

    fn add_aside(&self, aside: &Path, source: String) -> Result<Package, PackageProblem> {
        if aside.join(RECORD).exists() {
            return Err(content_problem(format!(
                "it has a file `{RECORD}`, which only the host writes"
            )));
        }
        let manifest = read_manifest(aside)?;
        for component in &manifest.components {
            content::check_component(aside, component)?;
        }
        let digest = content::digest(aside)?;
        let version = manifest.version.to_string();
        if let Ok(there) = self.read(&manifest.name, &version) {
            return same_content(there, &digest);
        }
        let record = Record { source, digest };
        let json =
            serde_json::to_vec(&record).map_err(|error| content_problem(error.to_string()))?;
        content::write(aside, RECORD, &json)?;
        let of_name = self.dir.join(&manifest.name);
        content::make_folder(&of_name)?;
        let place = of_name.join(&version);
        fs::rename(aside, &place).map_err(file_problem("put the module in", &place))?;
        self.read(&manifest.name, &version)
    }

    fn read(&self, name: &str, version: &str) -> Result<Package, PackageProblem> {
        let dir = self.dir.join(name).join(version);
        let path = dir.join(RECORD);
        let record = read_small(&path)?;
        let record: Record = serde_json::from_slice(&record)
            .map_err(|_| content_problem(format!("its `{RECORD}` is broken")))?;
        let manifest = read_manifest(&dir)?;
        if manifest.name != name || manifest.version.to_string() != version {
            return Err(content_problem("it is in the folder of another".to_owned()));
        }
        Ok(Package {
            manifest,
            digest: record.digest,
            dir,
            source: record.source,
        })
    }

    fn aside(&self) -> PathBuf {
        let unique = uuid::Uuid::new_v4().simple();
        self.dir.join(format!("{ASIDE}{unique}"))
    }
}

impl Package {
    /// Its components' files.
    pub fn components(&self) -> Vec<PathBuf> {
        let components = self.manifest.components.iter();
        components
            .map(|component| self.dir.join(component))
            .collect()
    }

    /// What is saved of a package in use.
    pub fn saved(&self) -> SavedPackage {
        SavedPackage {
            name: self.manifest.name.clone(),
            version: self.manifest.version.to_string(),
            digest: self.digest.clone(),
            source: self.source.clone(),
        }
    }

    /// Checks that its content is what it was when it came.
    ///
    /// # Errors
    /// [`PackageProblem::Changed`], or why it cannot be read.
    pub fn verify(&self) -> Result<(), PackageProblem> {
        let found = content::digest(&self.dir)?;
        if found == self.digest {
            return Ok(());
        }
        Err(PackageProblem::Changed {
            name: self.manifest.name.clone(),
            version: self.manifest.version.to_string(),
            found,
            expected: self.digest.clone(),
        })
    }
}

fn same_content(there: Package, digest: &str) -> Result<Package, PackageProblem> {
    if there.digest == digest {
        return Ok(there);
    }
    Err(PackageProblem::Exists {
        name: there.manifest.name,
        version: there.manifest.version.to_string(),
        digest: there.digest,
    })
}

fn read_manifest(module: &Path) -> Result<ModuleManifest, PackageProblem> {
    let path = module.join(MANIFEST);
    if !path.is_file() {
        return Err(content_problem(format!("it has no {MANIFEST}")));
    }
    let manifest = read_small(&path)?;
    let manifest = std::str::from_utf8(&manifest)
        .map_err(|_| PackageProblem::Manifest("it is not UTF-8 text".to_owned()))?;
    ModuleManifest::parse(manifest).map_err(PackageProblem::Manifest)
}

fn read_small(path: &Path) -> Result<Vec<u8>, PackageProblem> {
    let failed = || file_problem("read", path);
    let file = fs::File::open(path).map_err(failed())?;
    let mut content = Vec::new();
    file.take(MAX_MODULE_MANIFEST_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(failed())?;
    Ok(content)
}

/// The folders in a folder, but for hidden ones.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect()
}
