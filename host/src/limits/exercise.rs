//! How much of a component is tried when `ewh validate` runs it: enough to find what is wrong, in little time.

use std::time::Duration;

use super::{KIB, MIB};

/// Methods and nodes of shelves of one class that are exercised: a node library has many.
pub const MAX_EXERCISED_NODES: usize = 256;
/// Methods that are called once in a second without that being a flood.
pub const MAX_RATED_CALLS: usize = 20;
/// Cases of one class that run at the same time.
pub const MAX_CASES_AT_ONCE: usize = 4;
/// Calls of all nodes of a class, when each is tried by itself.
pub const MAX_EXERCISED_CALLS: usize = 4_096;
/// Calls of one node, when it is tried by itself.
pub const MAX_CALLS_OF_A_NODE: usize = 192;
/// Calls of one node that are made however many nodes there are.
pub const MIN_CALLS_OF_A_NODE: usize = 24;
/// Calls of one node with values that only the seed chooses.
pub const RANDOM_CALLS: usize = 8;
/// Wrong values that are tried for one input.
pub const WRONG_VALUES_OF_AN_INPUT: usize = 8;
/// Values at the boundaries of one type.
pub const MAX_BOUNDARIES: usize = 64;
/// Inputs with a number of one node that are tried in pairs.
pub const MAX_PAIRED_INPUTS: usize = 4;
/// Longest text that is tried. One argument of a command may have 128 KiB on Linux.
pub const LONG_TEXT_BYTES: usize = 100_000;
/// Depth of the JSON that is tried where anything may come.
pub const DEEP_JSON: usize = 100;
/// New instances that one case goes on in, after it failed.
pub const MAX_CONTINUATIONS: usize = 24;
/// Times that one case meets the same failure before it leaves out what fails so.
pub const MAX_TIMES_OF_A_CAUSE: usize = 8;
/// Runs that it may take to make a failing case smaller.
pub const MAX_SHRINKING_RUNS: usize = 60;
/// The same for a case whose every run takes as long as a deadline.
pub const MAX_COSTLY_SHRINKING_RUNS: usize = 2;
/// Turns of a loop in the case that is about its memory.
pub const MEMORY_TURNS: u32 = 512;
/// Calls in the case that is about the memory of calls.
pub const MEMORY_CALLS: u32 = 8_192;
/// Rounds of them, however many nodes there are.
pub const MEMORY_ROUNDS: std::ops::RangeInclusive<u32> = 128..=4_096;
/// Times that a case which grew is longer when it is tried whether that goes on.
pub const MEMORY_AGAIN: u32 = 4;
/// How long one case about memory may take; what was seen by then is judged.
pub const MEMORY_PATIENCE: Duration = Duration::from_secs(10);
/// What a linear memory grows by.
pub const MEMORY_PAGE: u64 = 64 * KIB;
/// Growth of memory that is no leak, in one half of a case: what an allocator takes beforehand.
pub const GROWTH_BYTES: u64 = 2 * MEMORY_PAGE;
/// Different errors of one node that are told apart.
pub const MAX_TOLD_ERRORS: usize = 16;
/// Characters of such an error.
pub const TOLD_ERROR_CHARS: usize = 300;
/// Different denials of one class that are told.
pub const MAX_TOLD_DENIALS: usize = 8;
/// Largest array that is made of what a person typed.
pub const MAX_TYPED_ARRAY_BYTES: u64 = 64 * MIB;
