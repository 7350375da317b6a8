//! What a module consists of, on disk: copied with care, and digested.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{PackageProblem, RECORD, content_problem, file_problem};
use crate::archive::{Archive, check_path};
use crate::limits::{MAX_ARCHIVE_CONTENT_BYTES, MAX_ARCHIVE_MEMBERS, MAX_COMPONENT_BYTES};

/// A file of a module.
struct Entry {
    /// Its path in the module.
    path: String,
    size: u64,
}

/// Copies a folder into an empty one. Symbolic links and special files are refused: they would not
/// be the module's own content.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), PackageProblem> {
    for entry in entries(from)? {
        let source = from.join(&entry.path);
        let file = File::open(&source).map_err(file_problem("read", &source))?;
        let mut file = file.take(entry.size);
        let mut created = create(&to.join(&entry.path), to)?;
        io::copy(&mut file, &mut created).map_err(file_problem("copy", &source))?;
    }
    Ok(())
}

/// Unpacks an archive that was checked into an empty folder.
pub(super) fn unpack(mut archive: Archive, to: &Path) -> Result<(), PackageProblem> {
    for member in archive.members().to_vec() {
        let mut created = create(&to.join(&member.path), to)?;
        archive.copy(&member, &mut created)?;
    }
    Ok(())
}

/// Writes one file of a module.
pub(super) fn write(to: &Path, path: &str, content: &[u8]) -> Result<(), PackageProblem> {
    let target = to.join(path);
    create(&target, to)?
        .write_all(content)
        .map_err(file_problem("write", &target))
}

fn create(path: &Path, root: &Path) -> Result<File, PackageProblem> {
    make_folder(path.parent().unwrap_or(root))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(file_problem("create", path))
}

/// Makes a folder that only its owner can look into.
pub(super) fn make_folder(path: &Path) -> Result<(), PackageProblem> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(file_problem("create the folder", path))
}

/// The digest of a module's content: SHA-256 over the path, the length and the bytes of every file,
/// in the order of the paths. Times, owners and permissions are no content.
pub(super) fn digest(module: &Path) -> Result<String, PackageProblem> {
    let mut hasher = Sha256::new();
    for entry in entries(module)? {
        let path = module.join(&entry.path);
        hasher.update((entry.path.len() as u64).to_le_bytes());
        hasher.update(entry.path.as_bytes());
        hasher.update(entry.size.to_le_bytes());
        let mut file = File::open(&path).map_err(file_problem("read", &path))?;
        let mut part = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut part).map_err(file_problem("read", &path))?;
            match part.get(..read) {
                Some(part) if !part.is_empty() => hasher.update(part),
                _ => break,
            }
        }
    }
    Ok(sha256_text(&hasher.finalize()))
}

/// A SHA-256 as it is written.
fn sha256_text(hash: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(hash))
}

/// Whether a component is a file that can be read at all.
pub(super) fn check_component(module: &Path, component: &str) -> Result<(), PackageProblem> {
    let found = fs::symlink_metadata(module.join(component));
    let refuse = |problem: &str| Err(content_problem(format!("`{component}` {problem}")));
    match found {
        Ok(found) if !found.is_file() => refuse("is not a file"),
        Ok(found) if found.len() > MAX_COMPONENT_BYTES => {
            refuse(&format!("has more than {MAX_COMPONENT_BYTES} bytes"))
        }
        Ok(_) => Ok(()),
        Err(_) => refuse("is named in `components`, but does not exist"),
    }
}

/// Every file of a module in the order of their paths, but for the host's own record.
fn entries(module: &Path) -> Result<Vec<Entry>, PackageProblem> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let listed = module.join(&folder);
        let failed = || file_problem("list", &listed);
        for entry in fs::read_dir(&listed).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            let path = Path::new(&folder).join(&name);
            let shown = path.to_string_lossy();
            let Some(path) = path.to_str().map(str::to_owned) else {
                return Err(content_problem(format!(
                    "`{shown}` has a name that is not UTF-8"
                )));
            };
            if path == RECORD {
                continue;
            }
            check_path(&path).map_err(|problem| content_problem(format!("`{shown}` {problem}")))?;
            let kind = entry.file_type().map_err(failed())?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let size = entry.metadata().map_err(failed())?.len();
                found.push(Entry { path, size });
            } else {
                return Err(content_problem(format!(
                    "`{shown}` is neither a file nor a folder"
                )));
            }
        }
        check_amount(&found, folders.len())?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn check_amount(found: &[Entry], folders: usize) -> Result<(), PackageProblem> {
    let count = found.len().saturating_add(folders) as u64;
    let bytes = found
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if count > MAX_ARCHIVE_MEMBERS {
        return Err(content_problem(format!(
            "it has more than the {MAX_ARCHIVE_MEMBERS} files allowed"
        )));
    }
    if bytes > MAX_ARCHIVE_CONTENT_BYTES {
        return Err(content_problem(format!(
            "it has more than the {MAX_ARCHIVE_CONTENT_BYTES} bytes allowed"
        )));
    }
    Ok(())
}
