//! Names and HTTP requests of guests.

use std::time::Duration;

use super::MIB;

/// Names that one instance has addresses of at the same time.
pub const MAX_NAMES: usize = 64;
/// Addresses that are kept of one answer for a name, and of its earlier ones together.
pub const MAX_ADDRESSES: usize = 16;
/// Names that one instance looks up at the same time.
pub const MAX_LOOKUPS: usize = 4;
/// Longest name that is looked at, in bytes, before it is converted: DNS takes 253, and no letter has
/// more than four bytes.
pub const MAX_WRITTEN_NAME_BYTES: usize = 4 * 253;
/// How long an answer is waited for when a name is looked up.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer holds that does not say for how long: what browsers take for the system's.
pub const NAME_LIFETIME: Duration = Duration::from_secs(60);
/// The shortest time that an answer holds, whatever its owner says: a guest asks no more often.
pub const MIN_NAME_LIFETIME: Duration = Duration::from_secs(1);
/// The longest time that an answer holds, whatever its owner says: a service that moved is found.
pub const MAX_NAME_LIFETIME: Duration = Duration::from_secs(300);
/// Largest datagram; what is held while one is waited for.
pub const MAX_DATAGRAM_BYTES: u64 = 64 * 1024;
/// Longest wait for an HTTP connection, TLS included; a guest may shorten it.
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for a guest to begin the body of a request, or to say that there is none, before its head
/// is sent without knowing.
pub const HTTP_BODY_BEGINS_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait from the sent request to the head of its response; a guest may shorten it.
pub const HTTP_FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest wait between two parts of a response; a guest may shorten it.
pub const HTTP_BETWEEN_BYTES_TIMEOUT: Duration = Duration::from_secs(60);
/// What an HTTP request in flight is counted as, towards `memory`: its buffers.
pub const HTTP_CONNECTION_BYTES: u64 = 128 * 1024;
/// Most that is copied out of a guest at once for the body of an HTTP request.
pub const HTTP_CHUNK_BYTES: usize = 64 * 1024;
/// Largest set of HTTP headers that a guest builds.
pub const MAX_HTTP_FIELDS_BYTES: usize = 32 * 1024;
/// Of an answer that may have secrets in it, so much is looked through at once: a placeholder may be twenty times as long
/// as a secret, and what comes of it is held meanwhile.
pub const REDACTED_AT_ONCE_BYTES: usize = 4 * 1024;
/// Largest file of certificates that is read.
pub const MAX_CA_FILE_BYTES: u64 = 4 * MIB;
