//! Waiting, and not waiting too long.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::context::millis;
use crate::error::{Error, Result};
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

/// Ends `work` with the code `unavailable` when it is not done in time. What it waits for is
/// cancelled; it needs no grant.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::{tcp::TcpStream, timeout};
/// use std::time::Duration;
///
/// async fn greet(peer: &TcpStream) -> Result<Vec<u8>> {
///     peer.write_all(b"HELLO\r\n").await?;
///     timeout(Duration::from_secs(2), peer.read_until(b'\n', 1024)).await
/// }
/// ```
pub async fn timeout<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    let mut clock = pin!(sleep(limit));
    poll_fn(|cx| {
        if let Poll::Ready(result) = work.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        clock.as_mut().poll(cx).map(|()| {
            Err(Error::unavailable(format!(
                "nothing came of it within {limit:?}"
            )))
        })
    })
    .await
}

/// The outcome of `main`, with `side` going on as long as it lasts and is needed.
pub(crate) async fn alongside<T>(
    main: impl Future<Output = T>,
    side: impl Future<Output = ()>,
) -> T {
    let mut main = pin!(main);
    let mut side = pin!(Some(side));
    poll_fn(|cx| {
        if let Some(running) = side.as_mut().as_pin_mut()
            && running.poll(cx).is_ready()
        {
            side.set(None);
        }
        main.as_mut().poll(cx)
    })
    .await
}
