//! Placeholders in the headers of a guest's HTTP requests, which the host fills in on the way out.
//!
//! # Where one may stand
//!
//! `{{secret:NAME}}` stands in the *value* of a header, as often as wanted, with any text around it:
//!
//! ```text
//! authorization: Bearer {{secret:api-token}}
//! x-api-key: {{secret:key}}
//! ```
//!
//! HTTP's Basic scheme hides user and password in base64. A value that is `Basic` and base64 is therefore looked
//! into, and encoded anew after it was filled in. A guest gives its HTTP library the placeholder as the password, and
//! need not know more.
//!
//! Nowhere else: not in names of headers, paths, queries, bodies or trailers, which servers log and redirect to others.
//! What looks like a placeholder there is sent as it is.
//!
//! # What the caller has to do
//!
//! - Fill in only after the policy has let the request go to this host, over TLS unless the operator says otherwise.
//! - Fill in what is sent, and nothing that the guest can read again, such as its own request.
//! - Answer a lookup for a secret that is not granted for this host as for one that is not there.
//! - [Redact](crate::redact) what comes back.

use data_encoding::{BASE64, BASE64_NOPAD};
use memchr::memmem;
use zeroize::Zeroizing;

use crate::name::shown;
use crate::{Secret, SecretName};

/// The longest value that is filled in, in bytes, before and after.
pub const MAX_FILLED_BYTES: usize = 8 * 1024;
/// The shortest secret that is filled in, in bytes. In what comes back a shorter one is not told from what is there by
/// chance, and who has seen it in base64 could read it.
pub const MIN_SECRET_BYTES: usize = 4;
/// Placeholders in one value.
pub const MAX_PLACEHOLDERS: usize = 16;

const BEGIN: &[u8] = b"{{secret:";
const END: &[u8] = b"}}";
const BASIC: &[u8] = b"basic ";

/// Why a value is not filled in. Its text may be shown to the guest: it has nothing of a secret, and of the value no
/// more than the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// There is no such secret, or it is not granted here.
    #[error("the secret {0} is not there, or not granted for this host")]
    Unknown(SecretName),
    /// What stands in a placeholder is no name.
    #[error("`{0}` in a placeholder is not the name of a secret")]
    Name(String),
    /// A placeholder has no end.
    #[error("a placeholder has no `}}}}` behind the name of its secret")]
    Unfinished,
    /// There are too many.
    #[error("a value has at most {MAX_PLACEHOLDERS} placeholders")]
    TooMany,
    /// The value is too long, or becomes it.
    #[error(
        "a value with placeholders has at most {MAX_FILLED_BYTES} bytes, also when they are filled in"
    )]
    TooLong,
    /// The secret is too short to be found in what comes back.
    #[error(
        "the secret {0} has less than {MIN_SECRET_BYTES} bytes, so it would not be kept from whoever reads the answer"
    )]
    TooShort(SecretName),
    /// A header cannot have the secret.
    #[error(
        "the secret {0} cannot stand in a header: it has a control character such as a line break, or begins or ends with \
         a space"
    )]
    Illegal(SecretName),
}

/// A value with its placeholders filled in; `None`: it has none, and goes as it is.
///
/// What is filled in is not looked into again. `lookup` is asked once for each placeholder.
///
/// # Errors
/// When a name is not known, a placeholder is malformed, or the result would be no header: then nothing may be sent.
///
/// ```
/// # use external_worker_secrets::{Secret, SecretName, placeholder::fill};
/// let token = Secret::copy_from(b"t0ken")?;
/// let lookup = |name: &SecretName| (name.as_str() == "api").then(|| token.clone());
/// let filled = fill(b"Bearer {{secret:api}}", lookup)?;
/// assert_eq!(**filled.as_ref().unwrap(), b"Bearer t0ken");
/// assert_eq!(fill(b"Bearer x", lookup)?, None);
/// assert!(fill(b"{{secret:other}}", lookup).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fill(
    value: &[u8],
    lookup: impl FnMut(&SecretName) -> Option<Secret>,
) -> Result<Option<Zeroizing<Vec<u8>>>, FillError> {
    if let Some(login) = basic(value) {
        let filled = fill_plain(&login, lookup)?;
        return filled.map(|login| to_basic(&login)).transpose();
    }
    fill_plain(value, lookup)
}

/// The placeholder of a secret.
pub fn placeholder(name: &SecretName) -> String {
    format!("{{{{secret:{name}}}}}")
}

/// Part of a value.
enum Piece<'a> {
    Text(&'a [u8]),
    Secret(Secret),
}

impl Piece<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

