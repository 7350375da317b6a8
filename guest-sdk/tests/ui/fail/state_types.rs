use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    async fn save(&self) -> Option<Vec<u8>> {
        None
    }
    async fn restore(&self, state: String) -> bool {
        state.is_empty()
    }
}

fn main() {}
