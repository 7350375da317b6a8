//! A program in Python as a wheel: an author's own modules, the packages that they need, and what they request.
//!
//! A script says in its header what it is, and a folder in its `pyproject.toml`, both in the words of Python's own
//! standards. What is in the wheel lies in a fixed order and has no times, so that the same sources make the same file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use external_worker_build::{Artifact, Progress, vendor_python};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Shown;
use crate::cli::error::CliError;
use crate::cli::files;
use crate::cli::output::Output;
use crate::component::{dependencies, is_script, program_manifest};
use crate::error::HostError;
use crate::limits::MAX_PROGRAM_BYTES;
use crate::policy::Manifest;

/// What describes a folder.
const PROJECT: &str = "pyproject.toml";
/// Where wheels go, beside what they are made of.
const BUILT: &str = "dist";
/// What says which files the packages are that a program needs.
const LOCK: &str = "external-worker.lock";
const GROUP: &str = "funcnodes.module";
const MODULE: &str = "module";

/// What is to be made.
struct Source {
    name: String,
    version: String,
    dependencies: Vec<String>,
    manifest: Manifest,
    /// The name of the module that is run.
    module: String,
    /// The file or folder of that module.
    code: PathBuf,
    lock: PathBuf,
}

/// What is read here of a `pyproject.toml`.
#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    project: Project,
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    entry_points: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    ewh: Ewh,
}

#[derive(Default, Deserialize)]
struct Ewh {
    #[serde(default)]
    requests: BTreeMap<String, String>,
}

/// What a Worker takes of a script, or of a folder with a `pyproject.toml`: a script that needs no packages is that
/// itself, else it is a wheel.
///
/// # Errors
/// Those of [`build`].
pub(in crate::cli) fn program(
    path: &Path,
    progress: &mut dyn Progress,
) -> Result<Artifact, CliError> {
    if is_script(path) {
        let source = script(path)?;
        if source.dependencies.is_empty() {
            return Ok(Artifact {
                package: source.name,
                path: path.to_owned(),
            });
        }
    }
    build(path, progress)
}

/// Makes the wheel of a script, or of a folder with a `pyproject.toml`.
///
/// # Errors
/// When it does not say what it is, or a package that it needs cannot be had.
pub(super) fn build(path: &Path, progress: &mut dyn Progress) -> Result<Artifact, CliError> {
    let source = source(path)?;
    let mut members = code_members(&source, progress)?;
    add_about(&source, &mut members)?;
    let parent = source.lock.parent().unwrap_or(Path::new("."));
    let built = parent.join(BUILT);
    fs::create_dir_all(&built).map_err(failed("create", &built))?;
    let file = format!(
        "{}-{}-py3-none-any.whl",
        source.distribution(),
        source.version
    );
    let wheel = built.join(file);
    write(&wheel, &members)?;
    Ok(Artifact {
        package: source.name,
        path: wheel,
    })
}

/// Makes the wheel of a program with further files of Python, of which the module `entry` is run instead.
///
/// # Errors
/// Those of [`build`].
pub(in crate::cli) fn tested(
    path: &Path,
    files: BTreeMap<String, Vec<u8>>,
    entry: &str,
    wheel: &Path,
    output: &Output,
) -> Result<(), CliError> {
    let mut source = source(path)?;
    let mut members = code_members(&source, &mut Shown(output))?;
    members.extend(files);
    entry.clone_into(&mut source.module);
    add_about(&source, &mut members)?;
    write(wheel, &members)
}

fn source(path: &Path) -> Result<Source, CliError> {
    match is_script(path) {
        true => script(path),
        false => folder(path),
    }
}

/// The program's own files, and those of the packages that it needs.
fn code_members(
    source: &Source,
    progress: &mut dyn Progress,
) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
    let packages = tempfile::tempdir().map_err(CliError::Machine)?;
    vendor_python(
        &source.dependencies,
        &source.lock,
        packages.path(),
        progress,
    )?;
    let mut members = BTreeMap::new();
    add_packages(packages.path(), &mut members)?;
    add_code(source, &mut members)?;
    Ok(members)
}

impl Source {
    /// Its name in the names of files.
    fn distribution(&self) -> String {
        self.name.replace(['-', '.'], "_")
    }

    fn about(&self) -> String {
        format!("{}-{}.dist-info", self.distribution(), self.version)
    }
}

