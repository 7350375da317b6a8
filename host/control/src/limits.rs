//! What others may have at most of what they can make more of: every number of this crate, with its reason.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes of the body of a request, where it is JSON: a tenants file with a thousand tenants fits.
pub const MAX_BODY_BYTES: usize = MIB;
/// How long such a body may take to arrive: a megabyte of a slow link, and no place held for longer.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a module may take to arrive.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Bytes of a module unless the host says otherwise.
pub const UPLOAD_BYTES: usize = 64 * MIB;
/// Bytes of a module that a host may say at most: what the console still takes from a browser.
pub const MAX_UPLOAD_BYTES: usize = 256 * MIB;
/// Bytes of a form without a file.
pub const MAX_FORM_BYTES: usize = MIB;
/// Uploads at once: each is held in memory whole.
pub const MAX_UPLOADS: usize = 4;
/// Uploads of one tenant at once, so that the others get one.
pub const MAX_UPLOADS_OF_TENANT: usize = 2;

/// Requests of one tenant at once: one that does not answer holds no more than these.
pub const MAX_REQUESTS_OF_TENANT: usize = 16;
/// Requests of all operators at once, which no tenant can take.
pub const MAX_REQUESTS_OF_OPERATORS: usize = 64;
/// Requests of all tenants at once.
pub const MAX_REQUESTS: usize = 256;
/// Streams of events of one tenant at once.
pub const MAX_STREAMS_OF_TENANT: usize = 16;
/// Streams of events of all tenants at once; each holds a connection for as long as it likes.
pub const MAX_STREAMS: usize = 256;
/// What a client that is turned away is told to wait.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long the Worker of a tenant may take to say something.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a method may take: the policy of the module says how long it really may.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How long a module may take to be validated and installed, which compiles it.
pub const INSTALL_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Tenants of a host: each has a socket and maybe a process.
pub const MAX_TENANTS: usize = 1000;
/// Bytes of the name of a tenant: it is a folder.
pub const MAX_TENANT_NAME_BYTES: usize = 64;
/// Bytes of the address that a tenant listens on: the longest name of DNS.
pub const MAX_HOST_BYTES: usize = 253;
/// Origins of pages of one tenant.
pub const MAX_ORIGINS: usize = 32;
/// Bytes of an origin: a scheme, the longest name of DNS and a port.
pub const MAX_ORIGIN_BYTES: usize = 280;
/// The weights that the kernel knows.
pub const MAX_CPU_WEIGHT: u16 = 10_000;
/// Tokens of one tenant, and of all operators: each is looked at whenever somebody comes.
pub const MAX_TOKENS: usize = 100;
/// How long a token can last: a century, so that no time overflows.
pub const MAX_LASTING_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;
/// How long a token that has ended is listed, so that its owner sees why it is refused.
pub const KEEP_ENDED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Bytes of the name of a secret.
pub const MAX_SECRET_NAME_BYTES: usize = 64;
/// Bytes of the value of a secret: as many as are kept.
pub const MAX_SECRET_BYTES: usize = 64 * KIB;
/// Bytes of a name of a module, a class, a method or an external worker.
pub const MAX_NAME_BYTES: usize = 256;
/// Bytes of the name of a capability.
pub const MAX_CAPABILITY_BYTES: usize = 64;
/// Bytes of what is asked for as a uuid.
pub const MAX_UUID_BYTES: usize = 64;
/// Bytes of the lines of a grant.
pub const MAX_GRANT_BYTES: usize = 64 * KIB;

/// What a list answers unless told.
pub const PAGE: usize = 50;
/// What a list answers at most.
pub const MAX_PAGE: usize = 200;
/// Bytes of a cursor: a name of the longest kind, encoded.
pub const MAX_CURSOR_BYTES: usize = 512;

/// Characters of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;
/// How long an answer is kept.
pub const KEEP_ANSWERS: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of an answer that is kept whole; of a longer one is kept that it was given.
pub const MAX_KEPT_BYTES: usize = 16 * KIB;
/// Answers that are kept of one tenant, and of all operators: 64 MiB of disk.
pub const MAX_KEPT: usize = 4096;

/// What one network may get wrong at once before it hears so, and how long it takes until it may once more.
pub const FAILURES_OF_NETWORK: u32 = 30;
/// See [`FAILURES_OF_NETWORK`].
pub const FAILURE_PERIOD_OF_NETWORK: Duration = Duration::from_secs(2);
/// What may be got wrong at once with one id of a token, from wherever.
pub const FAILURES_OF_ID: u32 = 20;
/// See [`FAILURES_OF_ID`].
pub const FAILURE_PERIOD_OF_ID: Duration = Duration::from_secs(10);
/// Networks, or ids, that are told apart; those beyond share one rate.
pub const MAX_COUNTED: usize = 4096;
/// What all those get wrong at once that are not told apart.
pub const FAILURES_OF_OTHERS: u32 = 100;
/// See [`FAILURES_OF_OTHERS`].
pub const FAILURE_PERIOD_OF_OTHERS: Duration = Duration::from_millis(100);
/// Denials of one token at once that the audit log hears of, so that one of it cannot be filled by another.
pub const DENIALS_NOTED: u32 = 10;
/// See [`DENIALS_NOTED`].
pub const DENIAL_PERIOD: Duration = Duration::from_secs(30);
/// Deeds of one kind and one token at once that the audit log has a record of each, since a program may do them all
/// day. Those beyond are counted in the next one.
pub const DEEDS_NOTED: u32 = 20;
/// See [`DEEDS_NOTED`].
pub const DEED_PERIOD: Duration = Duration::from_secs(1);
/// Bytes of one name in a record of the audit log.
pub const MAX_NOTED_NAME_BYTES: usize = 64;
/// Bytes of all names of fields or inputs in one record, which leaves room for what else is said in its line.
pub const MAX_NOTED_NAMES_BYTES: usize = 128;

/// How often the state of a tenant is looked at while somebody listens.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a stream says something, so that nobody between takes it for dead.
pub const BEAT_EVERY: Duration = Duration::from_secs(15);
/// The longest pause between two looks at what ends and what failed.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Tenants that begin to be served at once when the host starts.
pub const MAX_BEGINNING: usize = 8;

/// Items of a list in what a tenant says.
pub const MAX_SAID_ITEMS: usize = 10_000;
/// Items of a list in an item of what a tenant says: methods, ports, classes.
pub const MAX_SAID_PARTS: usize = 1024;
/// Bytes of a text in what a tenant says.
pub const MAX_SAID_TEXT_BYTES: usize = 16 * KIB;
/// Bytes of all that a tenant says in one answer.
pub const MAX_SAID_BYTES: usize = 16 * MIB;
/// How deep a value may be that a tenant says; the reader of requests stops there, too.
pub const MAX_DEPTH: usize = 128;
/// Bytes of one line of the audit log that come from a request.
pub const MAX_NOTE_BYTES: usize = 256;
