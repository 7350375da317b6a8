//! The key of a vault: an X25519 identity of age, as `age-keygen` makes them.
//!
//! The text `AGE-SECRET-KEY-1…` is all there is to keep. A vault never shows the public half: who has it could encrypt
//! files for the vault, though none that pass (see [`vault`](crate::vault)).

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str;

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

mod sources;

pub use sources::{KeyError, KeyOrigin, KeySources};

/// The longest text that a key is looked for in, in bytes: `age-keygen` writes 189.
pub const MAX_KEY_TEXT_BYTES: usize = 4096;

const KEY_BEGINS: &str = "AGE-SECRET-KEY-1";

/// What opens a vault. Its memory is wiped when it is dropped, and its `Debug` shows nothing of it.
pub struct Key {
    identity: age::x25519::Identity,
    text: age::secrecy::SecretString,
}

/// Why a text has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// It has none.
    #[error("it has no line that begins with {KEY_BEGINS}")]
    None,
    /// It has several, and a vault has one.
    #[error("it has several keys, and a vault has one. Keep one in it")]
    Several,
    /// It is longer than a key and some comments.
    #[error("it is longer than {MAX_KEY_TEXT_BYTES} bytes, so it is no key")]
    TooLong,
    /// The line is not what it says.
    #[error("the line that begins with {KEY_BEGINS} is no key: it was cut off or mistyped")]
    Wrong,
}

/// Why a new key is not in its file.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot be written to {}: {source}. Name a file that is not there yet", .path.display())]
pub struct WriteKeyError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl Key {
    /// A new key, of the system's random numbers.
    pub fn generate() -> Self {
        Self::of(age::x25519::Identity::generate())
    }

    /// The one key in a text, among empty lines and comments that begin with `#`.
    ///
    /// # Errors
    /// When there is none, or more than one. No error has anything of the text.
    pub fn read(text: &[u8]) -> Result<Self, KeyTextError> {
        if text.len() > MAX_KEY_TEXT_BYTES {
            return Err(KeyTextError::TooLong);
        }
        let text = str::from_utf8(text).map_err(|_| KeyTextError::None)?;
        let mut lines = text.lines().map(str::trim);
        let mut keys = lines.by_ref().filter(|line| line.starts_with(KEY_BEGINS));
        let line = keys.next().ok_or(KeyTextError::None)?;
        if keys.next().is_some() {
            return Err(KeyTextError::Several);
        }
        let identity = line.parse().map_err(|_| KeyTextError::Wrong)?;
        Ok(Self::of(identity))
    }

    /// The text to keep: `AGE-SECRET-KEY-1…`, without a newline.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Writes the key to a new file, which only its owner can read, and waits until it is on disk.
    ///
    /// # Errors
    /// When there is something at `path`, or it cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), WriteKeyError> {
        self.try_write(path).map_err(|source| WriteKeyError {
            path: path.to_owned(),
            source,
        })
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(self.expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        std::fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn of(identity: age::x25519::Identity) -> Self {
        Self {
            text: identity.to_string(),
            identity,
        }
    }

    pub(crate) fn identity(&self) -> &age::x25519::Identity {
        &self.identity
    }

    /// A key for a hash, of which nothing leads back to this one.
    pub(crate) fn derive(&self, context: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(context, self.expose().as_bytes()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_kept() {
        let key = Key::generate();
        let text = key.expose();
        for around in [
            text.to_owned(),
            format!("# created: 2026\n# public key: age1x\n\n  {text}\r\n"),
        ] {
            assert_eq!(Key::read(around.as_bytes()).unwrap().expose(), text);
        }
        assert_eq!(format!("{key:?}"), "Key(..)");
        assert_ne!(Key::generate().expose(), text);
    }

    #[test]
    fn what_is_no_key_says_so_without_showing_it() {
        let (one, two) = (Key::generate(), Key::generate());
        let several = format!("{}\n{}\n", one.expose(), two.expose());
        let wrong = |text: &[u8]| Key::read(text).unwrap_err();
        assert_eq!(wrong(several.as_bytes()), KeyTextError::Several);
        for none in [b"".as_slice(), b"age1abc", b"\xff\xfe", b"# nothing"] {
            assert_eq!(wrong(none), KeyTextError::None);
        }
        let long = format!("{}{}", one.expose(), " ".repeat(MAX_KEY_TEXT_BYTES));
        assert_eq!(wrong(long.as_bytes()), KeyTextError::TooLong);
        let text = one.expose();
        for at in KEY_BEGINS.len()..text.len() {
            assert_eq!(wrong(&text.as_bytes()[..at]), KeyTextError::Wrong, "{at}");
            let mut mistyped = text.to_owned();
            let other = if &text[at..=at] == "Q" { "P" } else { "Q" };
            mistyped.replace_range(at..=at, other);
            let error = wrong(mistyped.as_bytes());
            assert_eq!(error, KeyTextError::Wrong, "{at}");
            assert!(!error.to_string().contains(&mistyped));
        }
    }

    #[test]
    fn a_key_is_written_for_its_owner_and_over_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let key = Key::generate();
        key.write_new(&path).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = Key::generate().write_new(&path).unwrap_err();
        assert!(error.to_string().contains("not there yet"), "{error}");
        let text = std::fs::read(&path).unwrap();
        assert_eq!(Key::read(&text).unwrap().expose(), key.expose());
    }
}
