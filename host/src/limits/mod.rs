//! What anybody may have at most, and who counts what there is only so much of: for one instance its
//! [`Ledger`], for the process its memory [`maps`], and what the kernel is to hold it to. What is nobody's to
//! make more of stands where it is used.
//!
//! A length, count or index that comes from a guest is clamped to a constant in here before it is used.

mod backup;
mod checking;
mod clients;
pub mod descriptors;
mod exercise;
mod files;
mod grants;
pub mod heap;
mod ledger;
pub mod maps;
mod modules;
mod network;
mod preparing;
pub mod process;
mod programs;
mod quota;
mod registry;
mod remote;
mod said;
mod schema;
mod scripts;
mod serving;
mod stock;

use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

pub use backup::*;
pub use checking::*;
pub use clients::*;
pub use exercise::*;
pub use files::*;
pub use grants::*;
pub use ledger::{Exhausted, Held, Ledger, Paid, Resource};
pub use maps::Full;
pub use modules::*;
pub use network::*;
pub use preparing::*;
pub use programs::*;
pub use quota::*;
pub use registry::*;
pub use remote::*;
pub use said::*;
pub use schema::*;
pub use scripts::*;
pub use serving::*;
pub use stock::{Share, Stock};

/// One kibibyte.
pub const KIB: u64 = 1024;
/// One mebibyte.
pub const MIB: u64 = 1024 * 1024;
/// One gibibyte.
pub const GIB: u64 = 1024 * 1024 * 1024;

/// How often the epoch of every engine advances. A guest that spins gives way at each tick.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// What an instance that begins is taken to have used of late, at most: what each of many has that use all that
/// they get.
pub const BEGUN_WITH: Duration = Duration::from_millis(50);
/// How long a store is polled on for what it woke itself for; far below a tick, so that a guest which
/// gave way at one does not go on before others had their turn.
pub const POLL_ON: Duration = Duration::from_millis(1);

