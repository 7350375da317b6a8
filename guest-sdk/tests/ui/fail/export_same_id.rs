use external_worker::prelude::*;

#[derive(Default)]
struct A;
#[external_worker(id = "same")]
impl A {}

#[derive(Default)]
struct B;
#[external_worker(id = "same")]
impl B {}

export!(A, B);

fn main() {}
