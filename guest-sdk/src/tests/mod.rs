//! The macros and the glue at work on the author's own machine, without a host.

mod call;
mod config;
mod describe;
mod devices;
mod library;
mod lifecycle;
mod logging;
mod nodes;
mod shelf;
mod state;
mod template;
mod testing;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::bindings::exports::funcnodes::external_worker::worker::{
    CallInfo, Error, Guest, InstanceInfo, WorkerClass,
};
use crate::export::Component;
use crate::value::Value;
use crate::worker::{ClassEntry, Worker};

/// A task of the component model: polled when it says so.
pub(crate) struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    flag: Arc<Flag>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<T> Task<T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self {
            future: Box::pin(future),
            flag: Arc::default(),
        }
    }

    pub(crate) fn poll(&mut self) -> Option<T> {
        self.flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.flag));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed)
    }
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    crate::testing::block_on(future)
}

/// The call `id` of a node, which nobody in the graph makes.
pub(crate) fn call_of(id: u64, node: &str) -> CallInfo {
    let (node, caller) = (node.to_owned(), None);
    CallInfo { id, node, caller }
}

/// A component with one class.
pub(crate) struct One<W>(std::marker::PhantomData<W>);

impl<W: Worker> Component for One<W> {
    fn classes() -> &'static [ClassEntry] {
        const { &[ClassEntry::of::<W>()] }
    }
}

impl<W: Worker> One<W> {
    pub(crate) fn class() -> WorkerClass {
        Self::describe().remove(0)
    }

    pub(crate) fn begin(config: &str) -> Result<(), Error> {
        let info = InstanceInfo {
            uuid: "0123456789abcdef0123456789abcdef".into(),
            name: "one".into(),
        };
        run(Self::start(W::CLASS_ID.into(), info, config.into()))
    }

    /// Calls a node whose one output is wanted, and shows what comes back.
    pub(crate) fn show(node: &str, inputs: &[(&str, Value)]) -> String {
        let inputs = inputs
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect();
        match run(Self::call(call_of(1, node), inputs)) {
            Ok(outputs) => {
                let outputs: Vec<_> = outputs
                    .into_iter()
                    .map(|(name, value)| format!("{name}={value:?}"))
                    .collect();
                outputs.join(" ")
            }
            Err(error) => format!("{:?}: {}", error.code, error.message),
        }
    }
}
