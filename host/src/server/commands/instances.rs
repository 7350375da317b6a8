//! Commands on external workers: classes and their instances.

use serde_json::Value as Json;

use super::{Answer, Context, NoArguments, Reply, arguments};
use crate::worker::NewInstance;

arguments! {
    pub struct Instance {
        worker_id: String,
        class_id: String,
    }

    // A module has one of each class, wherever in it the class is.
    #[allow(dead_code, reason = "read so that wrong arguments are named")]
    pub struct Add {
        module: String,
        cls_module: String,
        cls_name: String,
    }

    pub struct Update {
        worker_id: String,
        class_id: String,
        name: Option<String>,
        config: Option<Json>,
    }
}

pub fn all(context: &Context, _: NoArguments) -> Answer {
    Ok(Reply::of(&context.worker().modules()))
}

pub async fn add(context: Context, add: Add) -> Answer {
    let worker = context.worker();
    let added = worker.add_instance(&add.module, &add.cls_name, NewInstance::default());
    Ok(Reply::of(&added.await?))
}

pub async fn config(context: Context, of: Instance) -> Answer {
    let worker = context.worker();
    worker.classes_are_known(Some(&of.worker_id)).await;
    Ok(Reply::of(&worker.form(&of.worker_id, &of.class_id)?))
}

pub async fn update(context: Context, update: Update) -> Answer {
    let (id, class, name) = (&update.worker_id, &update.class_id, update.name.as_deref());
    let worker = context.worker();
    worker
        .update_instance(id, class, name, update.config)
        .await?;
    Ok(Json::Null.into())
}

pub async fn remove(context: Context, of: Instance) -> Answer {
    let worker = context.worker();
    worker.remove_instance(&of.worker_id, &of.class_id).await?;
    Ok(true.into())
}

pub async fn pause(context: Context, of: Instance) -> Answer {
    let worker = context.worker();
    worker.pause_instance(&of.worker_id, &of.class_id)?;
    Ok(true.into())
}

pub async fn resume(context: Context, of: Instance) -> Answer {
    let worker = context.worker();
    worker.resume_instance(&of.worker_id, &of.class_id)?;
    Ok(true.into())
}

pub async fn restart(context: Context, of: Instance) -> Answer {
    let worker = context.worker();
    worker.restart_instance(&of.worker_id, &of.class_id).await?;
    Ok(true.into())
}
