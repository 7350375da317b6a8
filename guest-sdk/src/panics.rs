//! A panic's message and place, for the host, before the trap swallows them.

use std::panic::{PanicHookInfo, set_hook};
use std::sync::Once;

use crate::host;

/// Before the first code of the author runs.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    // On the author's own machine the default hook tells more, with the test's name.
    if cfg!(target_family = "wasm") {
        ONCE.call_once(|| set_hook(Box::new(|info| host::panicked(&describe(info)))));
    }
}

/// "message, at src/lib.rs:12:5"
fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    match info.location() {
        Some(place) => {
            format!(
                "{message}, at {}:{}:{}",
                place.file(),
                place.line(),
                place.column()
            )
        }
        None => message.to_owned(),
    }
}
