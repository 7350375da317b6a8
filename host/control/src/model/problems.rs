//! Why something was not done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal, $status:literal;)*) => {
        /// Why something was not done. The names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $name)] $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// The status of HTTP.
            pub const fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }
        }
    };
}

codes! {
    /// The request is not what the API speaks.
    BadRequest = "bad-request", 400;
    /// No token was shown, or one that is none.
    Unauthenticated = "unauthenticated", 401;
    /// The role of the token does not allow it.
    Forbidden = "forbidden", 403;
    /// There is no such thing, or not for who asks.
    NotFound = "not-found", 404;
    /// There is no such method here; the header `Allow` says which there are.
    MethodNotAllowed = "method-not-allowed", 405;
    /// There is something of that name already, or it is not in a state for it.
    Conflict = "conflict", 409;
    /// What was sent is too large.
    TooLarge = "too-large", 413;
    /// What was sent makes no sense here: why is said.
    Invalid = "invalid", 422;
    /// Too much was asked at once; try again later.
    TooMany = "too-many", 429;
    /// A quota would be exceeded.
    OverQuota = "over-quota", 422;
    /// The guest said that it failed.
    GuestFailed = "guest-failed", 422;
    /// The host failed; its log says why.
    Internal = "internal", 500;
    /// The tenant does not answer now.
    Unavailable = "unavailable", 503;
}

/// Why something was not done, for who asked for it: nothing of the host's inside is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// Which kind of reason.
    pub code: Code,
    /// What, where, and what to do, in a sentence.
    pub detail: String,
}

impl Problem {
    /// One with these words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}
