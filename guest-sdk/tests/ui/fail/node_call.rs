use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    #[node(timeout = "10 minutes")]
    fn unit(&self) {}
    #[node(timeout = "0s")]
    fn none(&self) {}
    #[node(timeout = 10)]
    fn number(&self) {}
    #[node]
    fn twice(&self, first: Call, second: Call) {}
}

fn main() {}
