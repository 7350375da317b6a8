//! Returns more than anybody asked for.

use external_worker::prelude::*;

/// Answers at length.
#[derive(Default)]
pub struct HugeValues;

#[external_worker(id = "huge_values")]
impl HugeValues {
    /// A text of `bytes` bytes.
    #[node]
    fn text(&self, bytes: u32) -> String {
        "a".repeat(bytes as usize)
    }

    /// An error of `bytes` bytes with control characters.
    #[node]
    fn error(&self, bytes: u32) -> Result<()> {
        Err(Error::internal(
            "\x1b]0;owned\x07".repeat(bytes as usize / 10),
        ))
    }
}
