use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {}

export!(A; state);

fn main() {}
