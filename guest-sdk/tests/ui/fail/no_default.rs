use external_worker::prelude::*;

struct NeedsStart {
    _port: String,
}

#[external_worker(id = "needs_start")]
impl NeedsStart {}

export!(NeedsStart);

fn main() {}
