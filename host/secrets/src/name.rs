//! Names of secrets and of tenants, checked once, where they come in.
//!
//! A name of a tenant becomes the name of a file, and a name of a secret stands in placeholders and error messages:
//! none of their characters means anything in any of these.

use std::fmt;
use std::str::FromStr;

/// The longest name of a secret or a tenant, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// What a secret is called: 1 to 64 of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

/// What a tenant is called: as a secret, and it begins with a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is no name of a secret.
    #[error(
        "`{0}` is not a name for a secret: use 1 to {MAX_NAME_BYTES} letters, digits, `_`, `.` and `-`"
    )]
    Secret(String),
    /// It is no name of a tenant.
    #[error(
        "`{0}` is not a name for a tenant: use 1 to {MAX_NAME_BYTES} letters, digits, `_`, `.` and `-`, the first a \
         letter or a digit"
    )]
    Tenant(String),
}

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_plain(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError::Secret(shown(text.as_bytes())))
    }
}

impl FromStr for TenantName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_plain(text) && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError::Tenant(shown(text.as_bytes())))
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(text: &str) -> bool {
    let is_known = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_known)
}

/// A stranger's word in an error message: as long as a name may be, and nothing but letters, digits and signs.
pub(crate) fn shown(text: &[u8]) -> String {
    let harmless = |b: &u8| match b {
        b'`' => '?',
        b if b.is_ascii_graphic() || *b == b' ' => char::from(*b),
        _ => '?',
    };
    let mut shown: String = text.iter().take(MAX_NAME_BYTES).map(harmless).collect();
    if text.len() > MAX_NAME_BYTES {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(MAX_NAME_BYTES);
        for good in ["a", "API_KEY", "a.b-c", "..", "0", &longest] {
            assert_eq!(good.parse::<SecretName>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(MAX_NAME_BYTES + 1);
        for bad in ["", "a b", "a/b", "ä", "a\n", "a}", "a:b", &too_long] {
            bad.parse::<SecretName>().unwrap_err();
            bad.parse::<TenantName>().unwrap_err();
        }
        for bad in [".", "..", "-a", "_a"] {
            bad.parse::<TenantName>().unwrap_err();
        }
        assert_eq!("a..".parse::<TenantName>().unwrap().to_string(), "a..");
    }

    #[test]
    fn an_error_shows_a_strangers_word_without_its_power() {
        let error = "\u{1b}[2J`\u{202e}".parse::<SecretName>().unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("`?[2J????` is not a name"), "{shown}");
        let error = "x y".repeat(1000).parse::<SecretName>().unwrap_err();
        assert!(error.to_string().len() < 200);
    }
}
