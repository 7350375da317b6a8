//! The routes of secrets, which are set and never shown.

use std::time::Duration;

use super::answer::Answer;
use super::asked::{Asked, within};
use super::page::Paging;
use crate::control::not_found;
use crate::limits::{ASK_TIMEOUT, MAX_SECRET_NAME_BYTES};
use crate::model::{Code, Happened, Problem, SecretValue};

/// What waits for a disk only.
const TIME: Duration = ASK_TIMEOUT;

pub(super) async fn list(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let secrets = asked.control.supervisor.secrets(asked.tenant()?);
    let secrets = within(TIME, secrets).await?;
    Answer::json(&paging.page(secrets, |secret| &secret.name)?)
}

pub(super) async fn set(mut asked: Asked) -> Result<Answer, Problem> {
    let value: Vec<u8> = std::mem::take(&mut asked.body).into();
    let value = SecretValue(value.into());
    if value.0.is_empty() {
        return Err(Problem::new(
            Code::Invalid,
            "a secret has at least one byte",
        ));
    }
    let name = name(&asked)?;
    let setting = asked
        .control
        .supervisor
        .set_secret(asked.tenant()?, name, value);
    within(TIME, setting).await?;
    asked.note(Happened::SecretSet, name)?;
    Ok(Answer::nothing())
}

pub(super) async fn remove(asked: Asked) -> Result<Answer, Problem> {
    let name = name(&asked)?;
    let removing = asked
        .control
        .supervisor
        .remove_secret(asked.tenant()?, name);
    within(TIME, removing).await?;
    asked.note(Happened::SecretRemoved, name)?;
    Ok(Answer::nothing())
}

/// The name in the path. What can be no name is not there.
fn name(asked: &Asked) -> Result<&str, Problem> {
    let name = asked.name("secret")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let is_good = name.len() <= MAX_SECRET_NAME_BYTES && name.chars().all(is_plain);
    if is_good { Ok(name) } else { Err(not_found()) }
}
