//! Why a command was not done: a sentence for people, and a code for programs that stays the same
//! whatever the sentence says.

use std::borrow::Cow;
use std::fmt;

use external_worker_control::model::{self, Problem};

use crate::error::{ErrorCode, HostError};
use crate::nodespace::GraphError;
use crate::worker::WorkerError;

/// What kind of refusal it is. Clients may depend on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It cannot be read, or not be taken in.
    Malformed,
    /// There is no such command.
    UnknownCommand,
    /// The arguments are not those of the command, or make no sense together.
    InvalidArguments,
    /// What was sent is wrong: a value, a configuration, a document.
    Invalid,
    /// What it is about has never been here.
    NotFound,
    /// What it is about was removed a moment ago.
    Gone,
    /// The id belongs to something else.
    Taken,
    /// It is not ready: an input has no value.
    NotReady,
    /// It is not there now, and may be later.
    Unavailable,
    /// It was not granted.
    Denied,
    /// Whoever asks may not: it takes another role, or the token has ended.
    Forbidden,
    /// There is as much as there may be.
    Limit,
    /// Too much goes on; try again.
    Busy,
    /// It took longer than it may.
    Deadline,
    /// Somebody ended it.
    Cancelled,
    /// The Worker is ending.
    Closing,
    /// The host failed; its log says why.
    Internal,
}

impl Code {
    /// What it is called on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownCommand => "unknown-command",
            Self::InvalidArguments => "invalid-arguments",
            Self::Invalid => "invalid",
            Self::NotFound => "not-found",
            Self::Gone => "gone",
            Self::Taken => "taken",
            Self::NotReady => "not-ready",
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::Forbidden => "forbidden",
            Self::Limit => "limit",
            Self::Busy => "busy",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Closing => "closing",
            Self::Internal => "internal",
        }
    }
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    sentence: Cow<'static, str>,
    /// What it was about, when that was removed a moment ago.
    gone: Option<String>,
}

impl Refusal {
    /// A refusal of one kind that says `sentence`, which its client may see.
    pub fn new(code: Code, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            gone: None,
        }
    }

    /// A refusal because of `id`, which was removed a moment ago.
    fn gone(sentence: String, id: String) -> Self {
        Self {
            code: Code::Gone,
            sentence: sentence.into(),
            gone: Some(id),
        }
    }

    /// What kind it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What was removed a moment ago, if that is why.
    pub(crate) fn what_is_gone(&self) -> Option<&str> {
        self.gone.as_deref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<GraphError> for Refusal {
    fn from(error: GraphError) -> Self {
        let sentence = error.to_string();
        let code = match error {
            GraphError::Gone { id, .. } => return Self::gone(sentence, id),
            GraphError::NoNode { .. }
            | GraphError::NoIo { .. }
            | GraphError::NoClass { .. }
            | GraphError::NoGroup { .. }
            | GraphError::NoShelf { .. } => Code::NotFound,
            GraphError::BadValue { .. }
            | GraphError::BadEdge { .. }
            | GraphError::Invalid { .. } => Code::Invalid,
            GraphError::Placeholder { .. } => Code::Unavailable,
            GraphError::NotReady { .. } => Code::NotReady,
            GraphError::Taken { .. } => Code::Taken,
            GraphError::TooMuch { .. } => Code::Limit,
        };
        Self::new(code, sentence)
    }
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        Self::new(of_host(&error), error.public())
    }
}

fn of_host(error: &HostError) -> Code {
    match error {
        HostError::MissingGrants(_) => Code::Denied,
        HostError::UnknownClass { .. } => Code::NotFound,
        HostError::Component { .. }
        | HostError::Description(_)
        | HostError::Config(_)
        | HostError::Value(_) => Code::Invalid,
        HostError::Guest { code, .. } => of_guest(*code),
        HostError::Exhausted(_) | HostError::Full(_) => Code::Limit,
        HostError::Busy(_) => Code::Busy,
        HostError::Deadline { .. } => Code::Deadline,
        HostError::Cancelled => Code::Cancelled,
        HostError::Ended(_) | HostError::Capability { .. } => Code::Unavailable,
        HostError::File { .. }
        | HostError::Policy(_)
        | HostError::Tenants { .. }
        | HostError::Certificates(_)
        | HostError::Engine(_) => Code::Internal,
    }
}

fn of_guest(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidInput | ErrorCode::InvalidConfig => Code::Invalid,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::Denied => Code::Denied,
        ErrorCode::Busy => Code::Busy,
        ErrorCode::Internal => Code::Internal,
    }
}

/// What who operates the Worker hears of `error`.
pub fn problem(error: WorkerError) -> Problem {
    let is_the_guests = matches!(error, WorkerError::Host(HostError::Guest { .. }));
    let problem = Problem::from(Refusal::from(error));
    match is_the_guests {
        true => Problem::new(model::Code::GuestFailed, problem.detail),
        false => problem,
    }
}

/// For who operates the Worker.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.code {
            Code::NotFound | Code::Gone | Code::UnknownCommand => model::Code::NotFound,
            Code::Taken => model::Code::Conflict,
            Code::Malformed
            | Code::InvalidArguments
            | Code::Invalid
            | Code::NotReady
            | Code::Denied => model::Code::Invalid,
            Code::Forbidden => model::Code::Forbidden,
            Code::Limit => model::Code::OverQuota,
            Code::Busy => model::Code::TooMany,
            Code::Deadline | Code::Cancelled | Code::Unavailable | Code::Closing => {
                model::Code::Unavailable
            }
            Code::Internal => model::Code::Internal,
        };
        Self::new(code, refusal.sentence)
    }
}

impl From<WorkerError> for Refusal {
    fn from(error: WorkerError) -> Self {
        let code = match error {
            WorkerError::Graph(error) => return error.into(),
            WorkerError::Host(error) => return error.into(),
            WorkerError::Gone(id) => {
                return Self::gone(WorkerError::Gone(id.clone()).public(), id);
            }
            WorkerError::NoExternal(_) | WorkerError::NoClass { .. } => Code::NotFound,
            WorkerError::Uuid { .. }
            | WorkerError::IsLibrary(_)
            | WorkerError::Request(_)
            | WorkerError::Export(_)
            | WorkerError::Import(_)
            | WorkerError::Package(_)
            | WorkerError::State(_) => Code::Invalid,
            WorkerError::TooMany { .. } | WorkerError::OverQuota(_) => Code::Limit,
            WorkerError::Closing => Code::Closing,
            WorkerError::Store(_) | WorkerError::File { .. } => Code::Internal,
        };
        Self::new(code, error.public())
    }
}
