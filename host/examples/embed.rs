//! Runs one component that needs nothing granted: starts an instance of its first class and calls the
//! method that is named, without inputs.
//!
//! `cargo run -p external-worker-host --no-default-features --example embed -- COMPONENT METHOD`

use std::env::args;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use external_worker_host::audit::Auditor;
use external_worker_host::component::LoadedComponent;
use external_worker_host::engine::{Compiling, Engine, EngineOptions};
use external_worker_host::instance::{Folder, Instance, Spec};
use external_worker_host::policy::Policy;
use serde_json::json;
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = args().nth(1).ok_or("name a component")?;
    let method = args().nth(2).ok_or("name a method")?;

    // Compiled in this process: for a component that you trust not to take all of its memory.
    let engine = Engine::new(EngineOptions::new(Compiling::Here))?;
    let component = Arc::new(LoadedComponent::from_file(&engine, Path::new(&file))?);

    // The empty policy grants nothing: a component that requests something is refused here.
    let prepared = Arc::new(component.prepare(&Policy::default()).await?);
    let class = prepared.classes().first().ok_or("it has no class")?;

    let spec = Spec {
        class_id: class.id().to_owned(),
        uuid: Uuid::new_v4(),
        name: "the first".to_owned(),
        config: json!({}),
        state: None,
        folder: Folder::temporary(),
        auditor: Auditor::default(),
        secrets: Default::default(),
    };
    let instance = Instance::start(&prepared, spec).await?;
    println!("{method}: {:?}", instance.call(&method, Vec::new()).await?);
    println!("{}", instance.stop().await);
    Ok(())
}
