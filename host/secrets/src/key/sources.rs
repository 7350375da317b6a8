//! Where the key of a vault comes from.
//!
//! | precedence | source | for |
//! |---|---|---|
//! | 1 | the file that the operator names | everybody; also `age-keygen`'s |
//! | 2 | `$CREDENTIALS_DIRECTORY/ewh-secrets-key` | systemd: `LoadCredentialEncrypted=ewh-secrets-key:…` |
//! | 3 | the environment variable `EWH_SECRETS_KEY` | containers and tests |
//!
//! The first that is there counts, right or wrong: a wrong one is an error, and never makes a later one count. The
//! variable is the weakest: it stays in the process's environment, where children and `/proc/PID/environ` show it.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use super::{Key, KeyTextError, MAX_KEY_TEXT_BYTES};

/// Where systemd puts what it hands to a service.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// What the key is called there.
const CREDENTIAL: &str = "ewh-secrets-key";
/// The variable that has the key itself.
const VARIABLE: &str = "EWH_SECRETS_KEY";

const ANY_OTHERS: u32 = 0o077;
/// Of a credential. systemd lets a service's user in by an access control list, which shows as rights of the group.
const OUTSIDERS: u32 = 0o007;

/// Where to look for a key.
#[derive(Default)]
pub struct KeySources {
    /// The file that the operator names.
    pub file: Option<PathBuf>,
    /// systemd's directory of credentials.
    pub credentials: Option<PathBuf>,
    /// The value of the environment variable.
    pub variable: Option<OsString>,
}

/// Where a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrigin {
    /// In the file that the operator named.
    File(PathBuf),
    /// In this file, by systemd.
    Credential(PathBuf),
    /// In the environment variable.
    Variable,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No source has one.
    #[error(
        "there is no key for the secrets. Name a file with one, give the service the credential {CREDENTIAL}, or set \
         {VARIABLE}"
    )]
    NoSource,
    /// The source cannot be read.
    #[error("the key in {origin} cannot be read: {source}")]
    Io {
        /// Where.
        origin: KeyOrigin,
        /// Why not.
        source: io::Error,
    },
    /// The file is not its owner's alone.
    #[error(
        "the key in {origin} can be read or changed by others (mode {mode:03o}). Run `chmod 600` on the file, and make a \
         new key if it was not meant to be so"
    )]
    Exposed {
        /// Where.
        origin: KeyOrigin,
        /// The rights, as `chmod` takes them.
        mode: u32,
    },
    /// The file is another user's.
    #[error(
        "the key in {origin} belongs to the user {uid}, who could change it. Run `chown` on the file"
    )]
    OtherOwner {
        /// Where.
        origin: KeyOrigin,
        /// The number of that user.
        uid: u32,
    },
    /// There is no key in what was read.
    #[error("the key in {origin} cannot be used: {source}")]
    Text {
        /// Where.
        origin: KeyOrigin,
        /// What is wrong.
        source: KeyTextError,
    },
}

impl KeySources {
    /// The sources of this process, and the file that the operator names.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self {
            file,
            credentials: env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from),
            variable: env::var_os(VARIABLE),
        }
    }

    /// The key of the first source that is there, and where that was.
    ///
    /// # Errors
    /// When there is none, or the first that is there cannot be read, has no key, or can be read by others.
    pub fn load(self) -> Result<(Key, KeyOrigin), KeyError> {
        if let Some(path) = self.file {
            return from_file(&path, ANY_OTHERS, KeyOrigin::File(path.clone()));
        }
        let credential = self.credentials.map(|dir| dir.join(CREDENTIAL));
        // One that is there and cannot be looked at counts: it fails where it is read.
        if let Some(path) = credential.filter(|path| path.try_exists().unwrap_or(true)) {
            return from_file(&path, OUTSIDERS, KeyOrigin::Credential(path.clone()));
        }
        let value = self.variable.ok_or(KeyError::NoSource)?;
        let value = Zeroizing::new(value.into_vec());
        from_text(&value, KeyOrigin::Variable)
    }
}

impl fmt::Debug for KeySources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySources")
            .field("file", &self.file)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Credential(path) => write!(f, "the credential {}", path.display()),
            Self::Variable => write!(f, "the environment variable {VARIABLE}"),
        }
    }
}

