use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    fn save(&self) -> Vec<u8> {
        vec![]
    }
    fn restore(&self, _state: Vec<u8>) {}
}

export!(A);

fn main() {}
