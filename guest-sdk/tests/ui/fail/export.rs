use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {}

export!();

export!(A, A; requests: { usb: "why not", serial: "", serial: "twice" });

export!(A; wants: { serial: "x" });

fn main() {}
