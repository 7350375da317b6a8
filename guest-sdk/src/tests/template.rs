//! The promise that a worker in Rust is no longer than one in Python.

/// Lines of the smallest worker in Python, those that are blank or a comment apart.
const FEW: usize = 15;

#[test]
fn the_first_example_is_short() {
    let source = include_str!("../lib.rs")
        .lines()
        .skip_while(|line| *line != "//! ```")
        .skip(1);
    let example: Vec<_> = source
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").trim())
        // `# ` hides a line that only makes a program of the example.
        .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("# "))
        .collect();
    assert!(example.contains(&"export!(MyWorker);"));
    assert!(
        example.len() <= FEW,
        "{} lines: {example:#?}",
        example.len()
    );
}