fn from_file(path: &Path, refused: u32, origin: KeyOrigin) -> Result<(Key, KeyOrigin), KeyError> {
    let failed = |source| KeyError::Io {
        origin: origin.clone(),
        source,
    };
    let file = open(path).map_err(failed)?;
    // Of the file that is read, not of what may have its name by then.
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o777;
    if mode & refused != 0 {
        return Err(KeyError::Exposed { origin, mode });
    }
    let uid = metadata.uid();
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return Err(KeyError::OtherOwner { origin, uid });
    }
    let text = read(file).map_err(failed)?;
    from_text(&text, origin)
}

fn open(path: &Path) -> io::Result<File> {
    // A link may lead to the file: whoever named it may name it so. A pipe must not make this wait.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is not a plain file"))
}

/// At most one byte more than a key's text may have, in a buffer that never moves.
fn read(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_TEXT_BYTES + 64));
    let limit = u64::try_from(MAX_KEY_TEXT_BYTES + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

fn from_text(text: &[u8], origin: KeyOrigin) -> Result<(Key, KeyOrigin), KeyError> {
    match Key::read(text) {
        Ok(key) => Ok((key, origin)),
        Err(source) => Err(KeyError::Text { origin, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(dir: &Path, name: &str, mode: u32) -> (PathBuf, Key) {
        let (path, key) = (dir.join(name), Key::generate());
        key.write_new(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (path, key)
    }

    #[test]
    fn the_first_source_that_is_there_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (file, in_file) = put(dir.path(), "key", 0o600);
        let (credential, in_credential) = put(dir.path(), CREDENTIAL, 0o440);
        let in_variable = Key::generate();
        let sources = |file: Option<&PathBuf>, credentials: Option<&Path>| KeySources {
            file: file.cloned(),
            credentials: credentials.map(Path::to_owned),
            variable: Some(in_variable.expose().into()),
        };
        let load = |sources: KeySources| {
            let (key, origin) = sources.load().unwrap();
            (key.expose().to_owned(), origin)
        };
        assert_eq!(
            load(sources(Some(&file), Some(dir.path()))),
            (in_file.expose().to_owned(), KeyOrigin::File(file))
        );
        assert_eq!(
            load(sources(None, Some(dir.path()))),
            (
                in_credential.expose().to_owned(),
                KeyOrigin::Credential(credential)
            )
        );
        let empty = tempfile::tempdir().unwrap();
        for none in [None, Some(empty.path())] {
            assert_eq!(
                load(sources(None, none)),
                (in_variable.expose().to_owned(), KeyOrigin::Variable)
            );
        }
        let error = KeySources::default().load().unwrap_err();
        assert!(matches!(error, KeyError::NoSource), "{error}");
    }

    #[test]
    fn a_wrong_source_is_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let good = || Some(Key::generate().expose().into());
        let missing = KeySources {
            file: Some(dir.path().join("missing")),
            variable: good(),
            ..KeySources::default()
        };
        assert!(matches!(missing.load(), Err(KeyError::Io { .. })));
        fs::write(dir.path().join(CREDENTIAL), "nonsense").unwrap();
        let mode = Permissions::from_mode(0o400);
        fs::set_permissions(dir.path().join(CREDENTIAL), mode).unwrap();
        let nonsense = KeySources {
            credentials: Some(dir.path().to_owned()),
            variable: good(),
            ..KeySources::default()
        };
        let error = nonsense.load().unwrap_err();
        assert!(matches!(error, KeyError::Text { .. }), "{error}");
        let folder = KeySources {
            file: Some(dir.path().to_owned()),
            ..KeySources::default()
        };
        assert!(matches!(folder.load(), Err(KeyError::Io { .. })));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o777] {
            let (path, _) = put(dir.path(), &format!("{mode:o}"), mode);
            let sources = KeySources {
                file: Some(path),
                ..KeySources::default()
            };
            let error = sources.load().unwrap_err().to_string();
            assert!(error.contains(&format!("mode {mode:o}")), "{error}");
            assert!(error.contains("chmod 600"), "{error}");
        }
        put(dir.path(), CREDENTIAL, 0o444);
        let sources = KeySources {
            credentials: Some(dir.path().to_owned()),
            ..KeySources::default()
        };
        assert!(matches!(sources.load(), Err(KeyError::Exposed { .. })));
    }

    #[test]
    fn sources_show_nothing_of_the_key() {
        let key = Key::generate();
        let sources = KeySources {
            variable: Some(key.expose().into()),
            ..KeySources::default()
        };
        assert!(!format!("{sources:?}").contains(key.expose()));
    }
}
