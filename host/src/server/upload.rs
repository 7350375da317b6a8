//! Files that clients bring: into one directory, under plain relative paths, whole or not at all.
//!
//! The directory is a handle that no path leads out of, links included (`cap-std`); names are checked
//! all the same, so that what is refused is refused with a sentence. A file is written beside its
//! place and moved there when it is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use cap_std::fs::{Dir, OpenOptions};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::limits::{self, Share, Stock};
use crate::text;

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The name is no plain relative path.
    #[error("`{0}` cannot be the name of an upload: use a relative path without `..`")]
    Name(String),
    /// It is too much.
    #[error("an upload has at most {max} files", max = limits::MAX_UPLOAD_FILES)]
    TooMany,
    /// There is no room for it.
    #[error("the uploads would have more than {max} bytes; remove some first", max = limits::MAX_UPLOADS_BYTES)]
    Full,
    /// There was no file.
    #[error("no files uploaded")]
    Nothing,
    /// The request is broken, or too large.
    #[error("the upload ended early: {0}")]
    Request(#[from] MultipartError),
    /// The host could not store it; why is in its log.
    #[error("the host could not store the file")]
    Disk,
}

/// Where uploads go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    dir: Arc<Dir>,
    /// Bytes that they may still have.
    room: Arc<Stock>,
}

/// A file on its way; removed again if it does not get there.
struct Unfinished {
    uploads: Uploads,
    path: PathBuf,
    bytes: Share,
    is_whole: bool,
}

impl Unfinished {
    async fn write(&mut self, file: &mut File, data: &[u8]) -> Result<(), UploadError> {
        let more = self.bytes.more(data.len() as u64);
        more.map_err(|_left| UploadError::Full)?;
        file.write_all(data).await.map_err(|e| disk(&e))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_whole {
            self.bytes.keep();
        } else {
            let _ = self.uploads.dir.remove_file(&self.path);
        }
    }
}

impl Uploads {
    /// Uploads into `dir`, which may have some already.
    pub fn new(dir: Dir) -> Self {
        Self::with_room(dir, limits::MAX_UPLOADS_BYTES)
    }

    fn with_room(dir: Dir, most: u64) -> Self {
        let room = Stock::new(most.saturating_sub(size_of_files(&dir, 0)));
        Self {
            dir: Arc::new(dir),
            room,
        }
    }

    /// Stores every part named `file`; the path of the one file, or of the folder of all.
    ///
    /// # Errors
    /// Why not; files that were whole by then stay.
    pub async fn take(&self, mut form: Multipart) -> Result<String, UploadError> {
        let mut stored: Vec<PathBuf> = Vec::new();
        while let Some(field) = form.next_field().await? {
            let name = field.file_name().filter(|name| !name.is_empty());
            let Some(name) = name.filter(|_| field.name() == Some("file")) else {
                continue;
            };
            if stored.len() >= limits::MAX_UPLOAD_FILES {
                return Err(UploadError::TooMany);
            }
            let path = plain_path(name)?;
            self.write(&path, field).await?;
            stored.push(path);
        }
        common_path(&stored).ok_or(UploadError::Nothing)
    }

    /// Stores `data` as `name`.
    ///
    /// # Errors
    /// Why not.
    pub async fn put(&self, name: &str, data: &[u8]) -> Result<String, UploadError> {
        let path = plain_path(name)?;
        let (mut file, mut unfinished) = self.create(&path).map_err(|e| disk(&e))?;
        unfinished.write(&mut file, data).await?;
        self.finish(file, &path, &mut unfinished).await?;
        Ok(path.to_string_lossy().into_owned())
    }

    async fn write(&self, path: &Path, mut field: Field<'_>) -> Result<(), UploadError> {
        let (mut file, mut unfinished) = self.create(path).map_err(|e| disk(&e))?;
        while let Some(chunk) = field.chunk().await? {
            unfinished.write(&mut file, &chunk).await?;
        }
        self.finish(file, path, &mut unfinished).await
    }

    fn create(&self, path: &Path) -> io::Result<(File, Unfinished)> {
        let parent = path.parent().unwrap_or(Path::new(""));
        if parent != Path::new("") {
            self.dir.create_dir_all(parent)?;
        }
        let temporary = parent.join(format!(".upload-{}", Uuid::new_v4().simple()));
        let mut options = OpenOptions::new();
        let file = self
            .dir
            .open_with(&temporary, options.write(true).create_new(true))?;
        let unfinished = Unfinished {
            uploads: self.clone(),
            path: temporary,
            bytes: Share::none_of(&self.room),
            is_whole: false,
        };
        Ok((File::from_std(file.into_std()), unfinished))
    }