/// Instances that the pool holds; further ones are mapped on demand. 4 GiB of address space each, and
/// eight memory maps: with `vm.max_map_count` as Linux has it, 65,530, so many fit and few more.
pub const POOL_INSTANCES: u32 = 7_500;
/// Core instances of one pooled component: its module, the WASI adapter and their shims.
pub const POOL_CORE_INSTANCES: u32 = 8;
/// Tables of one pooled component.
pub const POOL_TABLES: u32 = 4;
/// Stacks for each pooled component, which share them: one on which a task waits inside a host call, and
/// [`STACKS_TO_WORK_ON`]. What is made of several components takes one to wait on for each that has code.
pub const POOL_STACKS: u32 = 2;
/// Stacks of a store besides those on which its tasks wait: results of host calls are written into a guest on another
/// one, also while a task of it waits, such as until a call that it gave up has ended.
pub const STACKS_TO_WORK_ON: u64 = 1;
/// Memory maps that guests leave for the process itself.
pub const MAPS_OF_THE_PROCESS: u64 = 3_000;
/// Memory maps of a stack: itself and its guard page.
pub const MAPS_OF_A_STACK: u64 = 2;
/// Memory maps of a memory: below its image, the image, its heap, and what it may grow to.
pub const MAPS_OF_A_MEMORY: u64 = 4;
/// Memory maps of a component that is not pooled, besides its memories and the stacks of those that wait:
/// tables, and what is left between them.
pub const MAPS_ON_DEMAND: u64 = 10;
/// Memories of one store.
pub const MAX_MEMORIES: usize = 16;
/// Tables of one store.
pub const MAX_TABLES: usize = 128;
/// Core instances of one store.
pub const MAX_CORE_INSTANCES: usize = 512;
/// Instances that a component may make of modules and components in it, counted from above.
pub const MAX_INSTANTIATIONS: u64 = 10_000;
/// Largest memory that a pool slot can grow to.
pub const POOL_MEMORY_BYTES: usize = 1 << 32;
/// Largest table that a pool slot can grow to.
pub const POOL_TABLE_ELEMENTS: usize = 20_000;
/// Bytes of a slot that stay resident between two instances, to save page faults.
pub const POOL_KEEP_RESIDENT_BYTES: usize = 32 * 1024;
/// Slots that are kept warm for the component that used them last.
pub const POOL_WARM_SLOTS: u32 = 64;
/// Largest component file that is read at all.
pub const MAX_COMPONENT_BYTES: u64 = 256 * MIB;
/// Text of one function's type, when a component is validated.
pub const MAX_TYPE_TEXT_BYTES: usize = 64 * 1024;
/// Largest manifest section that is parsed.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;
/// Largest policy file that is parsed.
pub const MAX_POLICY_BYTES: u64 = MIB;
/// Classes that one component may describe.
pub const MAX_CLASSES: usize = 64;
/// Node classes of one class or one shelf list.
pub const MAX_NODE_CLASSES: usize = 1024;
/// Shelves that `get-nodeshelf` may return.
pub const MAX_SHELVES: usize = 256;
/// Inputs or outputs of one node class.
pub const MAX_PORTS: usize = 256;
/// Bytes of a name that a person sees: class, method, port, event, shelf.
pub const MAX_NAME_BYTES: usize = 256;
/// Bytes of a description, title or error message of a guest.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Bytes of one JSON document in a description (schema, type, options).
pub const MAX_DESCRIPTION_JSON_BYTES: usize = 256 * 1024;
/// Bytes of a media type: a type and a subtype of RFC 6838, which have 127 each at most.
pub const MAX_MEDIA_TYPE_BYTES: usize = 255;
/// Axes of an n-dimensional array.
pub const MAX_ARRAY_AXES: usize = 32;
/// What one call may copy out of a guest, beyond `value-size` or, for `save`, `state-size`, before it
/// traps.
pub const HOSTCALL_SLACK_BYTES: u64 = MIB;
/// Longest wait that a guest can ask for in one go.
pub const MAX_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest wait in one go of a guest that does nothing else meanwhile: a stop has to wait for it.
pub const MAX_WAIT: Duration = Duration::from_secs(2);
/// Bytes that one call of the guest's random source returns.
pub const MAX_RANDOM_BYTES: u64 = MIB;
/// Longest line that a guest prints; what is longer is cut.
pub const MAX_PRINTED_LINE_BYTES: usize = 8 * 1024;
/// What the bookkeeping of one handle is counted as, towards `memory`.
pub const HANDLE_BYTES: u64 = 256;
/// Entries of an instance's resource table for one handle of its budget.
pub const TABLE_ENTRIES_PER_HANDLE: usize = 3;
/// Entries of an instance's resource table that need no handle: standard streams, granted folders.
pub const TABLE_ENTRIES_TO_BEGIN_WITH: usize = 64;
/// What one table element costs the host, towards `memory`.
pub const TABLE_ELEMENT_BYTES: u64 = 16;
/// Bytes of log lines that wait to be written, in each Worker: a burst of what its instances may log together.
pub const MAX_LOG_QUEUE_BYTES: usize = 1024 * 1024;
/// What a tenant's Worker is asked by its operator and has not answered yet.
pub const MAX_QUESTIONS: usize = 64;
/// An operator's question that has no answer by then has none: a call by hand may take as long as calls may.
pub const ASK_DEADLINE: Duration = Duration::from_secs(60);
/// How long an answer may take to come once it has begun, and a question.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of an answer, or a question, between processes.
pub const MAX_ANSWER_BYTES: u64 = 4 * MIB;
/// Bytes of all secrets of a tenant and their names, between processes: 4 MiB of values, and 256 names.
pub const MAX_SECRETS_BYTES: usize = 5 * MIB as usize;
/// How long who keeps a process waits before it tells it again what it has not heard.
pub const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Answers that are read at once, of all tenants.
pub const ANSWERS_AT_ONCE: usize = 4;
/// How long whoever installs a module waits until its tenant has it.
pub const MODULE_PATIENCE: Duration = Duration::from_secs(10);
/// See [`MODULE_PATIENCE`].
pub const MODULE_LOOKS_EVERY: Duration = Duration::from_millis(100);
/// How long a module may be validated before it is installed: as `ewh validate` compiles it.
pub const INSTALL_DEADLINE: Duration = Duration::from_secs(300);
/// What is shown of what was found in a module.
pub const MAX_FINDINGS_SHOWN: usize = 20;
/// Lines that are written together at most.
pub const LOG_LINES_AT_ONCE: usize = 512;
/// Bytes after which a log file is the one before; each external worker has two.
pub const LOG_FILE_BYTES: u64 = 256 * KIB;
/// Lines of a log that are shown at once: what fits into one message between processes stays below it.
pub const MAX_LOG_LINES_SHOWN: usize = 200;
/// Bytes of the outputs of a call that an operator sees; the web UI has the rest.
pub const MAX_OPERATED_OUTPUT_BYTES: u64 = MIB;
/// First pause after a loop turn failed; doubles up to [`LOOP_BACKOFF_MAX`].
pub const LOOP_BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// Longest pause after failing loop turns.
pub const LOOP_BACKOFF_MAX: Duration = Duration::from_secs(30);
/// What a turn takes at least where time is simulated.
pub const SIMULATED_TURN: Duration = Duration::from_millis(1);
/// Largest pause between two turns that a worker can ask for.
pub const MAX_LOOP_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// First pause before an instance that trapped starts again; doubles each time.
pub const RESTART_BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// An instance that ran this long after a restart is healthy: the count begins anew.
pub const RESTART_HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// An instance ahead of its CPU share waits in steps of at most this.
pub const MAX_THROTTLE_STEP: Duration = Duration::from_millis(100);
/// Events that an observer may lag behind before it loses the oldest.
pub const EVENT_BACKLOG: usize = 256;
/// Entries of a guest's handle tables for one handle of its budget: own, borrowed, and waitable.
pub const WASM_HANDLES_PER_HANDLE: usize = 4;
/// Tasks, waitables and stream ends that one store may have at once.
pub const MAX_CONCURRENT_STATE: usize = 10_000;
/// Nodes of one graph.
pub const MAX_NODES: usize = 10_000;
/// Nodes that are looked at in one go when all are asked for.
pub const NODES_AT_ONCE: usize = 64;
/// Edges of one graph.
pub const MAX_EDGES: usize = 100_000;
/// Edges that begin at one output, or at one input that forwards its value: all of them are fed in one go,
/// while nobody else can use the graph, and every client is told of each: four times as many make a neighbour's value
/// wait 40 ms at a client that reads all of them.
pub const MAX_TARGETS: usize = 1_024;
/// Groups of one graph.
pub const MAX_GROUPS: usize = 2_000;
/// Groups that lie in each other.
pub const MAX_GROUP_DEPTH: usize = 32;
/// What a group says about itself, as JSON.
pub const MAX_GROUP_META_BYTES: usize = 16 * 1024;
/// Bytes of the id of a node or a group.
pub const MAX_NODE_ID_BYTES: usize = 128;
/// Properties of one node, or of a graph, as JSON.
pub const MAX_PROPERTIES_BYTES: usize = 64 * 1024;
/// Value options or render options of one input or output, as JSON.
pub const MAX_OPTIONS_BYTES: usize = MAX_DESCRIPTION_JSON_BYTES;
/// Depth of options, properties and other JSON that a graph keeps for its clients.
pub const MAX_PATCH_DEPTH: usize = 32;
/// A saved node, as JSON, defaults included.
pub const MAX_SAVED_NODE_BYTES: usize = 32 * MIB as usize;
/// Problems of one load that are reported at once.
pub const MAX_LOAD_PROBLEMS: usize = 100;
/// Depth to which a FuncNodes type is followed; what is below takes anything.
pub const MAX_TYPE_DEPTH: usize = 16;
/// Alternatives of one type, at all depths together; a type that has more takes anything.
pub const MAX_TYPE_ALTERNATIVES: usize = 64;
/// Shelves that stand on each other.
pub const MAX_SHELF_DEPTH: usize = 64;
/// Node classes of one library.
pub const MAX_LIBRARY_CLASSES: usize = 100_000;
/// Nodes that are looked at to find out whether a join waits for another branch.
pub const MAX_JOIN_SEARCH: usize = 256;
/// A node whose runs are quicker than this on average tells less of each.
pub const FAST_RUN: Duration = Duration::from_millis(200);
/// Events that are told in one go before another task goes on.
pub const MAX_EVENTS_AT_ONCE: usize = 4_096;
/// Events that wait to be told before runs wait, too.
pub const MAX_EVENTS_WAITING: usize = 16_384;
/// Bytes of a document that are looked at for a preview of it.
pub const MAX_PREVIEW_BYTES: usize = 64 * 1024;
/// Characters of a text that a preview of it shows.
pub const MAX_PREVIEW_TEXT: usize = 1_000;
/// Bytes of a picture in a preview, which is a text: three become four.
pub const MAX_PREVIEW_MEDIA_BYTES: usize = MAX_PREVIEW_BYTES / 4 * 3;
/// The same where a client asks for that one preview alone, as for each that it draws.
pub const MAX_LONE_PREVIEW_MEDIA_BYTES: usize = 512 * 1024;
/// Items of a list that a preview of it shows.
pub const MAX_PREVIEW_ITEMS: usize = 10;
/// Entries of a dictionary that a preview of it shows.
pub const MAX_PREVIEW_ENTRIES: usize = 1_000;
/// Parts of a nested value that a preview of it shows, all together.
pub const MAX_PREVIEW_PARTS: usize = 10_000;
/// Characters of a stranger's word that a line of a log or an error spells out.
pub const MAX_SHOWN_CHARS: usize = 200;
/// Bytes of a value that stand in an error.
pub const MAX_SHOWN_VALUE_BYTES: usize = 100;
/// Levels of a JSON document that is saved or imported: what a message may have, in the node that
/// has it, and to spare.
pub const MAX_SAVED_JSON_DEPTH: usize = 256;
/// Largest state or configuration of a Worker that is read or written.
pub const MAX_STATE_BYTES: u64 = 64 * MIB;
/// Largest archive that is read or written.
pub const MAX_ARCHIVE_BYTES: u64 = 256 * MIB;
/// Members of one archive.
pub const MAX_ARCHIVE_MEMBERS: u64 = 10_000;
/// All that is in one archive, unpacked.
pub const MAX_ARCHIVE_CONTENT_BYTES: u64 = 1024 * MIB;
/// How many times its own size an archive may unpack to, beyond [`ARCHIVE_RATIO_FROM`].
pub const MAX_ARCHIVE_RATIO: u64 = 250;
/// What any archive may unpack to.
pub const ARCHIVE_RATIO_FROM: u64 = 16 * MIB;
/// Bytes of the path of a member.
pub const MAX_ARCHIVE_PATH_BYTES: usize = 1024;
/// Parts of the path of a member.
pub const MAX_ARCHIVE_PATH_DEPTH: usize = 32;
/// Largest manifest of a module.
pub const MAX_MODULE_MANIFEST_BYTES: u64 = 64 * 1024;
/// Characters of a module's name, or of its version.
pub const MAX_MODULE_NAME_BYTES: usize = 64;
/// Components of one module.
pub const MAX_MODULE_COMPONENTS: usize = 256;
/// How long after a commit that failed the next one is tried.
pub const STORE_RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long whatever ends may take where no budget says so: a process that was told to, what an instance says
/// of its end.
pub const CANCEL_GRACE: Duration = Duration::from_secs(1);
/// External workers in one Worker.
pub const MAX_EXTERNALS: usize = 10_000;
/// Node libraries in one Worker: each has an instance.
pub const MAX_LIBRARIES: usize = 64;
/// External workers that start at the same time when a Worker opens.
pub const MAX_STARTS_AT_ONCE: usize = 16;
/// Events that a slow client of a Worker may be behind.
pub const WORKER_EVENT_BACKLOG: usize = 8 * 1024;
/// Lines about one external worker that its people are shown in a minute; the log has all of them.
pub const MAX_NOTICES_PER_MINUTE: u32 = 30;
/// Shelves in shelves that a guest may offer.
pub const MAX_OFFERED_SHELF_DEPTH: usize = 16;
/// Directories in directories that are searched for modules.
pub const MAX_MODULE_DEPTH: usize = 16;
/// Entries of the directory of local workers that are looked at.
pub const MAX_MODULE_FILES: usize = 10_000;
/// A directory is looked at again after this long, for file systems that do not tell of changes.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// A changed directory is looked at when it was quiet for this long: files are written in pieces.
pub const QUIET: Duration = Duration::from_millis(200);

