//! Files that the command line names: read with care, refused with a sentence that helps, written so
//! that what was there is replaced whole or not at all.

use std::fs::{Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::error::HostError;
use crate::limits::MAX_LINKS;
use crate::text;

/// Checks that `path` is a file that can be read. `what` it should be is for the sentence.
///
/// # Errors
/// [`CliError::Usage`] with what to name instead.
pub fn check(path: &Path, what: &str) -> Result<Metadata, CliError> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => CliError::Usage(format!(
            "there is no file `{shown}`; check the path of the {what}"
        )),
        _ => cannot_read(path, error),
    })?;
    if metadata.is_dir() {
        let sources = ["Cargo.toml", "package.json"];
        let sources = sources.iter().find(|name| path.join(name).is_file());
        return Err(CliError::Usage(match sources {
            Some(name) => format!(
                "`{shown}` is a directory with a {name}, not a {what}; run `ewh build {shown}` and name \
                 the file that it prints"
            ),
            None => format!("`{shown}` is a directory, not a {what}; name a file"),
        }));
    }
    if !metadata.is_file() {
        let problem = format!("`{shown}` is a device or a pipe, not a {what}; name a regular file");
        return Err(CliError::Usage(problem));
    }
    Ok(metadata)
}

/// All of the file at `path`, at most `limit` bytes.
///
/// # Errors
/// As [`check`], and when it is too large or cannot be read.
pub fn read(path: &Path, what: &str, limit: u64) -> Result<Vec<u8>, CliError> {
    check(path, what)?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| cannot_read(path, error))?;
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| cannot_read(path, error))?;
    if bytes.len() as u64 > limit {
        let shown = path.display();
        let problem =
            format!("the {what} `{shown}` is larger than the {limit} bytes that are read");
        return Err(CliError::Usage(problem));
    }
    Ok(bytes)
}

/// All of the text at `path`, at most `limit` bytes, without a byte order mark.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, what: &str, limit: u64) -> Result<String, CliError> {
    let read = read(path, what, limit)?;
    let written = std::str::from_utf8(&read).map_err(|_not_utf8| {
        CliError::Usage(format!(
            "the {what} `{}` is not text in UTF-8",
            path.display()
        ))
    })?;
    Ok(text::without_mark(written).to_owned())
}

/// Puts `bytes` into the file at `path`: aside and then into its place, so that what is there stays whole
/// whatever happens. A link stays and leads to the new content; mode and owner stay as they were.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |source| HostError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    Ok(replace(&end_of_links(path), bytes).map_err(failed)?)
}

/// Puts `bytes` into a new file at `path`, whole or not at all. A pipe or a terminal takes what comes.
///
/// # Errors
/// When a file is there already, or it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |source| HostError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return write(path, bytes);
    }
    let aside = aside(path, bytes).map_err(failed)?;
    let made = aside.persist_noclobber(path);
    made.map_err(|error| failed(error.error))?;
    Ok(())
}

/// Where `path` leads, also when nothing is there yet.
fn end_of_links(path: &Path) -> PathBuf {
    let mut end = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(next) = std::fs::read_link(&end) else {
            break;
        };
        end = folder(&end).join(next);
    }
    end
}

fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = std::fs::metadata(path).ok();
    // A pipe or a terminal takes what comes.
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let aside = aside(path, bytes)?;
    if let Some(before) = before {
        let made = aside.as_file().metadata()?;
        if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
            fchown(aside.as_file(), Some(before.uid()), Some(before.gid()))?;
        }
        // Last, since a new owner takes bits of the mode away.
        aside.as_file().set_permissions(before.permissions())?;
    }
    aside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A file beside `path` with this content, which goes unless it is moved.
fn aside(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut aside = tempfile::Builder::new();
    // As any program makes a file; the process's mask takes away from it.
    aside.permissions(Permissions::from_mode(0o666));
    let mut aside = aside.tempfile_in(folder(path))?;
    aside.write_all(bytes)?;
    Ok(aside)
}

fn cannot_read(path: &Path, source: std::io::Error) -> CliError {
    HostError::File {
        action: "read",
        path: path.to_owned(),
        source,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_keeps_its_mode_and_links_that_lead_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mode = |name: &str| std::fs::metadata(at(name)).unwrap().mode() & 0o7777;
        std::fs::write(at("file"), "old").unwrap();
        std::fs::create_dir(at("links")).unwrap();
        std::os::unix::fs::symlink("../file", at("links/near")).unwrap();
        std::os::unix::fs::symlink("links/near", at("far")).unwrap();
        for bits in [0o644, 0o600, 0o755] {
            std::fs::set_permissions(at("file"), Permissions::from_mode(bits)).unwrap();
            write(&at("far"), format!("{bits:o}").as_bytes()).unwrap();
            assert_eq!(mode("file"), bits);
            let content = std::fs::read_to_string(at("file")).unwrap();
            assert_eq!(content, format!("{bits:o}"));
        }
        for link in ["far", "links/near"] {
            assert!(at(link).is_symlink(), "{link}");
        }
        std::os::unix::fs::symlink("new", at("dangling")).unwrap();
        write(&at("dangling"), b"made").unwrap();
        assert!(at("dangling").is_symlink());
        std::fs::write(at("ordinary"), "").unwrap();
        assert_eq!(mode("new"), mode("ordinary"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 6);
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        write(&at("nowhere/x"), b"").unwrap_err();
    }

    #[test]
    fn text_has_no_byte_order_mark() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, b"\xef\xbb\xbf{}").unwrap();
        assert_eq!(read_text(&path, "configuration", 10).unwrap(), "{}");
    }

    #[test]
    fn only_regular_files_are_read() {
        for (path, part) in [
            ("/nowhere/x.wasm", "there is no file"),
            ("/", "is a directory, not a component"),
            (env!("CARGO_MANIFEST_DIR"), "ewh build"),
            ("/dev/zero", "is a device or a pipe"),
        ] {
            let problem = read(Path::new(path), "component", 10)
                .unwrap_err()
                .to_string();
            assert!(problem.contains(part), "{problem}");
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let problem = read(&here, "policy", 10).unwrap_err().to_string();
        assert!(problem.contains("larger than the 10 bytes"), "{problem}");
    }
}