    async fn finish(
        &self,
        mut file: File,
        path: &Path,
        unfinished: &mut Unfinished,
    ) -> Result<(), UploadError> {
        file.flush().await.map_err(|e| disk(&e))?;
        drop(file);
        let replaced = self.dir.symlink_metadata(path).map_or(0, |old| old.len());
        self.dir
            .rename(&unfinished.path, &self.dir, path)
            .map_err(|e| disk(&e))?;
        unfinished.is_whole = true;
        self.room.put(replaced);
        Ok(())
    }
}

/// What is in `dir` and below; what cannot be read counts nothing.
fn size_of_files(dir: &Dir, depth: usize) -> u64 {
    let entries = dir.entries().into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(is) if is.is_dir() && depth < limits::MAX_UPLOAD_DEPTH => entry
            .open_dir()
            .map_or(0, |inner| size_of_files(&inner, depth + 1)),
        Ok(is) if is.is_file() => is.len(),
        _ => 0,
    });
    sizes.fold(0, u64::saturating_add)
}

fn disk(error: &io::Error) -> UploadError {
    tracing::warn!("an upload was not stored: {error}");
    UploadError::Disk
}

/// A client's name as a path of plain parts.
fn plain_path(name: &str) -> Result<PathBuf, UploadError> {
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.len() <= limits::MAX_UPLOAD_NAME_BYTES
            && !part.contains('\\')
            && part.chars().all(text::is_harmless)
            && !part.contains(['\n', '\t'])
    };
    if name.len() <= limits::MAX_UPLOAD_PATH_BYTES && name.split('/').all(is_plain) {
        Ok(PathBuf::from(name))
    } else {
        let shown = text::clean_line(name, limits::MAX_NAME_BYTES);
        Err(UploadError::Name(shown))
    }
}

/// The path itself of one; of several, the folder that has them all.
fn common_path(paths: &[PathBuf]) -> Option<String> {
    let (first, rest) = paths.split_first()?;
    let mut common = first.clone();
    while rest.iter().any(|path| !path.starts_with(&common)) {
        common.pop();
    }
    Some(common.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn only_plain_relative_paths_are_names() {
        for good in ["a.txt", "folder/a b.txt", "é", "..a/b.."] {
            assert_eq!(plain_path(good).unwrap(), PathBuf::from(good));
        }
        let long = "x".repeat(limits::MAX_UPLOAD_NAME_BYTES + 1);
        let bad = [
            "",
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a//b",
            "a/",
            ".",
            "./a",
            "a\\b",
            "a\0b",
            "a\nb",
            "\u{202e}a",
            &long,
        ];
        for bad in bad {
            plain_path(bad).unwrap_err();
        }
    }

    #[test]
    fn several_files_have_a_folder_in_common() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(common_path(&paths(&["a/b.txt"])).unwrap(), "a/b.txt");
        assert_eq!(
            common_path(&paths(&["a/b/1", "a/b/2", "a/c"])).unwrap(),
            "a"
        );
        assert_eq!(common_path(&paths(&["a/1", "ab/1"])).unwrap(), "");
        assert_eq!(common_path(&[]), None);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let kept = tempfile::tempdir().unwrap();
        let open = || Dir::open_ambient_dir(kept.path(), ambient_authority()).unwrap();
        let uploads = Uploads::with_room(open(), 10);
        uploads.put("folder/a", b"123456").await.unwrap();
        let full = uploads.put("b", b"12345").await;
        assert!(matches!(full, Err(UploadError::Full)), "{full:?}");
        assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 1);
        uploads.put("folder/a", b"1234").await.unwrap();
        uploads.put("b", b"12345").await.unwrap();
        // What was there before counts.
        let again = Uploads::with_room(open(), 10);
        again.put("c", b"1").await.unwrap();
        let full = again.put("d", b"1").await;
        assert!(matches!(full, Err(UploadError::Full)), "{full:?}");
    }

    #[tokio::test]
    async fn a_file_is_replaced_as_a_whole_and_no_link_leads_out() {
        let inside = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(inside.path(), ambient_authority()).unwrap();
        let uploads = Uploads::new(dir);
        uploads.put("folder/a", b"one").await.unwrap();
        assert_eq!(uploads.put("folder/a", b"two").await.unwrap(), "folder/a");
        assert_eq!(
            std::fs::read(inside.path().join("folder/a")).unwrap(),
            b"two"
        );
        std::os::unix::fs::symlink(outside.path(), inside.path().join("out")).unwrap();
        assert!(matches!(
            uploads.put("out/a", b"x").await,
            Err(UploadError::Disk)
        ));
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        std::fs::write(outside.path().join("target"), b"kept").unwrap();
        let link = inside.path().join("link");
        std::os::unix::fs::symlink(outside.path().join("target"), link).unwrap();
        uploads.put("link", b"new").await.unwrap();
        assert_eq!(
            std::fs::read(outside.path().join("target")).unwrap(),
            b"kept"
        );
        let left = std::fs::read_dir(inside.path().join("folder")).unwrap();
        assert_eq!(left.count(), 1);
    }
}
