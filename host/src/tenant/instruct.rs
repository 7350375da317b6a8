//! What who keeps the process of a tenant says to it, on the channel on which it says itself what it wants: who may come
//! in, and what is asked. Who keeps it is believed. What it says is bounded all the same, since a message is one packet: what is longer is
//! several, and none of it counts before all of it is there.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use external_worker_control::token::Key;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::channel::Hears;
use crate::limits;

// Its process is told of all who may come in.
const _: () = assert!(external_worker_control::limits::MAX_TOKENS <= limits::MAX_KEYS);

/// What is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instruction {
    /// Who may come in, and nobody else who has a key.
    LetIn {
        /// Whether these are the first, and those of an earlier list that did not end are to be forgotten.
        first: bool,
        /// Whether the list ends with these.
        last: bool,
        /// These.
        keys: Vec<Key>,
    },
    /// Which secrets the tenant has, and no others: they come on the stream of which one end is with this
    /// ([`super::secrets`]).
    Secrets,
    /// What an operator asks: it comes on the stream of which one end is with this, and the answer goes there.
    Ask,
}

/// Keys that come one part after the other.
#[derive(Debug, Default)]
pub struct Gathered(Vec<Key>);

impl Gathered {
    /// Adds some; all of them when these are the last.
    pub fn add(&mut self, first: bool, last: bool, keys: Vec<Key>) -> Option<Vec<Key>> {
        if first {
            self.0.clear();
        }
        self.0.extend(keys);
        self.0.truncate(limits::MAX_KEYS);
        last.then(|| std::mem::take(&mut self.0))
    }
}

impl Hears {
    /// Says who may come in.
    ///
    /// # Errors
    /// When the process cannot be told.
    pub async fn let_in(&self, keys: &[Key]) -> io::Result<()> {
        if keys.len() > limits::MAX_KEYS {
            let (all, most) = (keys.len(), limits::MAX_KEYS);
            tracing::error!("a tenant has {all} keys: its process is told of {most}");
        }
        let mut rest = keys.get(..limits::MAX_KEYS).unwrap_or(keys);
        let mut first = true;
        loop {
            let (keys, after) = rest.split_at(rest.len().min(limits::KEYS_AT_ONCE));
            let (last, keys) = (after.is_empty(), keys.to_vec());
            self.tell(&Instruction::LetIn { first, last, keys }).await?;
            if last {
                return Ok(());
            }
            (first, rest) = (false, after);
        }
    }

    /// Says who may come in, and says it again whenever that changes.
    pub(super) async fn keep_let_in(
        &self,
        keys: Option<watch::Receiver<Arc<[Key]>>>,
    ) -> Infallible {
        if let Some(mut keys) = keys {
            loop {
                let now = Arc::clone(&keys.borrow_and_update());
                if let Err(error) = self.let_in(&now).await {
                    untold("who may come in", &error);
                }
                if keys.changed().await.is_err() {
                    break;
                }
            }
        }
        std::future::pending().await
    }
}

/// Tells people that the process of a tenant was not told something. One that is ending is told of elsewhere.
pub(super) fn untold(what: &str, error: &io::Error) {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected};
    let problem = format!("the process of a tenant is not told {what}: {error}");
    match error.kind() {
        BrokenPipe | ConnectionRefused | ConnectionReset | NotConnected => {
            tracing::debug!("{problem}");
        }
        _ => tracing::error!("{problem}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use external_worker_control::Role;
    use external_worker_control::token::make;
    use tokio::time::timeout;

    use super::*;
    use crate::tenant::channel::Speaks;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn keys(count: usize) -> Arc<[Key]> {
        let tenant = "t".repeat(limits::MAX_TENANT_NAME_BYTES);
        let lasting = Some(Duration::from_secs(1 << 40));
        let key = || make(Role::Operator, Some(&tenant), lasting, SystemTime::now());
        (0..count).map(|_| key().unwrap().1).collect()
    }

    async fn heard(speaks: &Speaks) -> Vec<Key> {
        let mut gathered = Gathered::default();
        loop {
            let next = timeout(PATIENCE, speaks.next()).await.unwrap();
            let Instruction::LetIn { first, last, keys } = next.unwrap().0 else {
                panic!("it is a list");
            };
            if let Some(all) = gathered.add(first, last, keys) {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn all_keys_are_told_of_at_the_start_and_whenever_they_change() {
        let (hears, given) = Hears::pair().unwrap();
        let speaks = Speaks::adopt(given).unwrap();
        let all = keys(limits::MAX_KEYS);
        let (sender, receiver) = watch::channel(Arc::clone(&all));
        let told = tokio::spawn(async move { hears.keep_let_in(Some(receiver)).await });
        assert_eq!(heard(&speaks).await, *all);
        for count in [0, 1, limits::KEYS_AT_ONCE, limits::KEYS_AT_ONCE + 1] {
            let fewer: Arc<[Key]> = all[..count].into();
            sender.send_replace(Arc::clone(&fewer));
            assert_eq!(heard(&speaks).await, *fewer, "{count}");
        }
        sender.send_replace(keys(limits::MAX_KEYS + 1));
        assert_eq!(heard(&speaks).await.len(), limits::MAX_KEYS);
        told.abort();
    }

    #[test]
    fn a_list_that_did_not_end_is_forgotten_and_none_grows_without_end() {
        let mut gathered = Gathered::default();
        let [a, b] = [keys(1), keys(1)].map(|keys| keys.to_vec());
        assert_eq!(gathered.add(true, false, a), None);
        assert_eq!(gathered.add(true, true, b.clone()), Some(b.clone()));
        for _ in 0..2 * limits::MAX_KEYS {
            assert_eq!(gathered.add(false, false, b.clone()), None);
        }
        assert_eq!(
            gathered.add(false, true, b).unwrap().len(),
            limits::MAX_KEYS
        );
    }
}
