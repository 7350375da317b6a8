//! Lines on the host's log.

use crate::bindings::exports::funcnodes::external_worker::worker::Guest;
use crate::host::take_asked;
use crate::prelude::*;

#[derive(Default)]
struct Logging;

#[external_worker(id = "logging")]
impl Logging {}

#[test]
fn both_facades_reach_the_host() {
    super::One::<Logging>::describe();
    take_asked();
    log::warn!("{} lines", 2);
    log::trace!("too fine");
    tracing::info!(celsius = 21.5, port = "A", "read");
    tracing::info_span!("turn", n = 1).in_scope(|| tracing::error!("failed"));
    tracing::trace!("too fine");
    assert_eq!(
        take_asked(),
        [
            r#"log(Level::Warn, "2 lines")"#,
            r#"log(Level::Info, "read celsius=21.5 port=\"A\"")"#,
            r#"log(Level::Error, "turn n=1: failed")"#,
        ]
    );
}
