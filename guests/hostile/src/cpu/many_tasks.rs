//! Waits for a hundred thousand things at once.

use std::future::poll_fn;
use std::task::Poll;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut naps: Vec<_> = (0..100_000).map(|_| Box::pin(hours())).collect();
        poll_fn(|cx| {
            for nap in &mut naps {
                let _ = nap.as_mut().poll(cx);
            }
            Poll::<()>::Pending
        })
        .await;
        Ok(String::new())
    }
}
