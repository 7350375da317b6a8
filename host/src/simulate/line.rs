//! Serial lines with simulated devices at their far ends, which are there by whatever name one asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::{Answers, Behaviour};
use crate::engine::NoLine;
use crate::executor::Executor;
use crate::limits;

/// Most bytes that are on their way in one direction.
const BUFFER: usize = 64 * 1024;
/// Most bytes that are heard at once.
const CHUNK: usize = 4096;

/// The lines of one simulation, by name.
#[derive(Debug)]
pub(super) struct Lines {
    all: Mutex<BTreeMap<String, Arc<Mutex<Far>>>>,
    /// How many there may be.
    most: usize,
    /// How devices answer, and what their chance begins with; `None`: there are none.
    answers: Option<(Behaviour, u64)>,
}

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
    /// Those of these `names`, and of others as they are asked for.
    pub(super) fn new(
        names: impl IntoIterator<Item = String>,
        behaviour: Behaviour,
        seed: u64,
    ) -> Self {
        let names = names.into_iter();
        let all: BTreeMap<_, _> = names.map(|name| (name, waiting(behaviour, seed))).collect();
        Self {
            most: all.len().saturating_add(limits::MAX_SIMULATED_DEVICES),
            all: Mutex::new(all),
            answers: Some((behaviour, seed)),
        }
    }

    /// Not one.
    pub(super) fn none() -> Self {
        Self {
            all: Mutex::default(),
            most: 0,
            answers: None,
        }
    }

    /// Whether there is, or was, a line of this name, which is made if there is room for one more.
    pub(super) fn makes(&self, name: &str) -> bool {
        let Some((behaviour, seed)) = self.answers else {
            return false;
        };
        let mut all = locked(&self.all);
        if all.contains_key(name) {
            return true;
        }
        let is_name = !name.is_empty() && name.len() <= limits::MAX_NAME_BYTES;
        let has_room = is_name && all.len() < self.most;
        if has_room {
            all.insert(name.to_owned(), waiting(behaviour, seed));
        }
        has_room
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let is_there = |far: &Arc<Mutex<Far>>| !matches!(*locked(far), Far::HungUp);
        locked(&self.all).get(name).is_some_and(is_there)
    }

    /// The near end of the line `name`.
    pub(super) fn open(&self, name: &str, executor: &Executor) -> Result<DuplexStream, NoLine> {
        let far = locked(&self.all).get(name).cloned();
        let far = far.ok_or(NoLine::NotFound)?;
        let answers = {
            let mut far = locked(&far);
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
        drop(executor.spawn(async move {
            let left = converse(stream, answers).await;
            *locked(&far) = left;
        }));
        Ok(near)
    }
}

fn waiting(behaviour: Behaviour, seed: u64) -> Arc<Mutex<Far>> {
    Arc::new(Mutex::new(Far::Waits(Answers::new(behaviour, seed))))
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_by_any_name_while_there_is_room() {
        let lines = Lines::new(["meter".to_owned()], Behaviour::Echo, 0);
        assert!(lines.makes("meter"));
        let long = "x".repeat(limits::MAX_NAME_BYTES + 1);
        for wrong in ["", &long] {
            assert!(!lines.makes(wrong));
            assert!(!lines.has(wrong));
        }
        for at in 0..limits::MAX_SIMULATED_DEVICES {
            assert!(!lines.has(&format!("port{at}")));
            assert!(lines.makes(&format!("port{at}")));
            assert!(lines.has(&format!("port{at}")));
        }
        assert!(!lines.makes("one more"));
        assert!(lines.makes("meter"), "it is there");
        assert!(!Lines::none().makes("meter"));
    }
}
