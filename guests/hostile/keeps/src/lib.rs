//! Attacks by a worker that has a folder of its own, one file each in a directory for what they attack. The
//! table of `tests/hostile` says what the host does about each.

#![allow(unused_imports, reason = "each attack takes what it needs")]

#[path = "../../src/attack.rs"]
mod attack;
#[allow(dead_code, reason = "these are ways to the rest of the world, too")]
#[path = "../../reach/src/ways.rs"]
mod ways;

use attack::Result;

attacks! {
    r#"{"data":"it attacks it"}"#:
    data {
        deep,
        entries,
        links_in_circles,
        link_out,
        link_through_itself,
        names_odd,
        neighbours,
        quota_bytes,
        quota_sparse,
        replaced_root,
    }
}
