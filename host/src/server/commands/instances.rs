//! Commands on external workers: classes and their instances.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Answer, Context, Kwargs, arguments, no_arguments};
use crate::worker::NewInstance;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instance {
    worker_id: String,
    class_id: String,
}

pub fn all(context: &Context, kwargs: Kwargs) -> Answer {
    no_arguments(kwargs)?;
    Ok(context.worker().modules_json().into())
}

pub fn add(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Add {
        module: String,
        cls_module: String,
        cls_name: String,
    }
    async move {
        let Add {
            module,
            cls_module,
            cls_name,
        } = arguments(kwargs)?;
        // A module has one of each class, wherever in it the class is.
        let _ = cls_module;
        let new = NewInstance::default();
        let added = context.worker().add_instance(&module, &cls_name, new);
        Ok(added.await?.into())
    }
    .boxed()
}

pub fn config(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let Instance {
            worker_id,
            class_id,
        } = arguments(kwargs)?;
        let worker = context.worker();
        worker.classes_are_known(Some(&worker_id)).await;
        let config = worker.instance_config_json(&worker_id, &class_id)?;
        Ok(config.into())
    }
    .boxed()
}

pub fn update(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Update {
        worker_id: String,
        class_id: String,
        name: Option<String>,
        config: Option<Json>,
    }
    async move {
        let Update {
            worker_id,
            class_id,
            name,
            config,
        } = arguments(kwargs)?;
        let worker = context.worker();
        worker
            .update_instance(&worker_id, &class_id, name.as_deref(), config)
            .await?;
        Ok(Json::Null.into())
    }
    .boxed()
}

pub fn remove(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let Instance {
            worker_id,
            class_id,
        } = arguments(kwargs)?;
        context
            .worker()
            .remove_instance(&worker_id, &class_id)
            .await?;
        Ok(true.into())
    }
    .boxed()
}

pub fn pause(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let of: Instance = arguments(kwargs)?;
        context
            .worker()
            .pause_instance(&of.worker_id, &of.class_id)?;
        Ok(true.into())
    }
    .boxed()
}

pub fn resume(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let of: Instance = arguments(kwargs)?;
        context
            .worker()
            .resume_instance(&of.worker_id, &of.class_id)?;
        Ok(true.into())
    }
    .boxed()
}

pub fn restart(context: Context, kwargs: Kwargs) -> BoxFuture<'static, Answer> {
    async move {
        let of: Instance = arguments(kwargs)?;
        let worker = context.worker();
        worker.restart_instance(&of.worker_id, &of.class_id).await?;
        Ok(true.into())
    }
    .boxed()
}