/// Websockets that a server has at once.
pub const MAX_CLIENTS: usize = 256;
/// How long a client may take to send the head of a request.
pub const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest message on a websocket; what is larger goes through `POST /message/`.
pub const MAX_MESSAGE_BYTES: usize = 16 * MIB as usize;
/// Longest message that a websocket reads to its end, to refuse it; a longer one closes it.
pub const MAX_FRAME_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
/// Largest message through `POST /message/`.
pub const MAX_POSTED_BYTES: usize = 64 * MIB as usize;
/// A text message beyond this is fetched by `GET /message/…`: browsers' clients expect it.
pub const LARGE_MESSAGE_BYTES: usize = 950_000;
/// How long a large message can be fetched.
pub const LARGE_MESSAGE_LIFETIME: Duration = Duration::from_secs(60);
/// All large messages that wait to be fetched.
pub const LARGE_MESSAGES_BYTES: usize = 128 * MIB as usize;
/// Requests of one connection that are not answered yet; until one is, no more are read.
pub const MAX_REQUESTS: usize = 1024;
/// Answers that wait to be taken by one client before no more requests are read.
pub const MAX_ANSWERS_BYTES: usize = 16 * MIB as usize;
/// Events that wait to be taken by one client before it loses them and syncs anew.
pub const CLIENT_EVENTS: usize = 4096;
/// The same in bytes. All clients that lag share what they have of the same events.
pub const CLIENT_EVENTS_BYTES: usize = 8 * MIB as usize;
/// How long a client may take nothing before it is closed.
pub const CLIENT_STALL: Duration = Duration::from_secs(30);
/// How fast a client has to take a message that is large.
pub const CLIENT_BYTES_PER_SECOND: u64 = 64 * 1024;
/// Bytes of the id of a request.
pub const MAX_REQUEST_ID_BYTES: usize = 256;
/// How long an answer is kept for a client that repeats its request.
pub const ANSWER_LIFETIME: Duration = Duration::from_secs(300);
/// Answers that are kept of requests that changed something.
pub const KEPT_CHANGES: usize = 16_384;
/// Answers that are kept of requests that only read.
pub const KEPT_READS: usize = 4_096;
/// Bytes of answers that are kept, of each of the two kinds.
pub const KEPT_ANSWERS_BYTES: usize = 16 * MIB as usize;
/// Largest upload.
pub const MAX_UPLOAD_BYTES: usize = 256 * MIB as usize;
/// All uploads that a Worker keeps.
pub const MAX_UPLOADS_BYTES: u64 = 8 * 1024 * MIB;
/// Files of one upload.
pub const MAX_UPLOAD_FILES: usize = 1_000;
/// Bytes of the path of an uploaded file, and of each of its parts.
pub const MAX_UPLOAD_PATH_BYTES: usize = 1024;
/// Parts of that path that are looked at when the uploads are summed up.
pub const MAX_UPLOAD_DEPTH: usize = 512;
/// Bytes of one part of that path.
pub const MAX_UPLOAD_NAME_BYTES: usize = 255;
/// Text of a value that is shown while nobody asked for all of it.
pub const PREVIEW_TEXT_CHARS: usize = 1000;
/// Bytes of a value that are sent while nobody asked for all of it.
pub const PREVIEW_BYTES: usize = 4 * MIB as usize;
/// Bytes of a picture that is sent when it is new; of a larger one only what it is.
pub const PREVIEW_MEDIA_BYTES: usize = 4 * MIB as usize;
/// Shortest token: whoever guesses it owns the Worker.
pub const MIN_TOKEN_BYTES: usize = 16;
/// Longest token.
pub const MAX_TOKEN_BYTES: usize = 256;
/// How long a server takes to stop what runs.
pub const CLOSE_DEADLINE: Duration = Duration::from_secs(10);
/// How long clients may take to hear that the server ends.
pub const GOODBYE_DEADLINE: Duration = Duration::from_secs(2);
/// Longest wait for one turn of a loop that is hurried.
pub const TURN_PATIENCE: Duration = Duration::from_secs(3);
/// Lines and folders that are simulated for one component because a configuration names them, and lines that are
/// because it opens them.
pub const MAX_SIMULATED_DEVICES: usize = 16;
/// Connections to a simulated server at once.
pub const MAX_SIMULATED_CONNECTIONS: usize = 64;
/// What a worker may write into a simulated folder.
pub const SIMULATED_FOLDER_QUOTA: ByteSize = ByteSize::mib(16);
/// Tenants of one host.
pub const MAX_TENANTS: usize = 256;
/// Bytes of a tenant's name.
pub const MAX_TENANT_NAME_BYTES: usize = 64;
/// Largest tenants file that is parsed.
pub const MAX_TENANTS_FILE_BYTES: u64 = MIB;
/// The least memory that the process of a tenant may be limited to.
pub const MIN_TENANT_MEMORY: ByteSize = ByteSize::mib(256);
/// File descriptors of the process of a tenant.
pub const MAX_TENANT_FILES: u64 = 65_536;
/// Bytes of what the process of a tenant says in a second; after them it has to wait.
pub const TENANT_LOG_BYTES_PER_SECOND: usize = 256 * 1024;
/// The process of a tenant says no more than one thing in this time; what is said before has to wait.
pub const TENANT_MESSAGES_EVERY: Duration = Duration::from_millis(10);
/// Things that happened in the process of a tenant and wait to be said, as audit records of 7 KiB at most; more are
/// counted.
pub const MAX_TENANT_REPORTS: usize = 512;
/// How often it is said what external workers did and use.
pub const USAGE_EVERY: Duration = Duration::from_secs(5);
/// External workers of which that is said at once: one takes 600 bytes and two names, of [`MAX_NAME_BYTES`] each.
pub const USAGE_AT_ONCE: usize = 6;
/// Bytes of one such thing: an order with its budget has less than one KiB.
pub const MAX_TENANT_MESSAGE_BYTES: usize = 8 * 1024;
/// Keys of one tenant that its process is told of.
pub const MAX_KEYS: usize = 256;
/// Keys that it is told of at once: one takes 350 bytes as JSON, and less than twice of that with the longest name.
pub const KEYS_AT_ONCE: usize = 8;
/// What a tenant may have ordered at once: twice what it gets, since it is done with one before it is heard that it
/// is.
pub const MAX_TENANT_ORDERS: usize = 2 * (PREPARES_AT_ONCE + 1);
/// How long calls that run may take to end when their Worker closes, before the guest saves what it wants to keep.
pub const CALLS_MAY_END: Duration = Duration::from_millis(500);
/// How long the process of a tenant may take to end well; all that it does has deadlines below.
pub const TENANT_STOP_DEADLINE: Duration = Duration::from_secs(30);

