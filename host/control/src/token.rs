//! Tokens: random, shown once, kept as salted hashes only.
//!
//! A token is `ewh-ID-SECRET`, in lower case base32: 50 bits that say which [`Key`] it is for, and 256 that nobody can
//! guess, so that a fast hash keeps it as well as a slow one. Whether it is right is compared in constant time, and
//! an id that nobody has takes as long as one that somebody has.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::role::Role;

/// What every token begins with.
pub(crate) const PREFIX: &str = "ewh-";
/// Characters of an id.
const ID_CHARS: usize = 10;
const SECRET_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// The longest token that is looked at; one has 67 characters.
const MAX_TOKEN_BYTES: usize = 128;

/// A token that was just made: to be shown once.
pub struct Token(String);

impl Token {
    /// What its owner sends.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The part of the token that is no secret.
    pub id: String,
    /// What whoever has it may do.
    pub role: Role,
    /// In which tenant; an operator's is for all.
    pub tenant: Option<String>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// In hexadecimal digits.
    pub salt: String,
    /// Of the salt and the secret, in hexadecimal digits.
    pub hash: String,
}

/// Who has shown a token that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Of the token.
    pub id: String,
    /// What it allows.
    pub role: Role,
    /// In which tenant; `None`: in all of them.
    pub tenant: Option<String>,
}

/// A token, and what to keep of it.
///
/// # Errors
/// When the system has no random numbers.
pub fn make(
    role: Role,
    tenant: Option<&str>,
    lasting: Option<Duration>,
    now: SystemTime,
) -> Result<(Token, Key), getrandom::Error> {
    let mut random = [0; SECRET_BYTES + SALT_BYTES + 8];
    getrandom::fill(&mut random)?;
    let (secret, rest) = random.split_at(SECRET_BYTES);
    let (salt, id) = rest.split_at(SALT_BYTES);
    let id: String = base32(id).chars().take(ID_CHARS).collect();
    let secret = base32(secret);
    let salt = HEXLOWER.encode(salt);
    let key = Key {
        hash: hash(&salt, &secret).to_hex().to_string(),
        role,
        tenant: tenant.map(str::to_owned),
        expires: lasting.map(|lasting| seconds(now).saturating_add(lasting.as_secs())),
        salt,
        id,
    };
    Ok((Token(format!("{PREFIX}{}-{secret}", key.id)), key))
}

/// Who shows `token`, if it is that of one of `keys` and still valid at `now`.
pub fn check<'a>(
    token: &str,
    keys: impl IntoIterator<Item = &'a Key>,
    now: SystemTime,
) -> Option<Login> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('-')?;
    let key = keys.into_iter().find(|key| key.id == id);
    let salt = key.map_or("", |key| &key.salt);
    let found = hash(salt, secret);
    let key = key?;
    // Comparing hashes of this type takes the same time whatever they are.
    let is_right = blake3::Hash::from_hex(&key.hash).is_ok_and(|kept| kept == found);
    let is_valid = key.expires.is_none_or(|end| seconds(now) < end);
    (is_right && is_valid).then(|| Login {
        id: key.id.clone(),
        role: key.role,
        tenant: key.tenant.clone(),
    })
}

fn hash(salt: &str, secret: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("external-worker 2026 token");
    hasher.update(&salt.len().to_le_bytes());
    hasher.update(salt.as_bytes());
    hasher.update(secret.as_bytes());
    hasher.finalize()
}

fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_right_until_it_ends_and_nothing_else_is() {
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        let (token, key) = make(Role::Viewer, Some("lab"), Some(hour), now).unwrap();
        let (other, other_key) = make(Role::Operator, None, None, now).unwrap();
        let keys = [key.clone(), other_key];
        let login = check(token.reveal(), &keys, now).unwrap();
        assert_eq!(
            (login.role, login.tenant.as_deref()),
            (Role::Viewer, Some("lab"))
        );
        assert_eq!(
            check(other.reveal(), &keys, now).unwrap().role,
            Role::Operator
        );
        assert_eq!(check(token.reveal(), &keys, now + hour), None);
        assert_eq!(check(token.reveal(), &keys[1..], now), None);
        let text = token.reveal();
        for at in 0..text.len() {
            let mut wrong = text.to_owned();
            let other = if &text[at..=at] == "a" { "b" } else { "a" };
            wrong.replace_range(at..=at, other);
            assert_eq!(check(&wrong, &keys, now), None, "{at}");
            assert_eq!(check(&text[..at], &keys, now), None, "{at}");
        }
        for nonsense in ["", "ewh-", "ewh--", "ewh-é-é", &"x".repeat(1 << 20)] {
            assert_eq!(check(nonsense, &keys, now), None);
        }
        let kept = format!("{key:?} {token:?}");
        let secret = text.rsplit('-').next().unwrap();
        assert!(!kept.contains(secret), "{kept}");
    }
}
