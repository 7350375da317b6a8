//! Encrypting a file's content, and opening it: age around a message that says who wrote it.
//!
//! age hides what is in a file and shows whether it was changed, but anybody with the public half of the key can write
//! one. So the content begins with a keyed hash over the rest of it, whose key comes from the secret half.
//!
//! | bytes | what it is |
//! |---|---|
//! | 12 | `ewh-secrets\n` |
//! | 4 | the version of the format, which is 1; all numbers begin with their lowest byte |
//! | 32 | BLAKE3 in its mode `keyed_hash` over everything that follows; the key is BLAKE3 in its mode `derive_key` with the context [`CONTEXT`] and the text of the vault's key |
//! | … | the [content](super::content) |
//! | … | zeros, up to a multiple of [`BLOCK`], so that the size of a file tells little |

use std::io::{self, Read, Write};
use std::iter;

use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::error::Fault;
use crate::Key;

const MAGIC: &[u8; 12] = b"ewh-secrets\n";
const VERSION: u32 = 1;
const HASH_BYTES: usize = 32;
const CONTEXT: &str = "external-worker 2026-11 secrets, who wrote a file";
/// What a file's content is a multiple of, in bytes.
const BLOCK: usize = 1024;
/// Before the content.
pub(super) const HEAD_BYTES: usize = MAGIC.len() + 4 + HASH_BYTES;
/// What age needs beyond the content, at most: its header, and 16 bytes for each 64 KiB.
const AROUND_BYTES: usize = 4096;

/// The most bytes that a file with so much content has.
pub(super) const fn file_bytes(content_bytes: usize) -> usize {
    let padded = content_bytes + HEAD_BYTES + BLOCK;
    padded + padded / 1024 + AROUND_BYTES
}

/// A buffer for a content of at most so many bytes, which never moves and has room for the head.
pub(super) fn buffer(content_bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut buffer = Vec::with_capacity(HEAD_BYTES + content_bytes + BLOCK);
    buffer.extend_from_slice(MAGIC);
    buffer.extend_from_slice(&VERSION.to_le_bytes());
    buffer.resize(HEAD_BYTES, 0);
    Zeroizing::new(buffer)
}

/// Encrypts what was written to a [`buffer`].
///
/// age copies it to a buffer that it does not wipe; see [`super`].
pub(super) fn seal(key: &Key, mut plain: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, String> {
    let padded = plain.len().next_multiple_of(BLOCK);
    plain.resize(padded, 0);
    let body = plain.get(HEAD_BYTES..).unwrap_or_default();
    let hash = blake3::keyed_hash(&key.derive(CONTEXT), body);
    if let Some(place) = plain.get_mut(HEAD_BYTES - HASH_BYTES..HEAD_BYTES) {
        place.copy_from_slice(hash.as_bytes());
    }
    let recipient = key.identity().to_public();
    let recipients = iter::once(&recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|error| error.to_string())?;
    encrypt(encryptor, &plain).map_err(|error| error.to_string())
}

fn encrypt(encryptor: Encryptor, plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut sealed = Vec::with_capacity(file_bytes(plain.len()));
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

/// Decrypts a file, and says who did not write it. What is returned begins with the head.
pub(super) fn open(key: &Key, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let decryptor = Decryptor::new_buffered(sealed).map_err(|error| fault(&error))?;
    let identities = iter::once(key.identity() as &dyn age::Identity);
    let mut reader = decryptor
        .decrypt(identities)
        .map_err(|error| fault(&error))?;
    // The content is shorter than its file, so the buffer never moves.
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len() + 64));
    let read = reader.read_to_end(&mut plain);
    read.map_err(|error| fault_of_reading(&error))?;
    check(key, &plain)?;
    Ok(plain)
}

fn check(key: &Key, plain: &[u8]) -> Result<(), Fault> {
    let rest = plain.strip_prefix(MAGIC).ok_or(Fault::Forged)?;
    let (version, rest) = rest.split_first_chunk().ok_or(Fault::Malformed)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(Fault::Version(version));
    }
    let (hash, body) = rest.split_first_chunk().ok_or(Fault::Malformed)?;
    // Comparing hashes of this type takes the same time whatever they are.
    if blake3::keyed_hash(&key.derive(CONTEXT), body) == blake3::Hash::from_bytes(*hash) {
        return Ok(());
    }
    Err(Fault::Forged)
}

fn fault(error: &DecryptError) -> Fault {
    match error {
        DecryptError::NoMatchingKeys => Fault::OtherKey,
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => Fault::NotEncrypted,
        DecryptError::Io(error) => fault_of_reading(error),
        _ => Fault::Changed,
    }
}

fn fault_of_reading(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Torn,
        _ => Fault::Changed,
    }
}
