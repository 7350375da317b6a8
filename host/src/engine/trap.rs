//! What a trap says to a person: why, and where in the guest.

use std::fmt;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasmtime::{FrameInfo, FrameSymbol, WasmBacktrace};

use crate::{limits, text};

/// How the paths of libraries begin where `ewh build` built them.
const LIBRARIES: [&str; 5] = ["/rust/", "/crates/", "/cargo/", "/dependency/", "/target/"];
/// What is in the paths of libraries that something else built.
const FOREIGN: [&str; 3] = ["/rustc/", "/registry/src/", "/library/std/"];
/// What `ewh build` makes of the directory of the worker's workspace.
pub const WORKER: &str = "/worker/";

/// What wasmtime says, in an error whose type it keeps to itself, when a guest hands over more at once than it
/// may. That is looked at while it is copied, before anybody can count values.
const TOO_MUCH_AT_ONCE: &str = "fuel allocated for hostcalls has been exhausted";

/// The engine, or what the host does for a guest, panicked while the guest ran. What it said is in the host's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host failed; its log says why")]
pub(crate) struct Broken;

/// Runs `future`, which runs a guest. A panic ends this guest alone, and whoever waits for the guest hears of it.
///
/// # Errors
/// [`Broken`] when it panicked.
pub(crate) async fn contained<F: Future>(future: F) -> Result<F::Output, Broken> {
    let outcome = AssertUnwindSafe(future).catch_unwind().await;
    outcome.map_err(|_told_by_the_hook| Broken)
}

/// What a trap says: its root, without the frames.
pub fn trap_text(error: &wasmtime::Error) -> String {
    // With debug assertions it is a panic: a fault of the engine's, and where that lies.
    if let Some(bug) = error.downcast_ref::<wasmtime::WasmtimeBug>() {
        tracing::error!("{bug}");
        return Broken.to_string();
    }
    let root = error.root_cause().to_string();
    if root.ends_with(TOO_MUCH_AT_ONCE) {
        return "it handed over more at once than the budget `value-size` allows, or `state-size` for a \
                state; hand over less, or raise it in the policy"
            .to_owned();
    }
    text::clean_line(&root, limits::MAX_TEXT_BYTES)
}

/// Where a guest trapped, in the words of its own debug information, which nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapPlace {
    /// The function, such as `my_worker::read`.
    pub function: Option<String>,
    /// The line of its source.
    pub source: Option<SourceLine>,
}

/// A line of a guest's source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceLine {
    /// The file, as the guest's compiler was told to call it; without the directory `/worker` of
    /// `ewh build`.
    pub file: String,
    /// From 1.
    pub line: u32,
}

impl TrapPlace {
    /// The innermost frame that is in the worker's own source; without debug information the innermost
    /// one that has a name.
    pub(super) fn of(error: &wasmtime::Error) -> Option<Self> {
        let frames = error.downcast_ref::<WasmBacktrace>()?.frames();
        let own = frames
            .iter()
            .flat_map(FrameInfo::symbols)
            .find_map(Self::in_source);
        own.or_else(|| {
            let name = frames.iter().find_map(FrameInfo::func_name)?;
            Some(Self {
                function: Some(demangled(name)),
                source: None,
            })
        })
    }

    fn in_source(symbol: &FrameSymbol) -> Option<Self> {
        let (file, line) = (symbol.file()?, symbol.line()?);
        let file = cleaned(own(file)?);
        Some(Self {
            function: symbol.name().map(demangled),
            source: Some(SourceLine { file, line }),
        })
    }
}

impl fmt::Display for TrapPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, &self.function) {
            (Some(source), Some(function)) => write!(f, "at {source}, in {function}"),
            (Some(source), None) => write!(f, "at {source}"),
            (None, Some(function)) => write!(f, "in {function}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A file of the worker's own, from its workspace on; `None`: it is a library's.
fn own(file: &str) -> Option<&str> {
    if let Some(own) = file.strip_prefix(WORKER) {
        return Some(own);
    }
    let is_library = LIBRARIES.iter().any(|begin| file.starts_with(begin))
        || FOREIGN.iter().any(|part| file.contains(part));
    (!is_library).then_some(file)
}

/// Without the hash that tells two compilations of it apart.
fn demangled(name: &str) -> String {
    cleaned(&format!("{:#}", rustc_demangle::demangle(name)))
}

fn cleaned(name: &str) -> String {
    text::clean_line(name, limits::MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_ends_nothing_else() {
        assert_eq!(contained(async { 1 }).await, Ok(1));
        let breaks = async { [0; 1].into_iter().nth(1).unwrap() };
        assert_eq!(contained(breaks).await, Err::<i32, _>(Broken));
    }

    #[test]
    fn libraries_are_not_the_workers_own_source() {
        assert_eq!(own("/worker/src/lib.rs"), Some("src/lib.rs"));
        assert_eq!(own("/worker/crates/a.rs"), Some("crates/a.rs"));
        assert_eq!(own("src/lib.rs"), Some("src/lib.rs"));
        for library in [
            "/rustc/0123/library/core/src/panicking.rs",
            "/rust/library/std/src/sys/pal/wasip2/mod.rs",
            "/crates/serde-1.0.0/src/lib.rs",
            "/somebody/.cargo/registry/src/index-1/serde-1.0.0/src/lib.rs",
        ] {
            assert_eq!(own(library), None);
        }
    }

    /// That wasmtime still says so is held by the rows of the hostile table that hand over too much.
    #[test]
    fn who_hands_over_too_much_reads_what_allows_more() {
        let trap = "too much data is being copied between the host and the guest: fuel allocated for \
                    hostcalls has been exhausted";
        let said = trap_text(&wasmtime::Error::msg(trap).context("in a call"));
        assert!(said.contains("`value-size`"), "{said}");
        let other = trap_text(&wasmtime::Error::msg("\u{1b}other"));
        assert_eq!(other, "\u{fffd}other");
    }

    #[test]
    fn a_place_says_what_is_known_and_cannot_steer_a_terminal() {
        let source = Some(SourceLine {
            file: "src/lib.rs".to_owned(),
            line: 7,
        });
        let function = Some(demangled("_ZN4demo4read17h0123456789abcdefE"));
        let place = |function: &Option<String>, source: &Option<SourceLine>| TrapPlace {
            function: function.clone(),
            source: source.clone(),
        };
        let whole = place(&function, &source).to_string();
        assert_eq!(whole, "at src/lib.rs:7, in demo::read");
        assert_eq!(place(&None, &source).to_string(), "at src/lib.rs:7");
        assert_eq!(place(&function, &None).to_string(), "in demo::read");
        assert_eq!(demangled("\u{1b}[2J"), "\u{fffd}[2J");
    }
}
