//! What is tried with bytes of strangers: one function for each place of the host that reads some.
//!
//! They state what holds for any bytes, beyond that nothing panics: what is taken can be written and
//! read again as the same, what is refused is refused with a clean and bounded sentence, no limit is
//! passed. libFuzzer looks for bytes that break it (`tests/fuzz/run`), and every `cargo test` tries
//! the corpus with mutations of it (`tests/all/fuzz.rs`). Both call what is here.

mod component;
mod config;
mod description;
mod import;
mod manifest;
mod messages;
mod policy;
mod serial;
mod server;
mod values;

use std::sync::OnceLock;

use external_worker_host::executor::Executor;
use external_worker_host::text;
use tokio::runtime::Runtime;

pub use component::component;
pub use config::config;
pub use description::description;
pub use import::import;
pub use manifest::manifest;
pub use messages::messages;
pub use policy::policy;
pub use serial::serial;
pub use server::server;
pub use values::values;

/// A target.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const ALL: [(&str, Target); 10] = [
    ("component", component),
    ("config", config),
    ("description", description),
    ("import", import),
    ("manifest", manifest),
    ("messages", messages),
    ("policy", policy),
    ("serial", serial),
    ("server", server),
    ("values", values),
];

/// A sentence that a person reads: of at most `limit` bytes, and nothing in it moves a cursor.
#[track_caller]
fn readable(sentence: &str, limit: usize) {
    assert!(sentence.len() <= limit, "{} bytes", sentence.len());
    assert_eq!(text::clean(sentence, limit), sentence);
}

/// [`readable`], and one line.
#[track_caller]
fn readable_line(sentence: &str, limit: usize) {
    readable(sentence, limit);
    assert!(!sentence.contains('\n'), "{sentence:?}");
}

/// What graphs run on.
fn threads() -> Executor {
    static THREADS: OnceLock<Executor> = OnceLock::new();
    let start = || Executor::start(Some(2), || {}).unwrap();
    THREADS.get_or_init(start).clone()
}

/// What asynchronous parts of the host run on.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap()
    })
}

/// The part before the first line that is `--`, and the parts after it.
fn parts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        const BREAK: &[u8] = b"\n--\n";
        let all = rest.take()?;
        let at = all.windows(BREAK.len()).position(|part| part == BREAK);
        let Some(at) = at else { return Some(all) };
        rest = Some(&all[at + BREAK.len()..]);
        Some(&all[..at])
    })
}

/// Bytes that are read as what is needed; what is missing is zero or empty.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// As many bytes as the next one says.
    fn bytes(&mut self) -> &[u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn some<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| read(self))
    }

    fn list<T>(&mut self, most: u8, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.byte() % (most + 1);
        (0..count).map(|_| read(self)).collect()
    }
}
