//! Digests of what a registry serves: SHA-256, which all use, and SHA-512, which OCI allows.

use std::fmt;

use sha2::{Sha256, Sha512};

/// The digest of a manifest or a layer, in a form that can be checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// Reads `sha256:…` or `sha512:…`, in lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, digits) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        (digits.len() == length && digits.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The SHA-256 of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(sha256(content))
    }

    /// Whether `content` has this digest.
    pub fn is_of(&self, content: &[u8]) -> bool {
        let found = if self.0.starts_with("sha512:") {
            text::<Sha512>("sha512", content)
        } else {
            sha256(content)
        };
        found == self.0
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn sha256(content: &[u8]) -> String {
    text::<Sha256>("sha256", content)
}

fn text<D: sha2::Digest>(algorithm: &str, content: &[u8]) -> String {
    let digits = data_encoding::HEXLOWER.encode(&D::digest(content));
    format!("{algorithm}:{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_one_content_only() {
        // Those of FIPS 180 for "abc".
        let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(Digest::of(b"abc").as_str(), sha256);
        for text in [sha256, sha512] {
            let digest = Digest::parse(text).unwrap();
            assert!(digest.is_of(b"abc") && !digest.is_of(b"abd"), "{text}");
        }
        for wrong in [
            "",
            "sha256:",
            "sha256:12",
            "md5:900150983cd24fb0d6963f7d28e17f72",
            &sha256.to_uppercase(),
            &sha256.replace("sha256", "sha512"),
            &sha256.replace(':', "://"),
        ] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