/// What becomes of a node that declares a longer time for its calls than the policy's cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AboveCap {
    /// Its calls get the cap.
    #[default]
    Cut,
    /// The component is refused.
    Refuse,
}

/// What one instance may use. Every field has a default; a policy overrides it under `[budget]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Everything the instance makes the host hold, summed: memories, tables, buffers, handles.
    /// A size such as "64 MiB".
    #[serde(serialize_with = "write_size")]
    #[schemars(with = "Size")]
    pub memory: ByteSize,
    /// Cores that the instance may use on average; one that uses more is throttled.
    #[schemars(range(min = 0.01, max = 64.0))]
    pub cpu_share: f64,
    /// CPU time, in milliseconds, that the instance may use ahead of its share.
    #[schemars(range(min = 10))]
    pub cpu_burst_ms: u64,
    /// CPU time, in milliseconds, without finishing a turn or a call, that ends the instance.
    #[schemars(range(min = 10))]
    pub cpu_spin_ms: u64,
    /// Time for `start`, in milliseconds.
    #[schemars(range(min = 1))]
    pub start_deadline_ms: u64,
    /// Time for one call of a node that declares no other, in milliseconds.
    #[schemars(range(min = 1))]
    pub call_deadline_ms: u64,
    /// Longest time that a node may declare for its calls, in milliseconds.
    #[schemars(range(min = 1))]
    pub call_deadline_cap_ms: u64,
    /// What becomes of a node that declares more than the cap.
    pub above_cap: AboveCap,
    /// Time for a call that is cancelled to clean up and end, in milliseconds; afterwards the instance ends.
    #[schemars(range(min = 1))]
    pub cancel_grace_ms: u64,
    /// Time for `update-config`, in milliseconds.
    #[schemars(range(min = 1))]
    pub config_deadline_ms: u64,
    /// Time for `stop`, in milliseconds; afterwards the instance is dropped.
    #[schemars(range(min = 1))]
    pub stop_deadline_ms: u64,
    /// Time for `save` and for `restore`, in milliseconds each.
    #[schemars(range(min = 1))]
    pub state_deadline_ms: u64,
    /// Open handles: files, streams, ports, requests, nodes.
    pub handles: u32,
    /// Open sockets, of all kinds.
    pub sockets: u32,
    /// Calls that run at once; further ones answer `busy`.
    #[schemars(range(min = 1))]
    pub calls: u32,
    /// Commands that wait for the instance; further ones answer `busy`.
    #[schemars(range(min = 1))]
    pub mailbox: u32,
    /// All inputs or all outputs of one call, together.
    #[serde(serialize_with = "write_size")]
    #[schemars(with = "Size")]
    pub value_size: ByteSize,
    /// The state that `save` returns. The host holds it while the instance starts again; it counts
    /// towards nothing else.
    #[serde(serialize_with = "write_size")]
    #[schemars(with = "Size")]
    pub state_size: ByteSize,
    /// Log lines per second; further ones are dropped and counted.
    pub log_lines_per_second: u32,
    /// Bytes of log per second.
    #[serde(serialize_with = "write_size")]
    #[schemars(with = "Size")]
    pub log_bytes_per_second: ByteSize,
    /// Events and node changes per second; further ones answer `busy`.
    pub events_per_second: u32,
    /// Bytes of events and node changes per second; further ones answer `busy`.
    #[serde(serialize_with = "write_size")]
    #[schemars(with = "Size")]
    pub event_bytes_per_second: ByteSize,
    /// Data of one event.
    #[serde(serialize_with = "write_size")]
    #[schemars(with = "Size")]
    pub event_size: ByteSize,
    /// Times that an instance is started again after it trapped, before it stays down.
    pub restarts: u32,
}

