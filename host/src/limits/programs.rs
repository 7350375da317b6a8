//! What a program for a runtime may have.

/// Bytes of all its files. Each instance holds a copy, which is charged to it.
pub const MAX_PROGRAM_BYTES: u64 = 16 * 1024 * 1024;
/// Files of one. Each is looked up by its path when it is imported.
pub const MAX_PROGRAM_FILES: usize = 4_096;
