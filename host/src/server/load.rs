//! What a request costs from when it came until it is done: its bytes, and what they are as JSON, which
//! may be a hundred times as much.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::arrival::{Arrival, Late};
use crate::json::cost;
use crate::limits;

/// In what small messages are counted.
const UNIT_BYTES: usize = 1024;

/// What a request costs, given back when it is dropped.
#[derive(Debug)]
pub struct Load {
    _small: Option<OwnedSemaphorePermit>,
    _large: Option<Arrival>,
}

/// What one client may have of small messages.
pub fn small() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(limits::MAX_UNANSWERED_BYTES / UNIT_BYTES))
}

impl Load {
    /// Takes what `text` costs: of the client's own when it is small, else of what there is for all.
    ///
    /// # Errors
    /// A sentence: it is too much.
    pub async fn of(text: &str, arrival: Arrival, small: &Arc<Semaphore>) -> Result<Self, String> {
        let cost = cost(text.as_bytes());
        if cost > limits::SMALL_MESSAGE_BYTES {
            return Self::large(cost, arrival);
        }
        drop(arrival);
        let units = u32::try_from(cost / UNIT_BYTES + 1).unwrap_or(u32::MAX);
        Ok(Self {
            _small: Arc::clone(small).acquire_many_owned(units).await.ok(),
            _large: None,
        })
    }

    /// Takes what `text` costs of what there is for all.
    ///
    /// # Errors
    /// A sentence: it is too much.
    pub fn of_posted(text: &str, arrival: Arrival) -> Result<Self, String> {
        Self::large(cost(text.as_bytes()), arrival)
    }

    fn large(cost: usize, mut arrival: Arrival) -> Result<Self, String> {
        if cost > limits::MAX_MESSAGE_COST {
            return Err(
                "the message has too many parts to be read; send fewer at a time".to_owned(),
            );
        }
        arrival.set_whole();
        let held = arrival.hold(cost);
        held.map_err(|late: Late| format!("the message is refused: {late}"))?;
        Ok(Self {
            _small: None,
            _large: Some(arrival),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrival::Arrivals;
    use super::*;

    #[tokio::test]
    async fn a_client_has_so_much_of_small_messages_and_large_ones_are_counted_for_all() {
        let arrivals = Arc::<Arrivals>::default();
        let small = small();
        let text = format!("\"{}\"", "x".repeat(60_000));
        let mut loads = Vec::new();
        for _ in 0..limits::MAX_UNANSWERED_BYTES / 60_000 - 2 {
            loads.push(Load::of(&text, arrivals.begin(), &small).await.unwrap());
        }
        loads.push(Load::of(&text, arrivals.begin(), &small).await.unwrap());
        let mut next = std::pin::pin!(async {
            for _ in 0..3 {
                let load = Load::of(&text, arrivals.begin(), &small).await;
                std::mem::forget(load.unwrap());
            }
        });
        assert!(futures_util::poll!(next.as_mut()).is_pending());
        loads.clear();
        next.await;
        let bomb = r#"{"":0},"#.repeat(limits::MAX_MESSAGE_COST / 600);
        let refused = Load::of(&bomb, arrivals.begin(), &small).await;
        assert!(refused.unwrap_err().contains("too many parts"));
        let large = r#"{"":0},"#.repeat(200_000);
        let held = || {
            (0..)
                .map_while(|_| Load::of_posted(&large, arrivals.begin()).ok())
                .collect::<Vec<_>>()
        };
        let first = held();
        assert_eq!(first.len(), 1);
        drop(first);
        assert!(!held().is_empty());
    }
}
