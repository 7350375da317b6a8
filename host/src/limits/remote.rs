//! Hosts that are operated from here: what their answers may be, and how long they are waited for.

use std::time::Duration;

use super::MIB;

/// Bytes of one answer of a host: twice what its API says at once.
pub const MAX_API_ANSWER_BYTES: u64 = 32 * MIB;
/// Pages of one list, of the largest size: everything that a host may have of one kind.
pub const MAX_API_PAGES: usize = 256;
/// How long a host may take until it is connected to.
pub const API_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a host may take to answer; what a guest does there comes on top.
pub const API_ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// How long nothing may come of a file that comes in parts: as long as many Workers may take that do not answer.
pub const API_PART_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Between a connection that broke and the next one.
pub const API_RETRY_PAUSE: Duration = Duration::from_millis(250);
/// How long a module may take from being installed to being in use, before whoever waits hears that it is not yet.
pub const TAKING_UP: Duration = Duration::from_secs(10);
/// Largest file of contexts.
pub const MAX_CONTEXTS_BYTES: u64 = MIB;
/// Bytes of a token, with room for what other hosts may give.
pub const MAX_API_TOKEN_BYTES: usize = 4096;
/// Bytes of the name of a context.
pub const MAX_CONTEXT_NAME_BYTES: usize = 64;
/// How often the lines of a log and the screen of `ewh top` are new.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Tenants whose external workers `ewh top` asks for in one look; the others have their turn in the next ones.
pub const TENANTS_IN_A_LOOK: usize = 16;
/// Requests of `ewh top` at once.
pub const REQUESTS_OF_A_LOOK: usize = 4;
