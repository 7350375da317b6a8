//! Serial lines with simulated devices at their far ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::Answers;
use crate::engine::NoLine;
use crate::executor::Executor;

/// Most bytes that are on their way in one direction.
const BUFFER: usize = 64 * 1024;
/// Most bytes that are heard at once.
const CHUNK: usize = 4096;

/// The lines of one simulation, by name.
#[derive(Debug)]
pub(super) struct Lines(BTreeMap<String, Arc<Mutex<Far>>>);

/// What is at the far end.
#[derive(Debug)]
enum Far {
    /// A device that nobody talks to.
    Waits(Answers),
    /// One that somebody talks to.
    Talks,
    /// None any more.
    HungUp,
}

impl Lines {
    pub(super) fn new(
        names: impl IntoIterator<Item = String>,
        answers: impl Fn() -> Answers,
    ) -> Self {
        let far = || Arc::new(Mutex::new(Far::Waits(answers())));
        Self(names.into_iter().map(|name| (name, far())).collect())
    }

    /// Not one.
    pub(super) fn none() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let is_there = |far: &Arc<Mutex<Far>>| !matches!(*locked(far), Far::HungUp);
        self.0.get(name).is_some_and(is_there)
    }

    /// The near end of the line `name`.
    pub(super) fn open(&self, name: &str, executor: &Executor) -> Result<DuplexStream, NoLine> {
        let far = self.0.get(name).ok_or(NoLine::NotFound)?;
        let answers = {
            let mut far = locked(far);
            match std::mem::replace(&mut *far, Far::Talks) {
                Far::Waits(answers) => answers,
                Far::Talks => return Err(NoLine::Busy),
                Far::HungUp => {
                    *far = Far::HungUp;
                    return Err(NoLine::NotFound);
                }
            }
        };
        let (near, stream) = tokio::io::duplex(BUFFER);
        let far = Arc::clone(far);
        drop(executor.spawn(async move {
            let left = converse(stream, answers).await;
            *locked(&far) = left;
        }));
        Ok(near)
    }
}

fn locked(far: &Mutex<Far>) -> std::sync::MutexGuard<'_, Far> {
    far.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers until the port is closed, or the device hangs up.
async fn converse(mut stream: DuplexStream, mut answers: Answers) -> Far {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = stream.read(&mut chunk).await.unwrap_or(0);
        let heard = chunk.get(..length).unwrap_or_default();
        if heard.is_empty() {
            return Far::Waits(answers);
        }
        let Some(said) = answers.to(heard) else {
            return Far::HungUp;
        };
        if stream.write_all(&said).await.is_err() {
            return Far::Waits(answers);
        }
    }
}
