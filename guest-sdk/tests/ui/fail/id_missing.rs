use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker]
impl A {}

#[derive(Default)]
struct B;

#[external_worker(id = "7 b", config)]
impl B {}

export!(A, B);

fn main() {}
