//! Several classes in one component.
use external_worker::prelude::*;

#[derive(Default)]
struct A;
#[external_worker(id = "a")]
impl A {}

mod inner {
    #[derive(Default)]
    pub struct B;
    #[external_worker::external_worker(id = "b")]
    impl B {}
}

export!(A, inner::B;);

fn main() {}