fn fill_plain(
    value: &[u8],
    mut lookup: impl FnMut(&SecretName) -> Option<Secret>,
) -> Result<Option<Zeroizing<Vec<u8>>>, FillError> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let Some((text, name, behind)) = next(rest)? {
        if value.len() > MAX_FILLED_BYTES {
            return Err(FillError::TooLong);
        }
        if pieces.len() >= 2 * MAX_PLACEHOLDERS {
            return Err(FillError::TooMany);
        }
        let secret = lookup(&name).ok_or_else(|| FillError::Unknown(name.clone()))?;
        if secret.expose().len() < MIN_SECRET_BYTES {
            return Err(FillError::TooShort(name));
        }
        if !may_stand_in_a_header(secret.expose()) {
            return Err(FillError::Illegal(name));
        }
        pieces.extend([Piece::Text(text), Piece::Secret(secret)]);
        rest = behind;
    }
    if pieces.is_empty() {
        return Ok(None);
    }
    pieces.push(Piece::Text(rest));
    join(&pieces).map(Some)
}

/// The text before the next placeholder, the name in it, and what is behind it.
#[expect(clippy::type_complexity, reason = "three parts of one text, used once")]
fn next(value: &[u8]) -> Result<Option<(&[u8], SecretName, &[u8])>, FillError> {
    let Some((text, rest)) = split(value, BEGIN) else {
        return Ok(None);
    };
    // No further than a name may reach, so that much that looks like a beginning costs no more than its length.
    let near = rest.get(..crate::name::MAX_NAME_BYTES + END.len());
    let (name, _) = split(near.unwrap_or(rest), END).ok_or(FillError::Unfinished)?;
    let behind = rest.get(name.len() + END.len()..).unwrap_or_default();
    let parsed = std::str::from_utf8(name)
        .ok()
        .and_then(|name| name.parse().ok());
    let name = parsed.ok_or_else(|| FillError::Name(shown(name)))?;
    Ok(Some((text, name, behind)))
}

fn split<'a>(value: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = memmem::find(value, at)?;
    let (before, rest) = value.split_at_checked(found)?;
    Some((before, rest.get(at.len()..)?))
}

/// In a buffer of the right size, since one that grows leaves old bytes behind.
fn join(pieces: &[Piece<'_>]) -> Result<Zeroizing<Vec<u8>>, FillError> {
    let length: usize = pieces.iter().map(|piece| piece.bytes().len()).sum();
    if length > MAX_FILLED_BYTES {
        return Err(FillError::TooLong);
    }
    let mut filled = Zeroizing::new(Vec::with_capacity(length));
    for piece in pieces {
        filled.extend_from_slice(piece.bytes());
    }
    Ok(filled)
}

/// Spaces at an end get lost on the way, and what comes back would not be recognised without them.
fn may_stand_in_a_header(secret: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'\t'));
    let is_legal = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
    !is_space(secret.first()) && !is_space(secret.last()) && secret.iter().all(is_legal)
}

/// User and password, if a value has them in base64 and a placeholder among them. Anything else is not ours to judge.
fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = value.split_at_checked(BASIC.len())?;
    if !scheme.eq_ignore_ascii_case(BASIC) || encoded.len() > MAX_FILLED_BYTES {
        return None;
    }
    let encoded = encoded.trim_ascii();
    let decoded = BASE64.decode(encoded);
    let login = decoded.or_else(|_| BASE64_NOPAD.decode(encoded)).ok()?;
    memmem::find(&login, BEGIN).map(|_| login)
}

