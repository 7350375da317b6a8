//! Packages: several modules of an author's in one file, as Python has it, a wheel. Which module is run, its
//! `entry_points.txt` says, as FuncNodes has it; what it requests, a manifest beside that, in the form that
//! components carry.
//!
//! A wheel may come from anybody: it is an [`Archive`].

use crate::archive::{Archive, ArchiveProblem};
use crate::bindings::program::File;
use crate::limits::{MAX_MANIFEST_BYTES, MAX_NAME_BYTES, MAX_PROGRAM_BYTES, MAX_PROGRAM_FILES};
use crate::policy::Manifest;
use crate::text::clean_line;

/// The folder that says what a wheel is.
const ABOUT: &str = ".dist-info";
/// Its file of entry points, and the group and the key that name a module.
const ENTRY_POINTS: &str = "entry_points.txt";
const GROUP: &str = "funcnodes.module";
const KEY: &str = "module";
/// Its file of what it requests.
const MANIFEST: &str = "external-worker.json";
const SIGN: &str =
    "entry_points.txt needs the lines `[funcnodes.module]` and `module = your_module`";
/// What machine code is called.
const NATIVE: [&str; 4] = [".so", ".pyd", ".dylib", ".dll"];

/// What a wheel has in it.
#[derive(Debug)]
pub(super) struct Wheel {
    pub(super) entry: String,
    /// In the order of their paths.
    pub(super) files: Vec<File>,
    pub(super) manifest: Manifest,
}

/// Reads a wheel. `name` is what it is called without a manifest.
///
/// # Errors
/// A sentence.
pub(super) fn read(name: &str, bytes: Vec<u8>) -> Result<Wheel, String> {
    let mut archive = Archive::open(bytes).map_err(shown)?;
    check_size(&archive)?;
    let about = about(&archive)?;
    let entry = entry(&mut archive, &about)?;
    let manifest = manifest(&mut archive, &about, name)?;
    Ok(Wheel {
        entry,
        files: files(&mut archive)?,
        manifest,
    })
}

fn shown(problem: ArchiveProblem) -> String {
    problem.to_string()
}

fn check_size(archive: &Archive) -> Result<(), String> {
    let members = archive.members();
    let total = members
        .iter()
        .fold(0_u64, |sum, member| sum.saturating_add(member.size));
    if total > MAX_PROGRAM_BYTES {
        return Err(format!(
            "its files have {total} bytes; at most {MAX_PROGRAM_BYTES} are allowed"
        ));
    }
    if members.len() > MAX_PROGRAM_FILES {
        let count = members.len();
        return Err(format!(
            "it has {count} files; at most {MAX_PROGRAM_FILES} are allowed"
        ));
    }
    let native = members
        .iter()
        .find(|member| NATIVE.iter().any(|ending| member.path.ends_with(ending)));
    match native {
        Some(native) => Err(format!(
            "`{}` is machine code, which does not run in a sandbox: only wheels of Python alone do",
            clean_line(&native.path, MAX_NAME_BYTES)
        )),
        None => Ok(()),
    }
}

/// The one folder that says what it is, with the "/" after it.
fn about(archive: &Archive) -> Result<String, String> {
    let mut found = archive.members().iter().filter_map(|member| {
        let (folder, file) = member.path.split_once('/')?;
        (folder.ends_with(ABOUT) && file == ENTRY_POINTS).then(|| format!("{folder}/"))
    });
    match (found.next(), found.next()) {
        (Some(folder), None) => Ok(folder),
        (None, _) => Err(format!(
            "it does not say which of its modules is run: its {SIGN}"
        )),
        (Some(_), Some(_)) => Err(format!("it has two folders `*{ABOUT}`")),
    }
}

/// The path of the module that its entry points name.
fn entry(archive: &mut Archive, about: &str) -> Result<String, String> {
    let path = format!("{about}{ENTRY_POINTS}");
    let bytes = archive
        .read(&path, MAX_MANIFEST_BYTES as u64)
        .map_err(shown)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("`{path}` is not UTF-8"))?;
    let module = named_module(&text)
        .ok_or_else(|| format!("it does not say which of its modules is run: its {SIGN}"))?;
    let place = module.replace('.', "/");
    let has = |file: &String| archive.members().iter().any(|member| member.path == *file);
    let files = [format!("{place}/__init__.py"), format!("{place}.py")];
    files.into_iter().find(has).ok_or_else(|| {
        let module = clean_line(module, MAX_NAME_BYTES);
        format!("its entry points name the module `{module}`, which it has not")
    })
}

