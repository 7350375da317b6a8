//! The hash chain: the key, and how a line is tied to everything before it.
//!
//! What is hashed and how is part of the format, which `mod.rs` describes; nothing here may change without
//! another [`VERSION`](super::VERSION).

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::files::{self, Dir};

/// For BLAKE3's `derive_key`. A key for each use, so that no seal of a head is a chain of a line.
const CHAIN_CONTEXT: &str = "external-worker-host 2026-11-29 audit log, chain of lines";
const HEAD_CONTEXT: &str = "external-worker-host 2026-11-29 audit log, seal of the head";

/// Hexadecimal digits of a hash.
const HEX: usize = 64;
/// What closes a line after its hash.
const CLOSE: &[u8] = b"\"}";
/// What those who are neither the owner nor in the group may do; a group may be made for the key.
const OTHERS: u32 = 0o007;
/// More than a key file has; a longer one is none.
const MAX_KEY_FILE_BYTES: u64 = 1_024;

/// The hash that a line ends with, over it and all lines before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Chain(blake3::Hash);

/// A text that is no hash: 64 hexadecimal digits in lower case are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash is not 64 hexadecimal digits in lower case. Copy it whole")]
pub struct NotAHash;

impl Chain {
    /// What the first line of a log follows.
    pub(super) const NONE: Self = Self(blake3::Hash::from_bytes([0; blake3::OUT_LEN]));

    /// What names a log. Not a secret.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; blake3::OUT_LEN];
        getrandom::fill(&mut bytes)?;
        Ok(Self(blake3::Hash::from_bytes(bytes)))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl FromStr for Chain {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let chain = Self(blake3::Hash::from_hex(text).map_err(|_| NotAHash)?);
        // One spelling only: a changed byte is a changed line.
        (chain.0.to_hex().as_str() == text)
            .then_some(chain)
            .ok_or(NotAHash)
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        chain.to_string()
    }
}

impl TryFrom<String> for Chain {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

/// What a log is chained with. Who has it can write a log anew; who has not cannot change a line unseen.
#[derive(Clone)]
pub struct Key {
    chain: [u8; blake3::KEY_LEN],
    head: [u8; blake3::KEY_LEN],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or made.
    #[error("the key of the audit log, {}, cannot be {action}: {source}. Check the path and who may use it", path.display())]
    File {
        /// Its file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "the file {} holds no key of an audit log. It has to hold 64 hexadecimal digits in lower case; bring it back from a backup, or name the right one", .0.display()
    )]
    Damaged(PathBuf),
    /// There is a log, and its key is gone.
    #[error(
        "the key of the audit log, {}, is not there, but the log is. Bring the key back, or move the log away and begin another", .0.display()
    )]
    Missing(PathBuf),
}

impl Key {
    fn new(material: &[u8; blake3::KEY_LEN]) -> Self {
        Self {
            chain: blake3::derive_key(CHAIN_CONTEXT, material),
            head: blake3::derive_key(HEAD_CONTEXT, material),
        }
    }

    /// Reads the key from its file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or it holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let read = || {
            let (dir, name) = Dir::of(path)?;
            if dir.read(&name)?.metadata()?.permissions().mode() & OTHERS != 0 {
                let path = path.display();
                tracing::warn!("everybody can use the key of the audit log, {path}. Protect it");
            }
            dir.read_small(&name, MAX_KEY_FILE_BYTES)
        };
        let bytes = read().map_err(failed(path, "read"))?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let material: Chain = text
            .trim_end()
            .parse()
            .map_err(|NotAHash| KeyError::Damaged(path.to_owned()))?;
        Ok(Self::new(material.0.as_bytes()))
    }

    /// Reads the key, or makes it where none is. Whether it was made is said as well.
    pub(super) fn read_or_make(path: &Path, has_log: bool) -> Result<(Self, bool), KeyError> {
        match Self::read(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return Ok((other?, false)),
        }
        if has_log {
            return Err(KeyError::Missing(path.to_owned()));
        }
        let make = || {
            let (dir, name) = Dir::of(path)?;
            dir.replace(&name, format!("{}\n", Chain::random()?).as_bytes())?;
            dir.sync()
        };
        make().map_err(failed(path, "made"))?;
        Ok((Self::read(path)?, true))
    }

    /// The chain of a line.
    pub(super) fn chain(&self, before: Chain, body: &[u8]) -> Chain {
        let mut hasher = blake3::Hasher::new_keyed(&self.chain);
        hasher.update(before.0.as_bytes()).update(body);
        Chain(hasher.finalize())
    }

    fn seal(&self, body: &[u8]) -> Chain {
        Chain(blake3::keyed_hash(&self.head, body))
    }

    /// Ends the line in `out` that begins at `start` and is a whole JSON object so far: ties it to the lines
    /// before it.
    pub(super) fn end_line(&self, out: &mut Vec<u8>, start: usize, before: Chain) -> Chain {
        let body = without_brace(out, start);
        let chain = self.chain(before, body);
        end(out, Member::Chain, chain);
        chain
    }

    /// The same for the head, which stands alone.
    pub(super) fn end_head(&self, out: &mut Vec<u8>) {
        let seal = self.seal(without_brace(out, 0));
        end(out, Member::Seal, seal);
    }

    /// Whether a line, without its newline, follows `before`; its chain, if so.
    pub(super) fn follows(&self, before: Chain, line: &[u8]) -> Option<Chain> {
        let (body, hex) = split(line, Member::Chain)?;
        let chain = self.chain(before, body);
        (chain.0.to_hex().as_bytes() == hex).then_some(chain)
    }

    /// Whether the head, without its newline, was sealed with this key.
    pub(super) fn sealed(&self, head: &[u8]) -> bool {
        split(head, Member::Seal)
            .is_some_and(|(body, hex)| self.seal(body).0.to_hex().as_bytes() == hex)
    }
}

/// The last member of a line, which is not part of what is hashed.
#[derive(Clone, Copy)]
enum Member {
    Chain,
    Seal,
}

impl Member {
    const fn open(self) -> &'static [u8] {
        match self {
            Self::Chain => b",\"chain\":\"",
            Self::Seal => b",\"seal\":\"",
        }
    }
}

/// What [`end`] adds to the body of a line, in bytes; the body ended with a brace before.
pub(super) const END_BYTES: usize = b",\"chain\":\"".len() + HEX + CLOSE.len() + b"\n".len() - 1;

fn without_brace(out: &mut Vec<u8>, start: usize) -> &[u8] {
    if out.last() == Some(&b'}') {
        out.pop();
    }
    out.get(start..).unwrap_or_default()
}

fn end(out: &mut Vec<u8>, member: Member, hash: Chain) {
    out.extend_from_slice(member.open());
    out.extend_from_slice(hash.0.to_hex().as_bytes());
    out.extend_from_slice(CLOSE);
    out.push(b'\n');
}

/// What is hashed of a line, and the hash that it ends with.
fn split(line: &[u8], member: Member) -> Option<(&[u8], &[u8])> {
    let (rest, hex) = line.strip_suffix(CLOSE)?.split_last_chunk::<HEX>()?;
    Some((rest.strip_suffix(member.open())?, hex))
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File {
        path,
        action,
        source,
    }
}

/// Where the key of a log is: the file that was named, or the one in the directory.
pub(super) fn key_path(dir: &Path, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| dir.join(files::KEY), Path::to_owned)
}
