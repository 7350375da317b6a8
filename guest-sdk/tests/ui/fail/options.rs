use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(
    id = "a",
    nodeclassid = "a",
    loop_delay_ms = "fast",
    export_exclude = [token],
    title = "A",
    title = "B",
)]
impl A {
    #[node(descripton = "x", trigger_on_call = 1, name = "")]
    fn first(&self) {}
    #[node = "x"]
    fn second(&self) {}
    #[node]
    #[node]
    fn third(&self) {}
}

fn main() {}
