use external_worker::prelude::*;

#[derive(Default)]
struct A {
    readings: State<Vec<f64>>,
}

#[external_worker(id = "a")]
impl A {
    async fn r#loop(&self) {
        let first = self.readings.with(|readings| &readings[0]);
        sleep(std::time::Duration::from_secs(1)).await;
        println!("{first}");
    }
}

fn main() {}