impl Budget {
    /// The longest that a call may take of a node that declares so many milliseconds, or nothing.
    pub fn call_limit(&self, declared: Option<u32>) -> Duration {
        Duration::from_millis(declared.map_or(self.call_deadline_ms, |declared| {
            u64::from(declared).min(self.call_deadline_cap_ms)
        }))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            cpu_share: 0.5,
            cpu_burst_ms: 2_000,
            cpu_spin_ms: 5_000,
            start_deadline_ms: 10_000,
            call_deadline_ms: 30_000,
            call_deadline_cap_ms: 600_000,
            above_cap: AboveCap::Cut,
            cancel_grace_ms: 1_000,
            config_deadline_ms: 5_000,
            stop_deadline_ms: 5_000,
            state_deadline_ms: 5_000,
            handles: 256,
            sockets: 16,
            calls: 64,
            mailbox: 256,
            value_size: ByteSize::mib(16),
            state_size: ByteSize::mib(16),
            log_lines_per_second: 100,
            log_bytes_per_second: ByteSize::kib(64),
            events_per_second: 50,
            event_bytes_per_second: ByteSize::mib(1),
            event_size: ByteSize::kib(64),
            restarts: 3,
        }
    }
}

/// Writes a size so that it is read as the same: the type's own way rounds it.
pub(crate) fn write_size<S: Serializer>(size: &ByteSize, serializer: S) -> Result<S::Ok, S::Error> {
    const KIB: u64 = 1024;
    let bytes = size.as_u64();
    match i64::try_from(bytes) {
        _ if bytes.is_multiple_of(MIB) => {
            serializer.collect_str(&format_args!("{} MiB", bytes / MIB))
        }
        _ if bytes.is_multiple_of(KIB) => {
            serializer.collect_str(&format_args!("{} KiB", bytes / KIB))
        }
        Ok(bytes) => serializer.serialize_i64(bytes),
        Err(_) => serializer.collect_str(&format_args!("{bytes} B")),
    }
}

/// How a size is written in a policy: `"64 MiB"`, `"10 kB"`, or a number of bytes.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "describes ByteSize to the JSON Schema")]
pub(crate) enum Size {
    /// A number of bytes.
    Bytes(u64),
    /// A number and a unit.
    Text(String),
}
