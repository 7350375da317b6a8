use external_worker::prelude::*;

#[external_worker(id = "a")]
struct A;

#[external_worker(id = "b")]
impl Clone for A {
    fn clone(&self) -> Self {
        A
    }
}

struct G<T>(T);

#[external_worker(id = "g")]
impl<T> G<T> {}

fn main() {}
