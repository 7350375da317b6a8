//! `--devices`: which devices a component meets, and the directory in which an author wrote down what they say.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::files;
use crate::simulate::script::Script;
use crate::{limits, text};

/// What a file of a directory is to look like, for who has none yet.
const EXAMPLE: &str =
    r#"{"serial": {"meter": {"answers": [{"request": "ID?\n", "answer": "ACME\n"}]}}}"#;

/// Which devices a component is exercised with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicesArg {
    /// Simulated ones, which know no protocol.
    Simulated,
    /// Those that the policy grants.
    Real,
    /// Simulated ones, and first those that the scripts in this directory name.
    Scripted(PathBuf),
}

impl From<OsString> for DevicesArg {
    fn from(written: OsString) -> Self {
        match written.to_str() {
            Some("simulated") => Self::Simulated,
            Some("real") => Self::Real,
            _ => Self::Scripted(written.into()),
        }
    }
}

impl DevicesArg {
    /// As it is written on a command line.
    pub fn written(&self) -> &OsStr {
        match self {
            Self::Simulated => "simulated".as_ref(),
            Self::Real => "real".as_ref(),
            Self::Scripted(dir) => dir.as_os_str(),
        }
    }
}

/// The scripts in the files `*.json` of `dir`, as one.
///
/// # Errors
/// When there is none, or one cannot be followed.
pub fn scripts(dir: &Path) -> Result<Script, CliError> {
    let mut all = Script::default();
    let mut room = limits::MAX_SCRIPT_BYTES as u64;
    for file in files_of(dir)? {
        let text = files::read_text(&file, "script of devices", room)?;
        room = room.saturating_sub(text.len() as u64);
        let script = Script::parse(&text).map_err(|error| wrong(&file, &error.to_string()))?;
        if let Some(name) = twice(&all, &script) {
            let problem = format!("another file has `{name}`, too; leave it out of one of them");
            return Err(wrong(&file, &problem));
        }
        all.extend(script);
    }
    all.check()
        .map_err(|error| wrong(dir, &error.to_string()))?;
    Ok(all)
}

/// In the order of their names.
fn files_of(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let shown = dir.display();
    let entries = std::fs::read_dir(dir).map_err(|error| {
        CliError::Usage(format!(
            "the directory of devices `{shown}` cannot be read: {error}; write `simulated`, `real`, or the path \
             of a directory with scripts of devices"
        ))
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| wrong(dir, &error.to_string()))?
            .path();
        if path.extension().is_some_and(|is| is == "json") {
            files.push(path);
        }
        let most = limits::MAX_SCRIPT_FILES;
        if files.len() > most {
            let problem =
                format!("more than {most} files are in it; write several devices into one");
            return Err(wrong(dir, &problem));
        }
    }
    if files.is_empty() {
        let problem = format!("no file `*.json` is in it; write one, such as {EXAMPLE}");
        return Err(wrong(dir, &problem));
    }
    files.sort();
    Ok(files)
}

/// A device that both name.
fn twice<'a>(one: &'a Script, other: &Script) -> Option<&'a String> {
    let kinds = [
        (&one.serial, &other.serial),
        (&one.tcp, &other.tcp),
        (&one.udp, &other.udp),
    ];
    let mut kinds = kinds.into_iter();
    kinds.find_map(|(one, other)| one.keys().find(|name| other.contains_key(*name)))
}

/// The words of a file are its author's, who may be a stranger.
fn wrong(path: &Path, problem: &str) -> CliError {
    let problem = format!("`{}` cannot be used: {problem}", path.display());
    CliError::Usage(text::clean_line(&problem, limits::MAX_TEXT_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn what_is_written_is_a_word_or_a_directory() {
        for written in ["simulated", "real", "./real", "lab/devices"] {
            let devices = DevicesArg::from(OsString::from(written));
            assert_eq!(devices.written(), written);
            let is_directory = matches!(devices, DevicesArg::Scripted(_));
            assert_eq!(is_directory, written.contains('/'));
        }
    }

    #[test]
    fn the_files_of_a_directory_are_one_script() {
        let dir = directory(&[
            ("meter.json", EXAMPLE),
            ("net.json", r#"{"tcp": {"scope.example:5025": {}}}"#),
            ("README.md", "what these are"),
        ]);
        let script = scripts(dir.path()).unwrap();
        assert_eq!(script.serial.len() + script.tcp.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_what_to_do() {
        let many: Vec<_> = (0..=limits::MAX_SCRIPT_FILES)
            .map(|at| format!("{at}.json"))
            .collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "{}")).collect();
        for (files, parts) in [
            (&[("a.txt", "")][..], ["no file `*.json`", "such as"]),
            (&many, ["more than", "several devices into one"]),
            (
                &[("a.json", "{\n \"seriell\": {}}")],
                ["a.json` cannot", "at line 2"],
            ),
            (
                &[("a.json", r#"{"\u001b[2J": {}}"#)],
                ["a.json` cannot", "at line 1"],
            ),
            (
                &[("a.json", r#"{"tcp": {"x": {}}}"#)],
                ["a.json` cannot", "write `host:port`"],
            ),
            (
                &[("a.json", EXAMPLE), ("b.json", EXAMPLE)],
                ["b.json` cannot", "`meter`, too; leave it out"],
            ),
        ] {
            let dir = directory(files);
            let problem = scripts(dir.path()).unwrap_err().to_string();
            assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
            assert!(!problem.contains('\x1b'), "{problem}");
        }
        let problem = scripts(Path::new("rael")).unwrap_err().to_string();
        assert!(problem.contains("`simulated`, `real`"), "{problem}");
    }
}
