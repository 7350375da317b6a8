//! Credential helpers: programs that keep logins where the system keeps secrets. What one says is
//! bounded, it has only so much time, and its words are not passed on: they may be the secret.
//!
//! There is a crate for this. It waits for a helper as long as that likes, takes in whatever the helper
//! says, and quotes it in its errors.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Login, LoginError};
use crate::limits::{HELPER_TIMEOUT, MAX_HELPER_BYTES, MAX_NAME_BYTES};
use crate::text;

/// The user that a helper gives when what it has is not a password.
const TOKEN_USER: &str = "<token>";
/// How a helper says that it has nothing, whatever its exit code.
const NOTHING: &str = "credentials not found in native keychain";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    #[serde(rename = "ServerURL", default)]
    server: String,
    username: String,
    secret: String,
}

/// The login for a server, if the helper has one.
pub(super) async fn get(helper: &str, server: &str) -> Result<Option<Login>, LoginError> {
    let said = run(helper, "get", server.as_bytes()).await?;
    if !said.is_well {
        return nothing_or_failed(helper, &said).map(|()| None);
    }
    let found: Option<Credentials> = serde_json::from_slice(&said.words).ok();
    let found = found.ok_or_else(|| failed(helper, "gave an answer that cannot be read"))?;
    if found.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(if found.username == TOKEN_USER {
        Login::Identity(found.secret)
    } else {
        Login::Password {
            user: found.username,
            password: found.secret,
        }
    }))
}

/// Has the helper keep a login.
pub(super) async fn store(helper: &str, server: &str, login: &Login) -> Result<(), LoginError> {
    let (username, secret) = match login {
        Login::Password { user, password } => (user.clone(), password.clone()),
        Login::Identity(token) => (TOKEN_USER.to_owned(), token.clone()),
    };
    let server = server.to_owned();
    let credentials = Credentials {
        server,
        username,
        secret,
    };
    let json = serde_json::to_vec(&credentials);
    let json = json.map_err(|_| failed(helper, "cannot keep this login"))?;
    let said = run(helper, "store", &json).await?;
    if said.is_well {
        return Ok(());
    }
    Err(failed(helper, "did not keep the login"))
}

/// Has the helper forget a login, and says whether there was one.
pub(super) async fn erase(helper: &str, server: &str) -> Result<bool, LoginError> {
    let had = get(helper, server).await?.is_some();
    let said = run(helper, "erase", server.as_bytes()).await?;
    if !said.is_well {
        nothing_or_failed(helper, &said)?;
    }
    Ok(had)
}

struct Said {
    is_well: bool,
    words: Vec<u8>,
}

fn nothing_or_failed(helper: &str, said: &Said) -> Result<(), LoginError> {
    let words = String::from_utf8_lossy(&said.words);
    if words.trim() == NOTHING {
        return Ok(());
    }
    Err(failed(helper, "failed"))
}

async fn run(helper: &str, action: &str, input: &[u8]) -> Result<Said, LoginError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !helper.chars().all(is_plain) {
        // It would be a path.
        return Err(failed(helper, "has a name that a helper cannot have"));
    }
    let program = format!("docker-credential-{helper}");
    let running = async {
        let mut child = Command::new(program)
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads nothing may still answer.
            let _ = stdin.write_all(input).await;
        }
        let mut words = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let mut limited = stdout.take(MAX_HELPER_BYTES + 1);
            limited.read_to_end(&mut words).await?;
        }
        if words.len() as u64 > MAX_HELPER_BYTES {
            return Ok(None);
        }
        let is_well = child.wait().await?.success();
        Ok(Some(Said { is_well, words }))
    };
    let ran = tokio::time::timeout(HELPER_TIMEOUT, running).await;
    let limit = HELPER_TIMEOUT.as_secs();
    let ran = ran.map_err(|_| failed(helper, &format!("took more than {limit} s")))?;
    let said =
        ran.map_err(|error: std::io::Error| failed(helper, &format!("does not run: {error}")))?;
    said.ok_or_else(|| failed(helper, "gave too long an answer"))
}

fn failed(helper: &str, problem: &str) -> LoginError {
    LoginError::Helper {
        helper: text::clean_line(helper, MAX_NAME_BYTES),
        problem: problem.to_owned(),
    }
}
