//! Commands on the Worker as a whole: what it is, and saving, exporting and importing it.

use std::time::Instant;

use data_encoding::BASE64;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Answer, Context, Kwargs, Refusal, Reply, arguments, no_arguments};
use crate::json as document;

pub fn uuid(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.worker().uuid().simple().to_string().into())
}

pub fn name(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.worker().name().into())
}

pub fn meta(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.worker().meta_json().into())
}

pub fn config(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.worker().config_json().into())
}

pub fn view(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.worker().view_state_json().into())
}

pub fn full(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(Reply::Text(context.worker().full_state_text()))
}

pub fn run_state(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    let is_stopping = context.shared.stop.is_cancelled();
    Ok(if is_stopping { "stopped" } else { "running" }.into())
}

/// The Python Worker ends when it hears none, where it was told to; this one does not depend on it.
pub fn heartbeat(_: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(Json::Null.into())
}

pub fn stop(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    tracing::info!("a client stops the worker");
    context.shared.stop.cancel();
    Ok(true.into())
}

/// Exported or not: without secrets. Who may read them reads them in the configuration.
pub fn save_state(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    struct Save {
        #[serde(default)]
        export: bool,
    }
    async move {
        let _: Save = arguments(kwargs)?;
        context.worker().classes_are_known(None).await;
        Ok(context.worker().save_state_json().into())
    }
    .boxed()
}

pub fn save(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        no_arguments(kwargs)?;
        context.worker().classes_are_known(None).await;
        Ok(context.worker().save_state_json().into())
    }
    .boxed()
}

pub fn load(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Load {
        data: Json,
    }
    async move {
        let Load { data } = arguments(kwargs)?;
        let data = object(data, "data")?;
        let report = context.worker().load(data, None).await?;
        Ok(report.to_json().into())
    }
    .boxed()
}

pub fn update(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Update {
        config: Json,
        state: Json,
    }
    async move {
        let Update { config, state } = arguments(kwargs)?;
        let config = object(config, "config")?;
        let state = object(state, "state")?;
        let report = context.worker().load(state, Some(config)).await?;
        Ok(report.to_json().into())
    }
    .boxed()
}

/// An object, or its text.
fn object(given: Json, what: &str) -> Result<Json, Refusal> {
    let json = match given {
        Json::String(text) => document::parse_strangers(text.as_bytes())
            .map_err(|problem| Refusal::new(format!("`{what}`: {problem}")))?,
        other => other,
    };
    if json.is_object() {
        return Ok(json);
    }
    Err(Refusal::new(format!(
        "`{what}` is an object, or the JSON of one"
    )))
}

pub fn export(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Export {
        #[serde(default = "yes")]
        with_files: bool,
    }
    fn yes() -> bool {
        true
    }
    async move {
        let Export { with_files } = arguments(kwargs)?;
        let begun = Instant::now();
        let zip = context.worker().export(with_files).await?;
        tracing::info!("exported {} bytes in {:?}", zip.len(), begun.elapsed());
        Ok(BASE64.encode(&zip).into())
    }
    .boxed()
}

pub fn import(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Import {
        data: String,
    }
    async move {
        let Import { data } = arguments(kwargs)?;
        let zip = decode(&data)?;
        let report = context.worker().import(zip).await?;
        Ok(report.to_json().into())
    }
    .boxed()
}

/// What the Python Worker lets be changed here is the operator's to say, at the start.
pub fn update_config(context: &Context, kwargs: Kwargs) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    struct Update {
        name: Option<String>,
        autostart: Option<Json>,
        update_on_startup: Option<Json>,
    }
    let update: Update = arguments(kwargs)?;
    let worker = context.worker();
    match update.name {
        Some(name) if name.trim() != worker.name() => Err(Refusal::new(
            "the name of this worker is given when it is started: `ewh serve --name`",
        )),
        _ => Ok(worker.config_json().into()),
    }
}

pub fn upload(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Upload {
        data: String,
        filename: String,
    }
    async move {
        let Upload { data, filename } = arguments(kwargs)?;
        let files = context.worker().files().clone();
        let storing = tokio::task::spawn_blocking(move || {
            let data = decode(&data)?;
            let stored = files.put(&filename, &data);
            stored.map_err(|error| Refusal::new(error.to_string()))
        });
        let stored = storing
            .await
            .map_err(|_| Refusal::new("the upload came to no end"))?;
        Ok(stored?.into())
    }
    .boxed()
}

fn decode(data: &str) -> Result<Vec<u8>, Refusal> {
    BASE64
        .decode(data.as_bytes())
        .map_err(|error| Refusal::new(format!("`data` is no base64: {error}")))
}
