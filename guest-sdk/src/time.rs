//! Waiting.

use std::time::Duration;

use crate::context::millis;
use crate::host;

/// Waits without keeping the worker from other work. It needs no grant.
///
/// ```
/// use external_worker::prelude::*;
/// use std::time::Duration;
///
/// async fn blink(lamp: &State<bool>) {
///     lamp.update(|on| *on = !*on);
///     sleep(Duration::from_millis(500)).await;
///     lamp.update(|on| *on = !*on);
/// }
/// ```
pub async fn sleep(duration: Duration) {
    host::sleep(millis(duration)).await;
}
