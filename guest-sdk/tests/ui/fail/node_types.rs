use external_worker::prelude::*;

struct Reading;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    #[node]
    fn input(&self, reading: Reading) {}
    #[node]
    fn output(&self) -> Reading {
        Reading
    }
    #[node]
    fn default(&self, #[default("a")] count: i64) {}
}

fn main() {}
