use external_worker::prelude::*;

#[derive(NodeEnum)]
struct NotAnEnum;

#[derive(NodeEnum)]
enum Fields {
    A(i64),
}

#[derive(NodeEnum)]
enum Empty {}

#[derive(NodeEnum)]
enum Same {
    Low,
    #[node_enum(value = "low")]
    Lower,
    #[node_enum(name = "x")]
    Other,
}

fn main() {}
