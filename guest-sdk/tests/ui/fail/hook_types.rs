use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    async fn start() -> i64 {
        1
    }
    async fn r#loop(&self) -> bool {
        true
    }
    fn get_nodeshelf(&self) -> Vec<Shelf> {
        vec![]
    }
}

fn main() {}