/// What the key is in the group, in the form that Python's `configparser` reads.
fn named_module(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| {
        let group = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        group.map(str::trim) == Some(GROUP)
    })?;
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == KEY)
        .map(|(_, value)| value.trim())
}

fn manifest(archive: &mut Archive, about: &str, name: &str) -> Result<Manifest, String> {
    let path = format!("{about}{MANIFEST}");
    if !archive.members().iter().any(|member| member.path == path) {
        return Manifest::of(name, "", [].into());
    }
    let bytes = archive
        .read(&path, MAX_MANIFEST_BYTES as u64)
        .map_err(shown)?;
    Manifest::parse(&bytes)
}

fn files(archive: &mut Archive) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for member in archive.members().to_vec() {
        let contents = archive
            .read(&member.path, MAX_PROGRAM_BYTES)
            .map_err(shown)?;
        files.push(File {
            path: member.path,
            contents,
        });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::policy::Capability;

    const POINTS: &str = "[console_scripts]\nmodule = other\n\n[funcnodes.module]\nshelf = pump:NODE_SHELF\nmodule = pump\n";

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in files {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn refused(files: &[(&str, &str)]) -> String {
        read("pump", zipped(files)).unwrap_err()
    }

    #[test]
    fn a_wheel_says_which_module_is_run_and_what_it_requests() {
        let manifest = r#"{"version": 1, "name": "pump", "package-version": "2.0", "requests": {"serial": "reads"}}"#;
        let wheel = read(
            "pump",
            zipped(&[
                ("pump/line.py", "x = 1"),
                ("pump/__init__.py", "from .line import x"),
                ("pump-2.0.dist-info/entry_points.txt", POINTS),
                ("pump-2.0.dist-info/external-worker.json", manifest),
            ]),
        )
        .unwrap();
        assert_eq!(wheel.entry, "pump/__init__.py");
        let paths: Vec<_> = wheel.files.iter().map(|file| file.path.as_str()).collect();
        assert!(paths.is_sorted() && paths.len() == 4, "{paths:?}");
        assert_eq!(wheel.manifest.package_version, "2.0");
        assert!(wheel.manifest.requests.contains_key(&Capability::Serial));
    }

    #[test]
    fn a_module_may_be_one_file_and_a_wheel_without_a_manifest_requests_nothing() {
        let files = [("pump.py", ""), ("p-1.dist-info/entry_points.txt", POINTS)];
        let wheel = read("pump", zipped(&files)).unwrap();
        assert_eq!(wheel.entry, "pump.py");
        assert_eq!(wheel.manifest.name, "pump");
        assert!(wheel.manifest.requests.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let points = ("p-1.dist-info/entry_points.txt", POINTS);
        assert!(refused(&[("pump.py", "")]).contains("[funcnodes.module]"));
        assert!(refused(&[points]).contains("`pump`, which it has not"));
        let none = ("p-1.dist-info/entry_points.txt", "[x]\nmodule = pump\n");
        assert!(refused(&[("pump.py", ""), none]).contains("does not say"));
        let second = ("q-1.dist-info/entry_points.txt", POINTS);
        assert!(refused(&[("pump.py", ""), points, second]).contains("two folders"));
        let native = ("pump/_fast.cpython-314.so", "\u{7f}ELF");
        assert!(refused(&[("pump.py", ""), points, native]).contains("machine code"));
        let request = (
            "p-1.dist-info/external-worker.json",
            r#"{"version": 1, "name": "p", "requests": {"teleport": ""}}"#,
        );
        assert!(refused(&[("pump.py", ""), points, request]).contains("teleport"));
        assert!(refused(&[("../pump.py", ""), points]).contains("not a plain one"));
        assert!(read("x", b"no zip".to_vec()).is_err());
    }
}
