//! Numbers of the files that the command line names and of the saves that people load.

/// Links that lead on to further links before a name is taken for a circle; Linux follows as many.
pub const MAX_LINKS: usize = 40;
