//! The smallest worker: as it stands in the crate's first example.
use external_worker::prelude::*;

#[config]
struct MyWorkerConfig {
    #[config(default = 1.0, ge = 0.05, le = 3600.0)]
    interval_s: f64,
}

#[derive(Default)]
struct MyWorker;

#[external_worker(id = "my_worker", config = MyWorkerConfig)]
impl MyWorker {
    async fn r#loop(&self) {
        self.set_loop_delay(Duration::from_secs_f64(self.config().interval_s))
    }
    fn update_config(&self) {
        self.skip_loop_delay()
    }
    #[node]
    fn get_status(&self) -> String {
        "ok".into()
    }
}
export!(MyWorker);

fn main() {}
