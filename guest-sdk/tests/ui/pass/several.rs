//! Several classes in one component.
use external_worker::prelude::*;

#[derive(Default)]
struct A;
#[external_worker(id = "a")]
impl A {
    fn save(&self) -> Vec<u8> {
        vec![]
    }
    async fn restore(&self, _: Vec<u8>) {}
}

mod inner {
    #[derive(Default)]
    pub struct B;
    #[external_worker::external_worker(id = "b")]
    impl B {}
}

export!(A, inner::B; state;);

fn main() {}
