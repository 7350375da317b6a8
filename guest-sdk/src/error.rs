//! The one error type of a worker: a code that a client can match on and a sentence for a person.

use std::fmt;

use crate::bindings::exports::funcnodes::external_worker::worker as wit;
pub use crate::bindings::funcnodes::external_worker::types::ErrorCode;

/// The result type of hooks, nodes and every wrapper of the SDK.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// An expected failure: it reaches the caller, and the instance lives on.
///
/// A plain sentence is enough to make one, and `?` works on the errors of the standard library:
///
/// ```
/// use external_worker::prelude::*;
///
/// fn read(line: &str) -> Result<f64> {
///     let text = line.strip_prefix("T=").ok_or("the thermometer sent no T=")?;
///     Ok(text.trim().parse()?)
/// }
/// assert_eq!(read("T=21.5\r\n").unwrap(), 21.5);
/// assert_eq!(read("?").unwrap_err().message(), "the thermometer sent no T=");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    message: String,
}

impl Error {
    /// An error with a code and one sentence that says what, where and what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// An input is missing, of the wrong type or out of range.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidInput, message)
    }

    /// The configuration cannot be applied.
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidConfig, message)
    }

    /// What was named does not exist, or is not available now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// The operator did not grant this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Denied, message)
    }

    /// Something is used up or taken now; a later try may succeed.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Busy, message)
    }

    /// Any other failure.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// The code, which a client may match on.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Adds what was being done to the front of the sentence.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        Self {
            code: error.code,
            message: error.message,
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        Self {
            code: error.code,
            message: error.message,
        }
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::internal(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::internal(message)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let code = match error.kind() {
            ErrorKind::PermissionDenied => ErrorCode::Denied,
            ErrorKind::NotFound
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut => ErrorCode::Unavailable,
            ErrorKind::ResourceBusy | ErrorKind::WouldBlock => ErrorCode::Busy,
            _ => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

/// Errors that say no more than a sentence.
macro_rules! internal {
    ($($source:ty),* $(,)?) => {$(
        impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::internal(error.to_string())
            }
        }
    )*};
}

internal!(
    serde_json::Error,
    std::fmt::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::num::TryFromIntError,
    std::str::ParseBoolError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    Box<dyn std::error::Error>,
);
