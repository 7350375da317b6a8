use external_worker::prelude::*;

#[config(title = "x")]
struct Named {
    #[config(defualt = 1, ge = "small", min_length = "long")]
    a: i64,
    #[config]
    b: i64,
    #[config(default = 1, default = 2)]
    c: i64,
}

#[config]
struct Tuple(i64);

#[config]
struct Generic<T> {
    a: T,
}

#[config]
fn function() {}

fn main() {}
