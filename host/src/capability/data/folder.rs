//! Where the folder of one instance is, and that nobody else gets it: it is made, opened and taken away
//! under one lock, so that whoever has the same uuid later never opens what was another's.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::remove_tree;

/// The folder of one instance, which is made when it is first opened.
#[derive(Debug)]
pub struct Folder(Mutex<Place>);

#[derive(Debug)]
enum Place {
    /// In a directory that only the host writes to.
    At(PathBuf),
    /// For as long as somebody knows it.
    Temporary(Option<TempDir>),
    /// There is none, and will be none.
    Gone,
}

impl Folder {
    /// At `path`, in a directory that is there and that only the host writes to.
    pub fn at(mut path: PathBuf) -> Arc<Self> {
        // It was put together, with room for more; there may be tens of thousands.
        path.shrink_to_fit();
        Arc::new(Self(Mutex::new(Place::At(path))))
    }

    /// One that goes with the last who knows it.
    pub fn temporary() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Place::Temporary(None))))
    }

    /// One that nobody can open.
    pub fn none() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Place::Gone)))
    }

    /// Makes it, if it is not there, and opens it with `open`. Blocks.
    ///
    /// # Errors
    /// When it cannot be made or opened, or was taken away.
    pub(in crate::capability) fn open<R>(
        &self,
        open: impl FnOnce(&Path) -> io::Result<R>,
    ) -> io::Result<R> {
        match &mut *self.place() {
            Place::At(path) => {
                match DirBuilder::new().mode(0o700).create(&*path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                    _ => Ok(()),
                }?;
                open(path)
            }
            Place::Temporary(made) => {
                let dir = match made {
                    Some(dir) => dir,
                    none => none.insert(tempfile::tempdir()?),
                };
                open(dir.path())
            }
            Place::Gone => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Moves what is at `from` to its place, where nothing may be yet. Blocks.
    ///
    /// # Errors
    /// When it cannot be moved, or something is there.
    pub fn fill(&self, from: &Path) -> io::Result<()> {
        match &*self.place() {
            Place::At(path) if path.symlink_metadata().is_ok() => {
                Err(io::ErrorKind::AlreadyExists.into())
            }
            Place::At(path) => std::fs::rename(from, path),
            Place::Temporary(_) | Place::Gone => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Moves it to `aside`, if it was ever made. From now on nobody opens it: who has it open goes on with
    /// what is at `aside`. Whether something is there.
    ///
    /// # Errors
    /// When it cannot be moved. Nobody opens it even then.
    pub fn set_aside(&self, aside: &Path) -> io::Result<bool> {
        let place = std::mem::replace(&mut *self.place(), Place::Gone);
        let Place::At(path) = &place else {
            return Ok(false);
        };
        match std::fs::rename(path, aside) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Place::Temporary(Some(dir)) = &*self.place()
            && let Err(error) = remove_tree(dir.path())
        {
            tracing::warn!("a temporary folder of a worker stays: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Folder) -> io::Result<PathBuf> {
        folder.open(|path| Ok(path.to_owned()))
    }

    #[test]
    fn it_is_made_when_it_is_opened_for_nobody_else_and_kept() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path().join("one"));
        let path = open(&folder).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(path.join("kept"), "").unwrap();
        assert!(open(&folder).unwrap().join("kept").exists());
    }

    #[test]
    fn what_was_set_aside_is_never_opened_again_and_the_next_one_is_empty() {
        let root = tempfile::tempdir().unwrap();
        let (place, aside) = (root.path().join("one"), root.path().join("aside"));
        let folder = Folder::at(place.clone());
        std::fs::write(open(&folder).unwrap().join("secret"), "").unwrap();
        assert!(folder.set_aside(&aside).unwrap());
        assert!(aside.join("secret").exists());
        open(&folder).unwrap_err();
        assert!(!place.exists());
        let next = Folder::at(place);
        assert_eq!(open(&next).unwrap().read_dir().unwrap().count(), 0);
        assert!(
            !Folder::at(root.path().join("two"))
                .set_aside(&aside)
                .unwrap()
        );
    }

    #[test]
    fn only_an_empty_place_is_filled() {
        let root = tempfile::tempdir().unwrap();
        let (place, new) = (root.path().join("one"), root.path().join("new"));
        std::fs::create_dir(&new).unwrap();
        std::fs::write(new.join("a"), "").unwrap();
        let folder = Folder::at(place.clone());
        folder.fill(&new).unwrap();
        assert!(place.join("a").exists());
        std::fs::create_dir(&new).unwrap();
        folder.fill(&new).unwrap_err();
        Folder::none().fill(&new).unwrap_err();
    }

    #[test]
    fn a_temporary_one_goes_with_the_last_who_knows_it() {
        let folder = Folder::temporary();
        let path = open(&folder).unwrap();
        std::fs::write(path.join("a"), "").unwrap();
        assert_eq!(open(&folder).unwrap(), path);
        drop(folder);
        assert!(!path.exists());
    }
}
