//! The routes of external workers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use super::answer::Answer;
use super::asked::Asked;
use super::deeds::{self, Done};
use super::page::{Page, Paging, limit};
use super::said::unexpected;
use crate::limits::MAX_NAME_BYTES;
use crate::model::{Ask, Code, Create, Happened, InstanceState, LogLine, Problem, Told};
use crate::text;

/// What a method is called with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"inputs": {"celsius": 21.5}}))]
pub(super) struct Call {
    /// Its inputs, by name.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Json>)]
    inputs: BTreeMap<String, Json>,
}

/// What a method returned.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Returned {
    /// Its outputs, by name.
    outputs: BTreeMap<String, Json>,
}

/// What changes of a configuration.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = Object)]
pub(super) struct Patch(serde_json::Map<String, Json>);

/// Which lines of a log are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    /// Only lines with a greater number.
    #[param(required = false, value_type = u64, default = 0)]
    #[serde(default, deserialize_with = "crate::numbers::whole")]
    after: u64,
    /// How many.
    #[param(required = false, value_type = u16, minimum = 1, maximum = 200, default = 50)]
    #[serde(default)]
    limit: Option<usize>,
}

/// The parameters of a log.
pub(super) fn lines() -> Vec<Parameter> {
    Lines::into_params(|| Some(ParameterIn::Query))
}

pub(super) async fn list(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    match asked.ask(Ask::Instances).await? {
        Told::Instances(instances) => {
            Answer::json(&paging.page(instances, |instance| &instance.uuid)?)
        }
        _ => Err(unexpected()),
    }
}

pub(super) async fn create(asked: Asked) -> Result<Answer, Problem> {
    let create: Create = asked.json()?;
    check(&create)?;
    let what = deeds::made(&create);
    let done = Done::new(Happened::InstanceMade, what);
    match done.by(&asked, Ask::Create(create)).await? {
        Told::Instance(instance) => Answer::made(&instance),
        _ => Err(unexpected()),
    }
}

pub(super) async fn show(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    match asked.ask(Ask::Instance { uuid }).await? {
        Told::Instance(instance) => Answer::json(&instance),
        _ => Err(unexpected()),
    }
}

pub(super) async fn remove(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let done = Done::new(Happened::InstanceRemoved, "the external worker");
    match done.by(&asked, Ask::Remove { uuid }).await? {
        Told::Done => Ok(Answer::nothing()),
        _ => Err(unexpected()),
    }
}

pub(super) async fn pause(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let done = Done::new(Happened::Paused, "its loop");
    Answer::json(&instance(&asked, done, Ask::Pause { uuid }).await?)
}

pub(super) async fn resume(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let done = Done::new(Happened::Resumed, "its loop");
    Answer::json(&instance(&asked, done, Ask::Resume { uuid }).await?)
}

pub(super) async fn restart(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let done = Done::new(Happened::Restarted, "the external worker");
    Answer::json(&instance(&asked, done, Ask::Restart { uuid }).await?)
}

pub(super) async fn configure(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let Patch(patch) = asked.json()?;
    let done = Done::new(Happened::Configured, deeds::names(patch.keys()));
    let patch = Json::Object(patch);
    Answer::json(&instance(&asked, done, Ask::Configure { uuid, patch }).await?)
}

pub(super) async fn form(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let what = format!("the configuration of {uuid}");
    let Told::Form(form) = asked.ask(Ask::Form { uuid }).await? else {
        return Err(unexpected());
    };
    asked.note(Happened::SecretRead, &what)?;
    Answer::json(&form)
}

pub(super) async fn call(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let method = asked.name("method")?.to_owned();
    let Call { inputs } = asked.json()?;
    let what = format!("{method}({})", deeds::names(inputs.keys()));
    let done = Done::new(Happened::Called, what);
    let ask = Ask::Call {
        uuid,
        method,
        inputs,
    };
    match done.by(&asked, ask).await? {
        Told::Outputs(outputs) => Answer::json(&Returned { outputs }),
        _ => Err(unexpected()),
    }
}

pub(super) async fn log(asked: Asked) -> Result<Answer, Problem> {
    let uuid = asked.uuid()?;
    let Lines { after, limit: most } = asked.query()?;
    let most = limit(most)?;
    let Told::Log(mut lines) = asked.ask(Ask::Log { uuid, after }).await? else {
        return Err(unexpected());
    };
    lines.retain(|line| line.number > after);
    lines.sort_by_key(|line| line.number);
    let is_more = lines.len() > most;
    lines.truncate(most);
    let last = lines.last().map(|line: &LogLine| line.number);
    Answer::json(&Page::numbered(lines, last.filter(|_| is_more)))
}

/// An external worker after something was done with it; one that says only that it is done is asked how it is.
async fn instance(asked: &Asked, done: Done, ask: Ask) -> Result<InstanceState, Problem> {
    let mut told = done.by(asked, ask).await?;
    if told == Told::Done {
        let uuid = asked.uuid()?;
        told = asked.ask(Ask::Instance { uuid }).await?;
    }
    match told {
        Told::Instance(instance) => Ok(instance),
        _ => Err(unexpected()),
    }
}

fn check(create: &Create) -> Result<(), Problem> {
    let names = [
        Some(&create.module),
        Some(&create.class),
        create.name.as_ref(),
    ];
    let mut names = names.into_iter().flatten();
    if !names.all(|name| text::is_name(name, MAX_NAME_BYTES)) {
        let problem = format!(
            "`module`, `class` and `name` have 1 to {MAX_NAME_BYTES} bytes without control characters"
        );
        return Err(Problem::new(Code::Invalid, problem));
    }
    if create
        .config
        .as_ref()
        .is_some_and(|config| !config.is_object())
    {
        let problem = "`config` has to be an object of JSON";
        return Err(Problem::new(Code::Invalid, problem));
    }
    Ok(())
}
