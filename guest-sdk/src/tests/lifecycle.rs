//! Start, loop, calls, cancel and stop, and the order in which things end.

use std::cell::RefCell;
use std::future::pending;

use super::{One, Task, call_of, run};
use crate::ErrorCode;
use crate::bindings::exports::funcnodes::external_worker::worker::{Guest, InstanceInfo};
use crate::bindings::state::exports::funcnodes::external_worker::state::Guest as Keeps;
use crate::prelude::*;

thread_local! {
    static SEEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn seen(what: &'static str) {
    // A worker that is never stopped goes with its thread, after this list.
    let _ = SEEN.try_with(|seen| seen.borrow_mut().push(what));
}

/// Stands for something that is held while waiting.
struct Held(&'static str);

impl Drop for Held {
    fn drop(&mut self) {
        seen(self.0);
    }
}

#[derive(Default)]
struct Waiting;

#[external_worker(id = "waiting")]
impl Waiting {
    async fn r#loop(&self) {
        let _held = Held("loop dropped");
        pending().await
    }
    async fn stop(&self) {
        seen("stop hook");
    }
    #[node]
    async fn wait(&self) {
        let _held = Held("call dropped");
        pending().await
    }
    #[node]
    fn now(&self) -> i64 {
        1
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        seen("worker dropped");
    }
}

type C = One<Waiting>;

#[test]
fn stop_drops_what_waits_then_runs_the_hook_then_drops_the_worker() {
    C::begin("{}").unwrap();
    let mut turn = Task::new(C::loop_());
    let mut call = Task::new(C::call(call_of(7, "wait"), vec![]));
    assert!(turn.poll().is_none() && call.poll().is_none());
    assert_eq!(
        C::show("now", &[]),
        "out=Value::Integer(1)",
        "calls go on while others wait"
    );

    let mut stop = Task::new(C::stop());
    assert!(stop.poll().is_none(), "the others have not ended yet");
    assert!(turn.is_woken() && call.is_woken());
    assert!(
        turn.poll().unwrap().is_ok(),
        "being stopped is no failure of the loop"
    );
    assert!(!stop.is_woken(), "the call still waits");
    let error = call.poll().unwrap().unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (ErrorCode::Unavailable, "the worker is stopping")
    );
    assert!(stop.is_woken());
    assert!(stop.poll().is_some());
    assert_eq!(
        SEEN.take(),
        [
            "loop dropped",
            "call dropped",
            "stop hook",
            "worker dropped"
        ]
    );

    assert_eq!(
        C::show("now", &[]),
        "ErrorCode::Unavailable: the worker is stopping"
    );
    assert!(run(C::loop_()).is_ok());
}

#[test]
fn cancel_ends_one_call() {
    C::begin("{}").unwrap();
    let mut first = Task::new(C::call(call_of(1, "wait"), vec![]));
    let mut second = Task::new(C::call(call_of(2, "wait"), vec![]));
    assert!(first.poll().is_none() && second.poll().is_none());
    C::cancel(1);
    C::cancel(99);
    let error = first.poll().unwrap().unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (ErrorCode::Unavailable, "the call was cancelled")
    );
    assert!(!second.is_woken() && second.poll().is_none());
    assert_eq!(SEEN.take(), ["call dropped"]);
}

#[test]
fn an_instance_is_one_worker() {
    let info = || InstanceInfo {
        uuid: "u".into(),
        name: "n".into(),
    };
    let error = run(C::start("other".into(), info(), "{}".into())).unwrap_err();
    assert_eq!(
        error.message,
        "there is no class \"other\" here; classes: waiting"
    );
    assert_eq!(
        C::show("now", &[]),
        "ErrorCode::Unavailable: the worker has not started"
    );
    C::begin("{}").unwrap();
    let error = C::begin("{}").unwrap_err();
    assert_eq!(
        error.message,
        "start was called twice; an instance is one worker"
    );
}

struct Picky;

