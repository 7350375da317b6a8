use external_worker::prelude::*;

struct A;

impl A {
    #[node]
    fn get_status(&self) -> String {
        String::new()
    }
}

fn main() {}
