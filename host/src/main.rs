//! The command `ewh`.
fn main() {}
