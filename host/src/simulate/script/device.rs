//! A [`Line`] at work: what its device heard, and what it is about to say.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};

use super::{Data, Line};
use crate::engine::NoLine;
use crate::limits;

/// Most bytes that are heard at once.
const CHUNK: usize = 4096;

/// A device, whether its line is open or not.
#[derive(Debug)]
pub(super) struct Device {
    line: Line,
    memory: Mutex<Memory>,
}

/// What a device remembers from one opening of its line to the next.
#[derive(Debug, Default)]
struct Memory {
    heard: Vec<u8>,
    not_understood: Vec<u8>,
    /// How often each request was answered.
    turns: BTreeMap<Vec<u8>, usize>,
    /// How many have its line open.
    open: usize,
}

/// What a device heard since a test began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Every byte.
    pub all: Vec<u8>,
    /// Those that are a part of no request which it answers.
    pub not_understood: Vec<u8>,
    /// Whether its line is open.
    pub is_open: bool,
}

impl Device {
    pub(super) fn new(line: Line) -> Arc<Self> {
        let memory = Mutex::default();
        Arc::new(Self { line, memory })
    }

    pub(super) fn refuses(&self) -> bool {
        self.line.refuses
    }

    pub(super) fn heard(&self) -> Heard {
        let memory = self.memory();
        Heard {
            all: memory.heard.clone(),
            not_understood: memory.not_understood.clone(),
            is_open: memory.open > 0,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens its line for who has it alone.
    ///
    /// # Errors
    /// When it refuses, or somebody has it.
    pub(super) fn open_alone(self: &Arc<Self>) -> Result<Opened, NoLine> {
        if self.refuses() {
            return Err(NoLine::NotFound);
        }
        if self.memory().open > 0 {
            return Err(NoLine::Busy);
        }
        Ok(self.open())
    }

    /// Opens its line.
    pub(super) fn open(self: &Arc<Self>) -> Opened {
        self.memory().open += 1;
        Opened(Arc::clone(self))
    }

    /// What is said to a datagram.
    pub(super) fn to_datagram(&self, datagram: &[u8]) -> Option<(Data, Duration)> {
        keep(&mut self.memory().heard, datagram);
        let answer = self.answer(datagram);
        if answer.is_none() {
            keep(&mut self.memory().not_understood, datagram);
        }
        answer.filter(|(answer, _)| !answer.0.is_empty())
    }

    /// What comes back for `request`, whose turn it is.
    fn answer(&self, request: &[u8]) -> Option<(Data, Duration)> {
        let is_asked = |answer: &&super::Answer| answer.request.0 == request;
        let answers: Vec<_> = self.line.answers.iter().filter(is_asked).collect();
        let last = answers.last()?;
        let mut memory = self.memory();
        let turn = memory.turns.entry(request.to_vec()).or_default();
        let answer = answers.get(*turn).unwrap_or(last);
        *turn = turn.saturating_add(1);
        let delay = Duration::from_millis(answer.delay_ms);
        Some((answer.answer.clone(), delay))
    }

    /// How long the longest request is that `heard` begins with.
    fn request(&self, heard: &[u8]) -> Option<usize> {
        let requests = self.line.answers.iter().map(|answer| &*answer.request.0);
        let begins = requests.filter(|one| !one.is_empty() && heard.starts_with(one));
        begins.map(<[u8]>::len).max()
    }

    fn may_become_a_request(&self, heard: &[u8]) -> bool {
        let mut answers = self.line.answers.iter();
        answers.any(|answer| answer.request.0.starts_with(heard))
    }
}

/// Keeps `more`, as far as there is room: who looks at it looks at its beginning.
fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    let room = limits::MAX_HEARD_BYTES.saturating_sub(kept.len());
    kept.extend_from_slice(more.get(..room).unwrap_or(more));
}

/// That a line is open; dropping it closes the line.
#[derive(Debug)]
pub(super) struct Opened(Arc<Device>);

impl Drop for Opened {
    fn drop(&mut self) {
        let mut memory = self.0.memory();
        memory.open = memory.open.saturating_sub(1);
    }
}

impl Opened {
    /// Does what the script says, until the other end is gone or the device hangs up.
    pub(super) async fn converse(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut conversation = Conversation::begin(&self.0, Instant::now());
        let mut chunk = vec![0; CHUNK];
        loop {
            let due = conversation.leaving.front().map(|(due, _)| *due);
            tokio::select! {
                biased;
                () = until(due) => match conversation.leaving.pop_front() {
                    Some((_, Some(said))) if stream.write_all(&said).await.is_ok() => {}
                    // It hangs up, or nobody is there any more.
                    _ => return,
                },
                // A deaf one says what it has to say, and hangs up.
                read = stream.read(&mut chunk) => {
                    let heard = chunk.get(..read.unwrap_or(0)).unwrap_or_default();
                    if heard.is_empty() {
                        return;
                    }
                    conversation.hear(heard, Instant::now());
                }
            }
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// One opening of a device's line.
struct Conversation {
    device: Arc<Device>,
    /// What leaves, and when; nothing stands for hanging up.
    leaving: VecDeque<(Instant, Option<Vec<u8>>)>,
    unmatched: Vec<u8>,
    answered: u32,
    hung_up: bool,
}

impl Conversation {
    fn begin(device: &Arc<Device>, now: Instant) -> Self {
        let mut conversation = Self {
            device: Arc::clone(device),
            leaving: VecDeque::new(),
            unmatched: Vec::new(),
            answered: 0,
            hung_up: false,
        };
        let line = &device.line;
        if let Some(greeting) = &line.greeting {
            conversation.say(now, Duration::ZERO, greeting);
        }
        for saying in &line.says {
            conversation.say(now, Duration::from_millis(saying.at_ms), &saying.text);
        }
        conversation.hang_up_if_due(now);
        conversation
    }

    /// Takes what the worker sent at once.
    fn hear(&mut self, bytes: &[u8], now: Instant) {
        if self.hung_up {
            return;
        }
        keep(&mut self.device.memory().heard, bytes);
        for byte in bytes {
            self.unmatched.push(*byte);
            while !self.unmatched.is_empty() && !self.device.may_become_a_request(&self.unmatched) {
                if !self.take_request(now) {
                    let lost = self.unmatched.remove(0);
                    keep(&mut self.device.memory().not_understood, &[lost]);
                }
            }
        }
        // Nothing longer is to come in this write, so what is complete is meant.
        self.take_request(now);
    }

    /// Takes off the request that was heard, if one was, and answers it.
    fn take_request(&mut self, now: Instant) -> bool {
        let Some(length) = self.device.request(&self.unmatched) else {
            return false;
        };
        let rest = self.unmatched.split_off(length);
        let request = std::mem::replace(&mut self.unmatched, rest);
        if self.hung_up {
            return true;
        }
        if let Some((answer, delay)) = self.device.answer(&request) {
            self.say(now, delay, &answer);
        }
        self.answered = self.answered.saturating_add(1);
        self.hang_up_if_due(now);
        true
    }

    fn hang_up_if_due(&mut self, now: Instant) {
        if self.device.line.hangs_up_after == Some(self.answered) {
            self.hung_up = true;
            self.leave(now, None);
        }
    }

    fn say(&mut self, now: Instant, delay: Duration, text: &Data) {
        if !text.0.is_empty() {
            let due = now.checked_add(delay.min(limits::MAX_SLEEP)).unwrap_or(now);
            self.leave(due, Some(text.0.clone()));
        }
    }

    fn leave(&mut self, due: Instant, what: Option<Vec<u8>>) {
        let last = self.leaving.back();
        let due = last.map_or(due, |(last, _)| due.max(*last));
        self.leaving.push_back((due, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: serde_json::Value) -> Arc<Device> {
        Device::new(serde_json::from_value(json).unwrap())
    }

    /// What leaves after `writes`, with when, in milliseconds.
    fn said(device: &Arc<Device>, writes: &[&str]) -> Vec<(u128, Option<String>)> {
        let now = Instant::now();
        let mut conversation = Conversation::begin(device, now);
        for write in writes {
            conversation.hear(write.as_bytes(), now);
        }
        let leaving = conversation.leaving.into_iter();
        leaving
            .map(|(due, what)| {
                let text = what.map(|it| String::from_utf8(it).unwrap());
                ((due - now).as_millis(), text)
            })
            .collect()
    }

    fn text(at: u128, text: &str) -> (u128, Option<String>) {
        (at, Some(text.to_owned()))
    }

    // With a clock, since `Instant` is the runtime's.
    #[tokio::test]
    async fn a_device_follows_the_rules() {
        let device = line(serde_json::json!({
            "greeting": "hello",
            "answers": [
                {"request": "M", "answer": "short"},
                {"request": "MEAS?", "answer": "1", "delay_ms": 20},
                {"request": "MEAS?", "answer": "2"},
            ],
        }));
        assert_eq!(
            said(&device, &["xMEAS?MEAS?", "M"]),
            [
                text(0, "hello"),
                text(20, "1"),
                text(20, "2"),
                text(20, "short")
            ]
        );
        let heard = device.heard();
        assert_eq!(heard.all, b"xMEAS?MEAS?M");
        assert_eq!(heard.not_understood, b"x");
        // Its turns stay, and the last answer is given again and again.
        assert_eq!(
            said(&device, &["MEAS?", "MEAS?"]),
            [text(0, "hello"), text(0, "2"), text(0, "2")]
        );
    }

    #[tokio::test]
    async fn a_device_hangs_up_after_what_it_had_to_say() {
        let device = line(serde_json::json!({
            "answers": [{"request": "?", "answer": "!", "delay_ms": 5}],
            "hangs_up_after": 1,
        }));
        assert_eq!(said(&device, &["??", "?"]), [text(5, "!"), (5, None)]);
    }

    #[tokio::test]
    async fn one_has_the_line_alone() {
        let device = line(serde_json::json!({}));
        let opened = device.open_alone().unwrap();
        assert!(device.heard().is_open);
        assert_eq!(device.open_alone().unwrap_err(), NoLine::Busy);
        drop(opened);
        drop(device.open_alone().unwrap());
        let refusing = line(serde_json::json!({"refuses": true}));
        assert_eq!(refusing.open_alone().unwrap_err(), NoLine::NotFound);
    }
}
