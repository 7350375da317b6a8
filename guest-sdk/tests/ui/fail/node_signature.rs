use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    #[node]
    fn mutable(&mut self) {}
    #[node]
    fn none(x: i64) -> i64 {
        x
    }
    #[node]
    fn generic<T>(&self, x: T) {}
    #[node]
    fn opaque(&self, x: impl Into<String>) -> impl Into<String> {
        x.into()
    }
    #[node]
    fn pattern(&self, (a, b): (i64, i64)) {}
    #[node]
    fn borrowed(&self, x: &mut String) {}
    #[node]
    unsafe fn risky(&self) {}
}

fn main() {}