#[config]
struct PickyConfig {
    port: Option<String>,
}

#[external_worker(id = "picky", config = PickyConfig)]
impl Picky {
    async fn start(ctx: Context<PickyConfig>) -> Result<Self> {
        assert_eq!(
            (&*ctx.uuid(), &*ctx.name()),
            ("0123456789abcdef0123456789abcdef", "one")
        );
        sleep(std::time::Duration::from_millis(1)).await;
        ctx.config().port.as_ref().ok_or("no port is set")?;
        Ok(Self)
    }
    fn r#loop(&self) -> Result<()> {
        Err(Error::unavailable(format!(
            "{} is quiet",
            self.config().port.as_deref().unwrap_or("?")
        )))
    }
}

#[test]
fn start_may_fail_and_so_may_the_loop() {
    let error = One::<Picky>::begin("{}").unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (ErrorCode::Internal, "no port is set")
    );
}

#[test]
fn a_sync_loop_reports_its_error() {
    One::<Picky>::begin(r#"{"port": "A"}"#).unwrap();
    let error = run(One::<Picky>::loop_()).unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (ErrorCode::Unavailable, "A is quiet")
    );
}

#[test]
fn a_start_that_is_stopped_makes_no_worker() {
    struct Slow;
    #[external_worker(id = "slow")]
    impl Slow {
        async fn start() -> Self {
            pending::<()>().await;
            Self
        }
    }
    let info = InstanceInfo {
        uuid: "u".into(),
        name: "n".into(),
    };
    let mut start = Task::new(One::<Slow>::start("slow".into(), info, "{}".into()));
    assert!(start.poll().is_none());
    let mut stop = Task::new(One::<Slow>::stop());
    assert!(stop.poll().is_none());
    assert_eq!(
        start.poll().unwrap().unwrap_err().message,
        "the worker is stopping"
    );
    assert!(stop.poll().is_some());
}

#[test]
fn a_worker_asks_its_host() {
    C::begin("{}").unwrap();
    crate::host::take_asked();
    let worker = Waiting;
    worker.emit("changed", json!({"n": 1})).unwrap();
    worker.emit_nodes_update().unwrap();
    worker.set_loop_delay(std::time::Duration::from_micros(1500));
    worker.pause();
    worker.resume_in(std::time::Duration::from_secs(u64::MAX));
    worker.stop_self();
    assert_eq!(
        crate::host::take_asked(),
        [
            r#"emit("changed", "{\"n\":1}")"#,
            r#"emit("nodes_update", "null")"#,
            "set_loop_delay(2,)",
            "pause()",
            "resume_in(4294967295,)",
            "stop_self()",
        ]
    );
    assert_eq!(&*worker.name(), "one");
    SEEN.take();
}

#[derive(Default)]
struct Counting(State<u8>);

#[external_worker(id = "counting")]
impl Counting {
    async fn save(&self) -> Vec<u8> {
        vec![self.0.get()]
    }
    fn restore(&self, state: Vec<u8>) -> Result<()> {
        self.0.set(*state.first().ok_or("no count")?);
        Ok(())
    }
}

#[test]
fn state_is_what_the_hooks_say() {
    type S = One<Counting>;
    let before = run(S::save()).unwrap_err();
    assert_eq!(before.message, "the worker has not started");
    S::begin("{}").unwrap();
    run(S::restore(vec![7])).unwrap();
    assert_eq!(run(S::save()).unwrap(), [7]);
    let refused = run(S::restore(vec![])).unwrap_err();
    assert_eq!(refused.message, "no count");
    run(S::stop());
    run(S::save()).unwrap_err();
}

#[test]
fn a_class_without_the_hooks_keeps_nothing() {
    C::begin("{}").unwrap();
    assert!(run(C::save()).unwrap().is_empty());
    let refused = run(C::restore(vec![1])).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(refused.message.contains("waiting"), "{}", refused.message);
    SEEN.take();
}
