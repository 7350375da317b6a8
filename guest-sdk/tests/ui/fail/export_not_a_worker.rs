use external_worker::prelude::*;

struct NotAWorker;

export!(NotAWorker);

fn main() {}
