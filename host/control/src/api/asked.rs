//! What a handler is asked: who asks, for what, and what was sent with it, each read and checked in one place.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Query;
use http::Uri;
use serde::de::DeserializeOwned;

use crate::control::{Control, Who, not_found};
use crate::limits::{self, MAX_CAPABILITY_BYTES, MAX_NAME_BYTES, MAX_UUID_BYTES};
use crate::model::{Ask, Code, Happened, Problem, Told};
use crate::text;
use crate::token::Login;

use super::places::Place;
use super::said::bounded;

/// One request that may be done.
pub(crate) struct Asked {
    pub control: Arc<Control>,
    /// Who asks; nobody where anybody may.
    pub login: Option<Login>,
    /// The same, for the audit log.
    pub who: Who,
    pub uri: Uri,
    /// What the path says, decoded.
    pub params: Vec<(String, String)>,
    pub body: Bytes,
    /// Held while it is done.
    pub place: Option<Place>,
}

impl Asked {
    /// Who asks.
    pub fn login(&self) -> Result<&Login, Problem> {
        let nobody = || Problem::new(Code::Unauthenticated, "show a token");
        self.login.as_ref().ok_or_else(nobody)
    }

    /// The tenant that is asked about.
    pub fn tenant(&self) -> Result<&str, Problem> {
        self.param("tenant")
    }

    /// What the path says.
    fn param(&self, name: &str) -> Result<&str, Problem> {
        let mut params = self.params.iter();
        let found = params.find(|(known, _)| known == name);
        found.map(|(_, value)| &**value).ok_or_else(not_found)
    }

    /// A name in the path, of a module or method. What can be no name is not there.
    pub fn name(&self, param: &str) -> Result<&str, Problem> {
        let name = self.param(param)?;
        let is_path = name.contains(['/', '\\']) || name.starts_with('.');
        let is_good = text::is_name(name, MAX_NAME_BYTES) && !is_path;
        if is_good { Ok(name) } else { Err(not_found()) }
    }

    /// The uuid of an external worker in the path.
    pub fn uuid(&self) -> Result<String, Problem> {
        let uuid = self.param("uuid")?;
        if is_uuid(uuid) {
            Ok(uuid.to_owned())
        } else {
            Err(not_found())
        }
    }

    /// The id of a token in the path; whether it is one shows when it is looked for.
    pub fn id(&self) -> Result<&str, Problem> {
        self.param("id")
    }

    /// A capability in the path.
    pub fn capability(&self) -> Result<&str, Problem> {
        let name = self.param("capability")?;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_good = name.len() <= MAX_CAPABILITY_BYTES && name.chars().all(is_plain);
        if is_good { Ok(name) } else { Err(not_found()) }
    }

    /// The body, as JSON of one kind.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let error = text::clean_line(&error.to_string(), MAX_NAME_BYTES);
            let problem = format!("the body is not what this takes: {error}");
            Problem::new(Code::BadRequest, problem)
        })
    }

    /// The query, of one kind.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let query = Query::try_from_uri(&self.uri).map_err(|error| {
            let error = text::clean_line(&error.to_string(), MAX_NAME_BYTES);
            Problem::new(Code::BadRequest, error)
        })?;
        let Query(query) = query;
        Ok(query)
    }

    /// Asks the Worker of the tenant; what it says is bounded.
    pub async fn ask(&self, ask: Ask) -> Result<Told, Problem> {
        let time = match ask {
            Ask::Call { .. } => limits::CALL_TIMEOUT,
            _ => limits::ASK_TIMEOUT,
        };
        let told = self.control.supervisor.ask(self.tenant()?, ask);
        bounded(within(time, told).await?)
    }

    /// Writes down what was done in the tenant.
    pub fn note(&self, kind: Happened, what: &str) -> Result<(), Problem> {
        self.control
            .note(&self.who, kind, Some(self.tenant()?), what);
        Ok(())
    }
}

/// Whether something can be the uuid of an external worker.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() <= MAX_UUID_BYTES && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// What `work` answers, if it does so in time.
pub(super) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let late = |_| {
        let problem = "the tenant did not answer in time; look whether it was done";
        Problem::new(Code::Unavailable, problem)
    };
    tokio::time::timeout(time, work).await.map_err(late)?
}
