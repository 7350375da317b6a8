//! What is embedded comes from folders: cargo is told of files that are new in them.

fn main() {
    for folder in [
        "../python/src",
        "../python/fallback",
        "../python/runtime",
        "../../wit",
    ] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
