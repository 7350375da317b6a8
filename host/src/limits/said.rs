//! Numbers of what guests say: events, options and values at their nodes, and what becomes of them.

use std::time::Duration;

use super::{KIB, MIB};

/// What an event, or a change of an input, is counted as towards `memory` besides its data: itself, its
/// place in the queues, its names.
pub const EVENT_BYTES: u64 = 1024;
/// Pause between two times that the progress of one call is shown.
pub const PROGRESS_PAUSE: Duration = Duration::from_millis(200);
/// Bytes of what is said with it.
pub const MAX_PROGRESS_BYTES: usize = 256;
/// Heap that options of a guest, or all parts of one node class, may take as trees: their text may be up to
/// [`MAX_OPTIONS_BYTES`](super::MAX_OPTIONS_BYTES) long, and of many small dictionaries a hundredth of that.
pub const MAX_OPTIONS_TREE_BYTES: u64 = MIB;
/// Trees of the options of one input that the host keeps: what was changed, what it is with that of the class,
/// and the choices in it.
pub const OPTIONS_TREES: u64 = 3;
/// Bytes of the last words of a guest: a sentence, and the lines of a traceback.
pub const MAX_LAST_WORDS_BYTES: usize = 8 * KIB as usize;
/// Bytes of a failure that its node keeps and every client is told, as often as it fails.
pub const MAX_NODE_ERROR_BYTES: usize = 2 * KIB as usize;
/// How long what guests change about their nodes waits to be saved: further changes are saved with it.
pub const GUEST_SAVE_PAUSE: Duration = Duration::from_secs(5);
/// How often an instance's shelf and options are read again at most, when it asks for it.
pub const REFRESH_PAUSE: Duration = Duration::from_millis(500);
/// What a shelf in the library is counted as towards `memory` besides its texts and its classes.
pub const SHELF_BYTES: u64 = 512;
/// What a node class in the library is counted as besides its texts and its ports: itself, what runs it, its
/// place in the index.
pub const NODE_CLASS_BYTES: u64 = 1024;
/// What a port of a node class is counted as besides its texts, its type and its options.
pub const PORT_BYTES: u64 = 512;
