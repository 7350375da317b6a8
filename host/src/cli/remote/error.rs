//! Why a host did not do what it was asked: a problem of its API as a sentence, and what scripts see of it.

use external_worker_control::model::Code;
use serde::Deserialize;

use crate::cli::error::Exit;
use crate::limits::MAX_TEXT_BYTES;
use crate::text::clean_line;

/// Why there is no answer, or one that says no.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody answers.
    #[error("cannot {what}: {host} does not answer: {problem}")]
    Unreachable {
        /// What was to be done.
        what: String,
        /// Who was asked.
        host: String,
        /// What went wrong.
        problem: String,
    },
    /// Somebody answers that is not the API.
    #[error(
        "cannot {what}: what answers at {host} is not the API of a host: {problem}; check the address with \
         `ewh context list`"
    )]
    Strange {
        /// What was to be done.
        what: String,
        /// Who was asked.
        host: String,
        /// What it answers.
        problem: String,
    },
    /// What comes cannot be kept here.
    #[error("cannot {what}: it cannot be written here: {source}")]
    Kept {
        /// What was to be done.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The host says why not.
    #[error("cannot {what}: {detail}{advice}")]
    Refused {
        /// What was to be done.
        what: String,
        /// The kind of reason.
        code: Code,
        /// The reason.
        detail: String,
        /// What to do.
        advice: String,
    },
}

/// What is read of a problem of RFC 9457.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    code: Code,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    request_id: String,
}

impl RemoteError {
    /// What `host` answered with `status` and `body` when it was to do `what`. After a connection that broke it may
    /// have been done all the same: `is_again`.
    pub(super) fn told(what: &str, host: &str, status: u16, body: &[u8], is_again: bool) -> Self {
        let what = what.to_owned();
        let Ok(document) = serde_json::from_slice::<Document>(body) else {
            let host = host.to_owned();
            let problem = format!("it has the status {status}");
            return Self::Strange {
                what,
                host,
                problem,
            };
        };
        let mut advice = advice(document.code, &document.request_id);
        if is_again && document.code == Code::Conflict {
            advice.push_str(
                "; the connection broke when it was asked first, so look whether it was done",
            );
        }
        Self::Refused {
            what,
            code: document.code,
            detail: clean_line(&document.detail, MAX_TEXT_BYTES),
            advice,
        }
    }

    /// What the shell is to see.
    pub(in crate::cli) const fn exit(&self) -> Exit {
        match self {
            Self::Strange { .. } => Exit::Usage,
            Self::Unreachable { .. } | Self::Kept { .. } => Exit::Host,
            Self::Refused { code, .. } => exit_of(*code),
        }
    }

    /// The kind of reason, if the host says one.
    pub(super) const fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Unreachable { .. } | Self::Strange { .. } | Self::Kept { .. } => None,
        }
    }
}

const fn exit_of(code: Code) -> Exit {
    match code {
        Code::Unauthenticated | Code::Forbidden => Exit::NotGranted,
        Code::GuestFailed => Exit::WorkerFailed,
        Code::TooMany | Code::Internal | Code::Unavailable => Exit::Host,
        Code::BadRequest
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::Conflict
        | Code::TooLarge
        | Code::Invalid
        | Code::OverQuota => Exit::Usage,
    }
}

fn advice(code: Code, request: &str) -> String {
    let request = clean_line(request, MAX_TEXT_BYTES);
    match code {
        Code::Unauthenticated => {
            "; give the context a token that is valid, with `ewh context add`".to_owned()
        }
        Code::Forbidden => {
            "; ask an owner of the tenant, or an operator, for a token that may".to_owned()
        }
        Code::NotFound => "; check the name, and whose token the context has".to_owned(),
        Code::TooMany => "; wait a moment, and try again".to_owned(),
        Code::OverQuota => "; an operator changes quotas with `ewh tenants change`".to_owned(),
        Code::Internal => format!("; its log knows the request as {request}"),
        Code::BadRequest
        | Code::MethodNotAllowed
        | Code::Conflict
        | Code::TooLarge
        | Code::Invalid
        | Code::GuestFailed
        | Code::Unavailable => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_a_sentence_and_has_an_exit_code() {
        for code in Code::ALL {
            let body = format!(
                r#"{{"type":"x","title":"x","status":{},"code":"{}","detail":"a\u001b[2Jb","request-id":"7f"}}"#,
                code.status(),
                code.name()
            );
            let error = RemoteError::told("do it", "h:1", code.status(), body.as_bytes(), true);
            let shown = error.to_string();
            assert!(shown.starts_with("cannot do it: a\u{fffd}[2Jb"), "{shown}");
            assert_eq!(error.code(), Some(*code));
            assert_eq!(shown.contains("look whether"), *code == Code::Conflict);
            assert_ne!(error.exit(), Exit::Ok, "{code:?}");
        }
        let error = RemoteError::told("do it", "h:1", 502, b"<html>", false);
        assert!(error.to_string().contains("the status 502"), "{error}");
        assert_eq!(error.exit(), Exit::Usage);
    }
}
