//! The template to start from.

use external_worker::prelude::*;

#[config]
pub struct MyWorkerConfig {
    #[config(default = 1.0, ge = 0.05)]
    interval_s: f64,
}

#[derive(Default)]
pub struct MyWorker;

#[external_worker(id = "my_worker", config = MyWorkerConfig)]
impl MyWorker {
    async fn r#loop(&self) {} // background maintenance work (non-blocking)
    fn update_config(&self) {} // apply config changes; optionally refresh nodes/shelf
    #[node]
    fn get_status(&self) -> String {
        "ok".into() // instance-bound node that reads state
    }
}