fn to_basic(login: &[u8]) -> Result<Zeroizing<Vec<u8>>, FillError> {
    let length = BASIC.len() + BASE64.encode_len(login.len());
    if length > MAX_FILLED_BYTES {
        return Err(FillError::TooLong);
    }
    let mut value = Zeroizing::new(vec![0; length]);
    if let Some((scheme, encoded)) = value.split_at_mut_checked(BASIC.len()) {
        scheme.copy_from_slice(b"Basic ");
        BASE64.encode_mut(login, encoded);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Numbers, name, secret};

    fn lookup(name: &SecretName) -> Option<Secret> {
        let value: &[u8] = match name.as_str() {
            "a" => b"AAAA",
            "nested" => b"{{secret:a}}",
            "latin" => b"\xe4 xy",
            "newline" => b"line\n",
            "space" => b"xyz ",
            "nul" => b"xy\0z",
            "del" => b"xy\x7fz",
            "pin" => b"123",
            "long" => &[b'l'; MAX_FILLED_BYTES],
            _ => return None,
        };
        Some(secret(value))
    }

    fn filled(value: &str) -> Option<Vec<u8>> {
        fill(value.as_bytes(), lookup)
            .unwrap()
            .map(|filled| filled.to_vec())
    }

    #[test]
    fn placeholders_are_filled_in_wherever_they_stand() {
        for (value, want) in [
            ("{{secret:a}}", "AAAA"),
            ("Bearer {{secret:a}}", "Bearer AAAA"),
            ("{{secret:a}}{{secret:a}}!", "AAAAAAAA!"),
            ("{{{secret:a}}}", "{AAAA}"),
            ("{{secret:nested}}", "{{secret:a}}"),
        ] {
            assert_eq!(filled(value).unwrap(), want.as_bytes(), "{value}");
        }
        assert_eq!(filled("{{secret:latin}}").unwrap(), b"\xe4 xy");
        for none in [
            "",
            "x",
            "{{a}}",
            "{{ secret:a }}",
            "{secret:a}",
            "{{SECRET:a}}",
        ] {
            assert_eq!(filled(none), None, "{none}");
        }
        assert_eq!(placeholder(&name("a")), "{{secret:a}}");
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused_with_the_name_alone() {
        let wrong = |value: &str| fill(value.as_bytes(), lookup).unwrap_err();
        assert_eq!(wrong("{{secret:b}}"), FillError::Unknown(name("b")));
        for illegal in ["newline", "space", "nul", "del"] {
            let error = wrong(&format!("{{{{secret:{illegal}}}}}"));
            assert_eq!(error, FillError::Illegal(name(illegal)));
        }
        assert_eq!(wrong("{{secret:pin}}"), FillError::TooShort(name("pin")));
        assert_eq!(wrong("{{secret:}}"), FillError::Name(String::new()));
        assert_eq!(wrong("{{secret:a b}}"), FillError::Name("a b".to_owned()));
        assert_eq!(wrong("{{secret:\u{1b}}}"), FillError::Name("?".to_owned()));
        for unfinished in ["{{secret:", "{{secret:a", "{{secret:a}", "{{secret:a} }"] {
            assert_eq!(wrong(unfinished), FillError::Unfinished);
        }
        let far = format!("{{{{secret:{}}}}}", "a".repeat(65));
        assert_eq!(wrong(&far), FillError::Unfinished);
        assert_eq!(wrong("x{{secret:long}}"), FillError::TooLong);
        assert_eq!(wrong(&"{{secret:a}}".repeat(17)), FillError::TooMany);
        let long = format!("{{{{secret:a}}}}{}", "x".repeat(MAX_FILLED_BYTES));
        assert_eq!(wrong(&long), FillError::TooLong);
        let text = wrong("private {{secret:b}} private").to_string();
        assert_eq!(
            text,
            "the secret b is not there, or not granted for this host"
        );
    }

    #[test]
    fn a_login_is_filled_in_within_its_base64() {
        let login = |login: &str| format!("Basic {}", BASE64.encode(login.as_bytes()));
        let want = login("user:AAAA").into_bytes();
        assert_eq!(filled(&login("user:{{secret:a}}")).unwrap(), want);
        let unpadded = BASE64_NOPAD.encode(b"user:{{secret:a}}");
        assert_eq!(filled(&format!("bAsIc  {unpadded} ")).unwrap(), want);
        assert_eq!(filled("Basic {{secret:a}}").unwrap(), b"Basic AAAA");
        for none in [login("user:pw"), "Basic !!!".into(), "Basic ".into()] {
            assert_eq!(filled(&none), None, "{none}");
        }
        let error = fill(login("u:{{secret:b}}").as_bytes(), lookup).unwrap_err();
        assert_eq!(error, FillError::Unknown(name("b")));
        let error = fill(login("{{secret:newline}}").as_bytes(), lookup).unwrap_err();
        assert_eq!(error, FillError::Illegal(name("newline")));
        let error = fill(login("{{secret:long}}").as_bytes(), lookup).unwrap_err();
        assert_eq!(error, FillError::TooLong);
    }

    /// Whatever a guest writes, no more than the secrets it names gets in, and a result is a header.
    #[test]
    fn anything_is_filled_in_or_refused() {
        let mut numbers = Numbers(1);
        let parts: [&[u8]; 9] = [
            b"{{secret:",
            b"a",
            b"}}",
            b"{",
            b"}",
            b"nested",
            b"\xff",
            b" ",
            b"Basic ",
        ];
        let mut outcomes = [0, 0, 0];
        for _ in 0..20_000 {
            let count = numbers.below(9);
            let value: Vec<u8> = (0..count)
                .flat_map(|_| parts[numbers.below(parts.len())].to_vec())
                .collect();
            let mut asked = 0;
            let filled = fill(&value, |name| {
                asked += 1;
                lookup(name)
            });
            let outcome = match filled {
                Ok(None) => {
                    assert!(asked == 0 && memmem::find(&value, BEGIN).is_none());
                    0
                }
                Ok(Some(filled)) => {
                    let longer = filled.len() + asked * b"{{secret:nested}}".len();
                    assert!(asked > 0 && longer >= value.len());
                    1
                }
                Err(_) => 2,
            };
            outcomes[outcome] += 1;
        }
        assert!(outcomes.iter().all(|count| *count > 50), "{outcomes:?}");
    }
}
