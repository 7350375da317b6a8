//! What a file is, by its first bytes: people name compiled code, archives and texts where a component
//! is meant, and are told what they have rather than what a parser did not like.

/// How to get what was meant.
pub(crate) const HOW_TO_BUILD: &str = "build it with `ewh build`, or for the target wasm32-wasip2";

/// Something else than a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {fix}")]
pub struct NotAComponent {
    /// What it is: "it is a core module, not a component".
    pub problem: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// Beginnings of what is taken for a component at times.
const OTHERS: [(&[u8], &str, &str); 6] = [
    (
        b"\0asm\x01\0\0\0",
        "it is a core module, not a component",
        HOW_TO_BUILD,
    ),
    (
        b"\0aot",
        "it is machine code that another runtime made of a module, not a component",
        "name the `.wasm` file that it was made of",
    ),
    (
        b"\x7fELF",
        "it is machine code, not a component",
        "name the `.wasm` file that it was made of",
    ),
    (
        b"PK\x03\x04",
        "it is a zip archive, not a component",
        "add a module with `ewh module add`, or name a `.wasm` file in it",
    ),
    (
        b"\x1f\x8b",
        "it is compressed, not a component",
        "unpack it",
    ),
    (
        b"(component",
        "it is the text form of a component",
        "assemble it with `wasm-tools parse`",
    ),
];

/// Whether `bytes` begin like a component.
///
/// # Errors
/// What they are instead.
pub(crate) fn check_header(bytes: &[u8]) -> Result<(), NotAComponent> {
    let other = OTHERS.iter().find(|(start, ..)| bytes.starts_with(start));
    if let Some((_, problem, fix)) = other {
        return Err(NotAComponent { problem, fix });
    }
    if bytes.starts_with(b"\0asm") {
        return Ok(());
    }
    Err(NotAComponent {
        problem: "it is not WebAssembly",
        fix: HOW_TO_BUILD,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_called_what_it_is() {
        for (bytes, part) in [
            (&b"\0asm\x01\0\0\0\0"[..], "core module"),
            (b"\0aot\x05\0\0\0", "machine code"),
            (b"\x7fELF\x02\x01\x01\xc8", "machine code"),
            (b"PK\x03\x04\x14\0", "zip archive"),
            (b"(component)", "text form"),
            (b"", "not WebAssembly"),
            (b"#!/bin/sh", "not WebAssembly"),
        ] {
            let problem = check_header(bytes).unwrap_err().to_string();
            assert!(problem.contains(part), "{problem}");
        }
        check_header(b"\0asm\x0d\0\x01\0").unwrap();
    }
}
