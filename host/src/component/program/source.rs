//! The files of a program, and what it requests.

use std::fs;
use std::path::Path;

use super::super::unusable;
use super::{header, wheel};
use crate::bindings::program::File;
use crate::error::{HostError, Result};
use crate::limits::{MAX_NAME_BYTES, MAX_PROGRAM_BYTES};
use crate::policy::Manifest;
use crate::text;

/// What a component is called, a script, and a wheel.
const COMPONENT: &str = "wasm";
const SCRIPT: &str = "py";
const WHEEL: &str = "whl";

/// Whether `path` is called like a script.
pub fn is_script(path: &Path) -> bool {
    has_extension(path, SCRIPT)
}

/// Whether `path` is called like a program.
pub fn is_program(path: &Path) -> bool {
    is_script(path) || has_extension(path, WHEEL)
}

/// Whether `path` is called like a component or a program.
pub fn is_code(path: &Path) -> bool {
    is_program(path) || has_extension(path, COMPONENT)
}

/// What a file of code is called without what says its kind: of a wheel, what is before its version.
pub fn stem(path: &Path) -> Option<&str> {
    let stem = path.file_stem()?.to_str()?;
    match has_extension(path, WHEEL) {
        true => stem.split('-').next(),
        false => Some(stem),
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it == extension)
}

/// The packages that the script in the file `name` says it needs.
///
/// # Errors
/// [`HostError::Component`], with what to do.
pub fn dependencies(name: &Path, source: &str) -> Result<Vec<String>> {
    header::dependencies(source)
        .map_err(|problem| unusable(&file_name(name), problem, "Correct its header"))
}

fn file_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or(path.as_os_str());
    text::clean_line(&file.to_string_lossy(), MAX_NAME_BYTES)
}

fn too_large(file: &str, size: u64) -> HostError {
    let problem = format!("it has {size} bytes; at most {MAX_PROGRAM_BYTES} are allowed");
    unusable(file, problem, "Part it into several")
}

/// A program, as it was read. Nothing of it ran.
pub(in crate::component) struct Program {
    name: String,
    entry: String,
    files: Vec<File>,
    manifest: Manifest,
    content: blake3::Hash,
}

impl Program {
    /// Reads the program at `path`.
    pub(in crate::component) fn read(path: &Path) -> Result<Self> {
        let failed = |source| HostError::File {
            action: "read",
            path: path.to_owned(),
            source,
        };
        let size = fs::metadata(path).map_err(failed)?.len();
        // It is not read when it is too large.
        let bytes = match size > MAX_PROGRAM_BYTES {
            true => return Err(too_large(&file_name(path), size)),
            false => fs::read(path).map_err(failed)?,
        };
        Self::of(path, bytes)
    }

    /// The program that has these bytes in a file that is called like `path`.
    pub(in crate::component) fn of(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let file = file_name(path);
        if bytes.len() as u64 > MAX_PROGRAM_BYTES {
            return Err(too_large(&file, bytes.len() as u64));
        }
        match has_extension(path, WHEEL) {
            true => Self::wheel(file, bytes),
            false => Self::script(file, bytes),
        }
    }

    fn wheel(file: String, bytes: Vec<u8>) -> Result<Self> {
        let content = blake3::hash(&bytes);
        let name = stem(Path::new(&file)).unwrap_or(&file);
        let wheel = wheel::read(name, bytes)
            .map_err(|problem| unusable(&file, problem, "Build it again with `ewh build`"))?;
        Ok(Self {
            name: file,
            entry: wheel.entry,
            files: wheel.files,
            manifest: wheel.manifest,
            content,
        })
    }

    fn script(file: String, source: Vec<u8>) -> Result<Self> {
        let name = file.strip_suffix(".py").unwrap_or(&file).to_owned();
        let text = std::str::from_utf8(&source).map_err(|error| {
            let before = source.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let problem = format!("line {line} is not UTF-8");
            unusable(&file, problem, "Save it in this encoding")
        })?;
        let manifest = header::manifest(&name, text)
            .map_err(|problem| unusable(&file, problem, "Correct its header"))?;
        let content = blake3::hash(&source);
        let files = vec![File {
            path: file.clone(),
            contents: source,
        }];
        Ok(Self {
            name: file.clone(),
            entry: file,
            files,
            manifest,
            content,
        })
    }

    /// The name of its file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The path of the file that is run.
    pub(super) fn entry(&self) -> &str {
        &self.entry
    }

    /// In the order of their paths.
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// What it says of itself and requests.
    pub(in crate::component) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The hash of the bytes that were read.
    pub(super) fn content(&self) -> blake3::Hash {
        self.content
    }

    /// How many bytes its files have.
    pub(super) fn size(&self) -> u64 {
        self.files
            .iter()
            .map(|file| file.contents.len() as u64)
            .sum()
    }

    /// Which code this is, on a runtime of this hash: that of everything that decides what runs.
    pub(super) fn hash_on(&self, runtime: &blake3::Hash) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(runtime.as_bytes());
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(self.entry.as_bytes());
        for file in &self.files {
            add(file.path.as_bytes());
            add(&file.contents);
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(source: &str) -> Program {
        Program::script("x.py".to_owned(), source.into()).unwrap()
    }

    #[test]
    fn which_code_it_is_follows_from_the_runtime_and_the_files() {
        let (one, other) = (blake3::hash(b"1"), blake3::hash(b"2"));
        let hash = script("a").hash_on(&one);
        assert_eq!(script("a").hash_on(&one), hash);
        assert_ne!(script("a").hash_on(&other), hash);
        assert_ne!(script("b").hash_on(&one), hash);
    }

    #[test]
    fn what_is_no_text_says_its_line() {
        let error = Program::script("x.py".to_owned(), b"a\nb\xff".to_vec()).err();
        let error = error.unwrap().to_string();
        assert!(error.contains("line 2 is not UTF-8"), "{error}");
    }
}
