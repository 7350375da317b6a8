//! What clients, and strangers, may make a server hold and how long: before the token is known, while
//! something comes in, and while something waits to be taken.

use std::time::Duration;

use super::MIB;

/// Connections of which nothing is known yet. Any further one makes the oldest leave.
pub const MAX_STRANGERS: usize = 256;
/// Connections that were sent away and are still being closed, before no further one is accepted.
pub const MAX_LEAVING: usize = 64;
/// Connections of who may come in. With those of strangers they fit into 1,024 descriptors, which is what
/// a process has where nobody said otherwise.
pub const MAX_CONNECTIONS: usize = 512;
/// Wrong tokens of one address at once.
pub const TRIES_AT_ONCE: u32 = 20;
/// And then in a minute.
pub const TRIES_PER_MINUTE: u32 = 12;
/// Addresses of which wrong tokens are counted apart.
pub const MAX_TRYING: usize = 4_096;
/// Addresses that are known to have the right one.
pub const MAX_TRUSTED: usize = 1_024;
/// Tokens that one request may show.
pub const MAX_TOKENS_SHOWN: usize = 4;
/// How long a client may take to hear that its token has ended.
pub const LEAVE_DEADLINE: Duration = Duration::from_millis(500);
/// Head of a request: its line and its headers.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Headers of a request.
pub const MAX_HEADERS: usize = 64;
/// Silence on a connection before it is asked whether it is still there.
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// How long each of [`KEEPALIVE_PROBES`] questions may stay unanswered.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Questions that stay unanswered before a connection is given up.
pub const KEEPALIVE_PROBES: u32 = 4;

/// A message with a cost below this counts only towards [`MAX_UNANSWERED_BYTES`] of its client.
pub const SMALL_MESSAGE_BYTES: usize = 64 * 1024;
/// Small messages of one client that are read and not done yet.
pub const MAX_UNANSWERED_BYTES: usize = 2 * MIB as usize;
/// Bodies and long messages of all clients of a server that come in at the same time. Any further one
/// makes the slowest end.
pub const MAX_ARRIVALS: usize = 64;
/// What all of those hold, and what they cost as long as they are worked on.
pub const MAX_ARRIVING_BYTES: usize = 256 * MIB as usize;
/// What the largest of them may cost: its bytes, and what they are as JSON.
pub const MAX_MESSAGE_COST: usize = 192 * MIB as usize;
/// How long what comes in may take beyond [`ARRIVAL_BYTES_PER_SECOND`].
pub const ARRIVAL_GRACE: Duration = Duration::from_secs(10);
/// How fast it has to come.
pub const ARRIVAL_BYTES_PER_SECOND: u64 = 16 * 1024;
/// Bytes of a form that are read ahead of the file that they belong to: the head of a part.
pub const MAX_FORM_AHEAD_BYTES: u64 = MIB;
/// Posted messages that are not answered yet.
pub const MAX_POSTED: usize = 64;

/// Everything that waits to be taken by the clients of one server; each has an equal share of it.
pub const MAX_WAITING_BYTES: usize = 256 * MIB as usize;
/// Large messages that wait to be fetched by one client; a further one takes the place of its oldest.
pub const LARGE_MESSAGES_OF_ONE_BYTES: usize = 32 * MIB as usize;
/// Of a large message, so much is copied at a time for who fetches it.
pub const FETCH_BYTES: usize = 64 * 1024;

/// Ids of what was removed that are remembered.
pub const MAX_GONE: usize = 4_096;
/// How long they are: a page may be that far behind.
pub const GONE_LIFETIME: Duration = Duration::from_secs(60);

/// Files and folders that a Worker keeps for its clients.
pub const MAX_UPLOADED_ENTRIES: u64 = 100_000;
/// Of those, in one folder.
pub const MAX_UPLOADED_NAMES: usize = 10_000;
/// Parts of the path of an uploaded file.
pub const MAX_UPLOAD_PATH_DEPTH: usize = 32;
