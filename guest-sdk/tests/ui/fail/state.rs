use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    fn save(&self, more: bool) {}
    fn restore(&self) {}
}

#[derive(Default)]
struct B;

#[external_worker(id = "b")]
impl B {
    fn restore(&self, state: Vec<u8>, more: bool) {}
}

#[derive(Default)]
struct C;

#[external_worker(id = "c")]
impl C {
    fn save(&self) -> Vec<u8> {
        vec![]
    }
}

export!(A, C; state; state);

fn main() {}