fn script(path: &Path) -> Result<Source, CliError> {
    let bytes = files::read(path, "script", MAX_PROGRAM_BYTES)?;
    let manifest = program_manifest(path, &bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let module = manifest.name.clone();
    check_name(path, &module)?;
    Ok(Source {
        name: module.clone(),
        version: version(&manifest.package_version),
        dependencies: dependencies(path, &text)?,
        manifest,
        module,
        code: path.to_owned(),
        lock: path.with_extension("lock"),
    })
}

fn folder(dir: &Path) -> Result<Source, CliError> {
    let path = dir.join(PROJECT);
    if !path.is_file() {
        return Err(CliError::Usage(format!(
            "`{}` has no {PROJECT}; name a script, such as `{}`, or describe the folder in one",
            dir.display(),
            dir.join("worker.py").display()
        )));
    }
    let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
    let raw: Raw = toml::from_str(&text).map_err(|error| wrong(&path, error.message()))?;
    let name = raw.project.name;
    let name = name.ok_or_else(|| wrong(&path, "`project.name` is missing"))?;
    check_name(&path, &name.replace(['-', '.'], "_"))?;
    let points = raw.project.entry_points.get(GROUP);
    let named = points.and_then(|points| points.get(MODULE)).cloned();
    let module = named.unwrap_or_else(|| name.replace(['-', '.'], "_"));
    let version = version(&raw.project.version.unwrap_or_default());
    let manifest = Manifest::of(&name, &version, raw.tool.ewh.requests);
    Ok(Source {
        manifest: manifest.map_err(|problem| wrong(&path, &problem))?,
        code: code(dir, &module).ok_or_else(|| {
            let problem = format!("there is no module `{module}` in the folder, nor in its `src`");
            wrong(&path, &problem)
        })?,
        name,
        version,
        dependencies: raw.project.dependencies,
        module,
        lock: dir.join(LOCK),
    })
}

/// The folder or file of a module, in `dir` or its `src`.
fn code(dir: &Path, module: &str) -> Option<PathBuf> {
    let place = module.replace('.', "/");
    let mut places = [dir.join("src"), dir.to_owned()].into_iter();
    places.find_map(|root| {
        let package = root.join(&place);
        let file = root.join(format!("{place}.py"));
        match package.join("__init__.py").is_file() {
            true => Some(package),
            false => file.is_file().then_some(file),
        }
    })
}

fn version(given: &str) -> String {
    match given {
        "" => "0".to_owned(),
        given => given.replace('-', "_"),
    }
}

fn check_name(path: &Path, name: &str) -> Result<(), CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(plain) {
        return Ok(());
    }
    Err(wrong(path, "its name has to be letters, digits and _"))
}

fn add_packages(dir: &Path, members: &mut BTreeMap<String, Vec<u8>>) -> Result<(), CliError> {
    add_tree(dir, "", members)?;
    // Of what other packages say of themselves only the description stays: what starts there is not run here.
    members.retain(|path, _| {
        let about = path
            .split('/')
            .next()
            .is_some_and(|top| top.ends_with(".dist-info"));
        !path.starts_with("bin/") && (!about || path.ends_with("/METADATA"))
    });
    Ok(())
}

fn add_code(source: &Source, members: &mut BTreeMap<String, Vec<u8>>) -> Result<(), CliError> {
    let place = source.module.replace('.', "/");
    if source.code.is_dir() {
        return add_tree(&source.code, &format!("{place}/"), members);
    }
    let content = fs::read(&source.code).map_err(failed("read", &source.code))?;
    members.insert(format!("{place}.py"), content);
    Ok(())
}

fn add_tree(
    dir: &Path,
    prefix: &str,
    members: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), CliError> {
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.map_err(|error| CliError::Machine(error.into()))?;
        let path = entry.path();
        let relative = path.strip_prefix(dir).unwrap_or(path).to_string_lossy();
        let is_cache = relative.split('/').any(|part| part == "__pycache__");
        if entry.file_type().is_file() && !is_cache {
            let content = fs::read(path).map_err(failed("read", path))?;
            members.insert(format!("{prefix}{relative}"), content);
        }
    }
    Ok(())
}

/// What the wheel says of itself.
fn add_about(source: &Source, members: &mut BTreeMap<String, Vec<u8>>) -> Result<(), CliError> {
    let about = source.about();
    let mut add = |file: &str, content: String| {
        members.insert(format!("{about}/{file}"), content.into_bytes());
    };
    let (name, version) = (&source.name, &source.version);
    add(
        "METADATA",
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
    );
    let made_by = env!("CARGO_PKG_VERSION");
    add(
        "WHEEL",
        format!(
            "Wheel-Version: 1.0\nGenerator: ewh {made_by}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    );
    let module = &source.module;
    add(
        "entry_points.txt",
        format!("[{GROUP}]\n{MODULE} = {module}\n"),
    );
    let manifest = source.manifest.json().map_err(CliError::CannotBuild)?;
    add("external-worker.json", manifest);
    let record = format!("{about}/RECORD");
    let mut lines: String = members
        .iter()
        .map(|(path, content)| {
            let hash = BASE64URL_NOPAD.encode(&Sha256::digest(content));
            format!("{path},sha256={hash},{}\n", content.len())
        })
        .collect();
    lines += &format!("{record},,\n");
    members.insert(record, lines.into_bytes());
    Ok(())
}

fn write(wheel: &Path, members: &BTreeMap<String, Vec<u8>>) -> Result<(), CliError> {
    let file = File::create(wheel).map_err(failed("write", wheel))?;
    let mut zip = ZipWriter::new(file);
    let zipped = members.iter().try_for_each(|(path, content)| {
        zip.start_file(path, SimpleFileOptions::default())?;
        Ok::<_, zip::result::ZipError>(zip.write_all(content)?)
    });
    let written = zipped.and_then(|()| zip.finish().map(drop));
    written.map_err(|error| CliError::CannotBuild(format!("`{}`: {error}", wheel.display())))
}

fn wrong(path: &Path, problem: &str) -> CliError {
    CliError::CannotBuild(format!("`{}`: {problem}", path.display()))
}

fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> CliError + 'a {
    move |source| {
        CliError::Host(HostError::File {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
