//! The seed's minimal template: as it stands in the crate's first example.
use external_worker::prelude::*;

#[config]
struct MyWorkerConfig {
    #[config(default = 1.0, ge = 0.05)]
    interval_s: f64,
}

#[derive(Default)]
struct MyWorker;

#[external_worker(id = "my_worker", config = MyWorkerConfig)]
impl MyWorker {
    async fn r#loop(&self) {}
    fn update_config(&self) {}
    #[node]
    fn get_status(&self) -> String {
        "ok".into()
    }
}
export!(MyWorker);

fn main() {}
