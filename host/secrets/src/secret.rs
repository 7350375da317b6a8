//! A value that nobody but its purpose sees.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// A secret value of 1 byte to 64 KiB.
///
/// It has no `Display`, no `Serialize` and no comparison, and its `Debug` shows nothing of it. A clone is the same
/// memory, which is overwritten with zeros when the last one is dropped.
///
/// ```
/// # use external_worker_secrets::Secret;
/// let secret = Secret::copy_from(b"hunter2")?;
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert_eq!(secret.expose(), b"hunter2");
/// # Ok::<(), external_worker_secrets::secret::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Box<[u8]>>>);

/// Why a value can be no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It has no bytes.
    #[error("a secret has at least one byte")]
    Empty,
    /// It has too many bytes.
    #[error("a secret has at most {MAX_VALUE_BYTES} bytes")]
    TooLong,
}

impl Secret {
    /// The secret with these bytes. The caller's are left to the caller.
    ///
    /// # Errors
    /// When there are no bytes, or more than [`MAX_VALUE_BYTES`].
    pub fn copy_from(value: &[u8]) -> Result<Self, SecretError> {
        match value.len() {
            0 => Err(SecretError::Empty),
            1..=MAX_VALUE_BYTES => Ok(Self(Arc::new(Zeroizing::new(value.into())))),
            _ => Err(SecretError::TooLong),
        }
    }

    /// The secret with these bytes, whose buffer is overwritten with zeros.
    ///
    /// # Errors
    /// When there are no bytes, or more than [`MAX_VALUE_BYTES`].
    pub fn take(value: Vec<u8>) -> Result<Self, SecretError> {
        // Copied: making a vector shorter may move it and leave the old bytes behind.
        Self::copy_from(&Zeroizing::new(value))
    }

    /// The value. Hand it to what needs it, and to nothing that keeps, prints or sends it elsewhere.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_bounded_and_shows_nothing() {
        assert_eq!(Secret::copy_from(b"").unwrap_err(), SecretError::Empty);
        let longest = vec![7; MAX_VALUE_BYTES];
        assert_eq!(Secret::copy_from(&longest).unwrap().expose(), longest);
        let too_long = vec![7; MAX_VALUE_BYTES + 1];
        assert_eq!(Secret::take(too_long).unwrap_err(), SecretError::TooLong);
        let secret = Secret::take(b"s3cr3t".to_vec()).unwrap();
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(..) Secret(..)");
        assert!(std::ptr::eq(secret.expose(), secret.clone().expose()));
    }

    /// Of random bytes there is no copy by chance, so what is found in memory is the secret.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_secret_is_in_memory_only_while_somebody_has_it() {
        use crate::testing::{Masked, copies_in_memory};

        let masked = Masked::random();
        assert_eq!(copies_in_memory(&masked), 0);
        let secret = masked.secret();
        let clone = secret.clone();
        assert_eq!(copies_in_memory(&masked), 1);
        drop(secret);
        assert_eq!(copies_in_memory(&masked), 1);
        drop(clone);
        assert_eq!(copies_in_memory(&masked), 0);
    }
}
