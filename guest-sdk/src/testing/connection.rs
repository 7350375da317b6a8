//! A [`Line`] at work: what it heard, and what it is about to say.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::clock;
use super::script::{Data, Line};
use crate::sys::native::Source;

/// A device, whether its line is open or not.
pub(crate) struct Device {
    pub(crate) line: Line,
    /// Every byte that it heard, and those among them that it did not understand.
    pub(crate) heard: RefCell<Vec<u8>>,
    pub(crate) not_understood: RefCell<Vec<u8>>,
    /// How often each request was answered.
    turns: RefCell<BTreeMap<Vec<u8>, usize>>,
    pub(crate) open: Cell<bool>,
}

impl Device {
    pub(crate) fn new(line: Line) -> Rc<Self> {
        Rc::new(Self {
            line,
            heard: RefCell::default(),
            not_understood: RefCell::default(),
            turns: RefCell::default(),
            open: Cell::new(false),
        })
    }

    /// What comes back for `request`, whose turn it is.
    pub(crate) fn answer(&self, request: &[u8]) -> Option<(Data, Duration)> {
        let answers: Vec<_> = self
            .line
            .answers
            .iter()
            .filter(|answer| answer.request.0 == request)
            .collect();
        let mut turns = self.turns.borrow_mut();
        let turn = turns.entry(request.to_vec()).or_default();
        let answer = answers.get(*turn).or(answers.last())?;
        *turn += 1;
        Some((
            answer.answer.clone(),
            Duration::from_millis(answer.delay_ms),
        ))
    }

    /// The longest request that `heard` begins with.
    fn request(&self, heard: &[u8]) -> Option<&[u8]> {
        let requests = self.line.answers.iter().map(|answer| &*answer.request.0);
        requests
            .filter(|request| !request.is_empty() && heard.starts_with(request))
            .max_by_key(|request| request.len())
    }

    fn may_become_a_request(&self, heard: &[u8]) -> bool {
        let mut answers = self.line.answers.iter();
        answers.any(|answer| answer.request.0.starts_with(heard))
    }
}

/// One opening of a device's line.
pub(crate) struct Connection {
    device: Rc<Device>,
    /// What arrives, and when; nothing stands for hanging up.
    arriving: RefCell<VecDeque<(Duration, Option<Vec<u8>>)>>,
    unmatched: RefCell<Vec<u8>>,
    answered: Cell<u32>,
    hung_up: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn open(device: &Rc<Device>) -> Rc<Self> {
        let connection = Rc::new(Self {
            device: Rc::clone(device),
            arriving: RefCell::default(),
            unmatched: RefCell::default(),
            answered: Cell::new(0),
            hung_up: Cell::new(false),
            reader: RefCell::default(),
        });
        device.open.set(true);
        if let Some(greeting) = &device.line.greeting {
            connection.say(Duration::ZERO, greeting);
        }
        for saying in &device.line.says {
            connection.say(Duration::from_millis(saying.at_ms), &saying.text);
        }
        if device.line.hangs_up_after == Some(0) {
            connection.hang_up();
        }
        connection
    }

    /// Takes what the worker sends. False: nobody is there any more.
    pub(crate) fn hear(&self, bytes: &[u8]) -> bool {
        if self.hung_up.get() {
            return false;
        }
        self.device.heard.borrow_mut().extend_from_slice(bytes);
        for byte in bytes {
            let mut heard = self.unmatched.take();
            heard.push(*byte);
            while !heard.is_empty() && !self.device.may_become_a_request(&heard) {
                if let Some(request) = self.device.request(&heard).map(<[u8]>::to_vec) {
                    heard.drain(..request.len());
                    self.reply(&request);
                } else {
                    let lost = heard.remove(0);
                    self.device.not_understood.borrow_mut().push(lost);
                }
            }
            self.unmatched.replace(heard);
        }
        // Nothing longer is to come in this write, so what is complete is meant.
        let heard = self.unmatched.take();
        match self.device.request(&heard).map(<[u8]>::to_vec) {
            Some(request) => {
                let rest = heard.get(request.len()..).unwrap_or_default().to_vec();
                self.reply(&request);
                self.unmatched.replace(rest);
            }
            None => drop(self.unmatched.replace(heard)),
        }
        true
    }

    fn reply(&self, request: &[u8]) {
        if self.hung_up.get() {
            return;
        }
        if let Some((answer, delay)) = self.device.answer(request) {
            self.say(delay, &answer);
        }
        self.answered.set(self.answered.get() + 1);
        if self.device.line.hangs_up_after == Some(self.answered.get()) {
            self.hang_up();
        }
    }

    fn say(&self, delay: Duration, text: &Data) {
        if text.0.is_empty() {
            return;
        }
        self.arrive(clock::now() + delay, Some(text.0.clone()));
    }

    pub(crate) fn hang_up(&self) {
        self.hung_up.set(true);
        self.device.open.set(false);
        self.arrive(clock::now(), None);
    }

    fn arrive(&self, due: Duration, what: Option<Vec<u8>>) {
        let mut arriving = self.arriving.borrow_mut();
        let due = arriving.back().map_or(due, |(last, _)| due.max(*last));
        arriving.push_back((due, what));
        drop(arriving);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Forgets what arrived and was not read.
    pub(crate) fn clear(&self) {
        let now = clock::now();
        let mut arriving = self.arriving.borrow_mut();
        arriving.retain(|(due, what)| *due > now || what.is_none());
    }

    pub(crate) fn is_hung_up(&self) -> bool {
        self.hung_up.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // One that was hung up may have been opened anew since.
        if !self.hung_up.get() {
            self.device.open.set(false);
        }
    }
}

impl Source<u8> for Connection {
    fn poll_read(&self, cx: &Context<'_>, max: usize) -> Poll<Option<Vec<u8>>> {
        let mut arriving = self.arriving.borrow_mut();
        match arriving.front_mut() {
            Some((due, what)) if *due <= clock::now() => {
                let Some(bytes) = what else {
                    // It stays: every later read ends too.
                    return Poll::Ready(None);
                };
                let take = bytes.len().min(max);
                let taken = bytes.drain(..take).collect();
                if bytes.is_empty() {
                    arriving.pop_front();
                }
                return Poll::Ready(Some(taken));
            }
            Some((due, _)) => clock::wake_at(*due, cx.waker()),
            None => {}
        }
        self.reader.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}
