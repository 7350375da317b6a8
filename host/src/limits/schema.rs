//! What the config schemas of one component may cost, whoever follows them.

use super::{KIB, MIB};

/// Bytes of all config schemas of one component: each is held as a tree of some thirty times that.
pub const MAX_SCHEMAS_BYTES: usize = MIB as usize;
/// Schemas in all config schemas of one component, every subschema counted; some 500 bytes each.
pub const MAX_SCHEMA_PARTS: usize = 10_000;
/// Depth to which a configuration is followed for defaults and for what may leave.
pub const MAX_SCHEMA_DEPTH: usize = 32;
/// Bytes of the defaults that one configuration is completed with, references followed.
pub const MAX_DEFAULTS_BYTES: usize = 4 * MIB as usize;
/// Steps that are taken to follow a schema through a configuration, every way counted.
pub const MAX_SCHEMA_STEPS: usize = 400_000;
/// Steps of one of those ways.
pub const MAX_SCHEMA_WAY: usize = 400;
/// Bytes that the smallest of patterns is tried on, as one step.
pub const PATTERN_BYTES_A_STEP: usize = 2;
/// How often a configuration is completed anew because what was put in calls for more.
pub const MAX_COMPLETING_ROUNDS: usize = 8;
/// Problems of one configuration that are reported at once.
pub const MAX_CONFIG_PROBLEMS: usize = 20;
/// Places of a schema that are not understood, and patterns that are not checked, that are told.
pub const MAX_UNCLEAR_PLACES: usize = 20;

/// Bytes of a pattern that is compiled at all: a class of letters takes a thousand times its text
/// before any limit of the regex engine counts.
pub const MAX_PATTERN_BYTES: usize = 2 * KIB as usize;
/// Different patterns in the config schemas of one component that are compiled.
pub const MAX_PATTERNS: usize = 256;
/// Compiled sizes that a pattern is tried at, smallest first: it is charged the first that it fits.
pub const PATTERN_SIZES: [usize; 3] = [16 * KIB as usize, 64 * KIB as usize, 256 * KIB as usize];
/// What groups that capture may cost besides: the limit of the `regex` crate for its one-pass table.
pub const CAPTURING_BYTES: usize = MIB as usize;
/// Bytes of what a thread remembers of the states of one pattern.
pub const PATTERN_STATES_BYTES: usize = 64 * KIB as usize;
/// Bytes of all compiled patterns of one component.
pub const MAX_PATTERNS_BYTES: usize = 32 * MIB as usize;
