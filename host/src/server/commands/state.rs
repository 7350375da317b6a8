//! Commands on the Worker as a whole: what it is, and saving, exporting and importing it.

use std::time::Instant;

use data_encoding::BASE64;
use serde_json::Value as Json;

use super::{Answer, Context, NoArguments, Reply, arguments};
use crate::json as document;
use crate::server::full;
use crate::server::refusal::{Code, Refusal};

arguments! {
    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    pub struct SaveState {
        #[serde(default)]
        export: bool,
    }

    pub struct Load {
        data: Json,
    }

    pub struct Update {
        config: Json,
        state: Json,
    }

    pub struct Export {
        #[serde(default = "yes")]
        with_files: bool,
    }

    pub struct Import {
        data: String,
    }

    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    pub struct UpdateConfig {
        name: Option<String>,
        autostart: Option<Json>,
        update_on_startup: Option<Json>,
    }

    pub struct Upload {
        data: String,
        filename: String,
    }
}

fn yes() -> bool {
    true
}

pub fn uuid(context: &Context, _: NoArguments) -> Answer {
    Ok(context.worker().uuid().simple().to_string().into())
}

pub fn name(context: &Context, _: NoArguments) -> Answer {
    Ok(context.worker().name().into())
}

pub fn meta(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.worker().meta()))
}

pub fn config(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.worker().view()))
}

pub fn view(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.worker().view_state()))
}

pub fn full(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::Text(full::state(context.worker())))
}

pub fn run_state(context: &Context, _: NoArguments) -> Answer {
    let is_stopping = context.shared.stop.is_cancelled();
    Ok(if is_stopping { "stopped" } else { "running" }.into())
}

/// The Python Worker ends when it hears none, where it was told to; this one does not depend on it.
pub fn heartbeat(_: &Context, _: NoArguments) -> Answer {
    Ok(Json::Null.into())
}

pub fn stop(context: &Context, _: NoArguments) -> Answer {
    tracing::info!("a client stops the worker");
    context.shared.stop.cancel();
    Ok(true.into())
}

/// Exported or not: without secrets. Who may read them reads them in the configuration.
pub async fn save_state(context: Context, _: SaveState) -> Answer {
    shared(&context).await
}

pub async fn save(context: Context, _: NoArguments) -> Answer {
    shared(&context).await
}

async fn shared(context: &Context) -> Answer {
    context.worker().classes_are_known(None).await;
    Ok(Reply::of(&context.worker().shared_state()))
}

pub async fn load(context: Context, Load { data }: Load) -> Answer {
    let data = object(data, "data")?;
    let report = context.worker().load(data, None).await?;
    Ok(report.to_json().into())
}

pub async fn update(context: Context, Update { config, state }: Update) -> Answer {
    let config = object(config, "config")?;
    let state = object(state, "state")?;
    let report = context.worker().load(state, Some(config)).await?;
    Ok(report.to_json().into())
}

/// An object, or its text.
fn object(given: Json, what: &str) -> Result<Json, Refusal> {
    let json = match given {
        Json::String(text) => document::parse_strangers(text.as_bytes())
            .map_err(|problem| wrong(format!("`{what}`: {problem}")))?,
        other => other,
    };
    if json.is_object() {
        return Ok(json);
    }
    Err(wrong(format!(
        "`{what}` has to be an object, or the JSON text of one"
    )))
}

fn wrong(sentence: String) -> Refusal {
    Refusal::new(Code::InvalidArguments, sentence)
}

pub async fn export(context: Context, Export { with_files }: Export) -> Answer {
    let begun = Instant::now();
    let zip = context.worker().export(with_files).await?;
    tracing::info!("exported {} bytes in {:?}", zip.len(), begun.elapsed());
    Ok(BASE64.encode(&zip).into())
}

pub async fn import(context: Context, Import { data }: Import) -> Answer {
    let zip = decode(&data)?;
    let report = context.worker().import(zip).await?;
    Ok(report.to_json().into())
}

/// What the Python Worker lets be changed here is the operator's to say, at the start.
pub fn update_config(context: &Context, update: UpdateConfig) -> Answer {
    let worker = context.worker();
    match update.name {
        Some(name) if name.trim() != worker.name() => Err(Refusal::new(
            Code::Denied,
            "the name of this worker can be set only at its start: `ewh serve --name`",
        )),
        _ => Ok(Reply::of(&worker.view())),
    }
}

pub async fn upload(context: Context, Upload { data, filename }: Upload) -> Answer {
    let files = context.worker().files().clone();
    let storing = tokio::task::spawn_blocking(move || {
        let data = decode(&data)?;
        let stored = files.put(&filename, &data);
        stored.map_err(|error| Refusal::new(Code::Invalid, error.to_string()))
    });
    let stored = storing
        .await
        .map_err(|_| Refusal::new(Code::Internal, "the upload did not finish"))?;
    Ok(stored?.into())
}

fn decode(data: &str) -> Result<Vec<u8>, Refusal> {
    BASE64
        .decode(data.as_bytes())
        .map_err(|error| wrong(format!("`data` is not base64: {error}")))
}
