//! Numbers of the files that the command line names and of the saves that people load.

/// Links that lead on to further links before a name is taken for a circle; Linux follows as many.
pub const MAX_LINKS: usize = 40;
/// Characters of an integer in a save: Python reads none that is longer.
pub const MAX_NUMBER_BYTES: usize = 4_300;
/// Classes that are not here which the report of a load names one by one.
pub const MAX_MISSING_CLASSES: usize = 50;
/// Those of them that fit into a line of a status bar.
pub const MAX_CLASSES_IN_A_LINE: usize = 8;
/// Packages that a flow may say that it needs.
pub const MAX_FLOW_PACKAGES: usize = 1_000;
