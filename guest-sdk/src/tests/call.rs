//! The call that a node answers: who asks, how far it is, and what is cleaned up when it has to end.

use std::cell::RefCell;
use std::future::pending;

use super::{One, Task, call_of};
use crate::bindings::exports::funcnodes::external_worker::worker::{CallInfo, Guest};
use crate::prelude::*;
use crate::testing::{self, Bench};

thread_local! {
    static SEEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn seen(what: &'static str) {
    // A worker that is never stopped goes with its thread, after this list.
    let _ = SEEN.try_with(|seen| seen.borrow_mut().push(what));
}

/// Says when it is dropped.
struct Held(&'static str);

impl Drop for Held {
    fn drop(&mut self) {
        seen(self.0);
    }
}

#[derive(Default)]
struct Device;

#[external_worker(id = "device")]
impl Device {
    fn get_nodeshelf(&self) -> Option<Shelf> {
        let who = |call: Call, text: String| format!("{text} {}", call.node().unwrap_or("nobody"));
        let slow = async |_me: &Self, ms: u32, call: Call| {
            let waited = call.until_cancelled(sleep(Duration::from_millis(ms.into())));
            waited.await.is_some()
        };
        let shelf = Shelf::new("calls")
            .node(ShelfNode::new("who", who).inputs(["text"]))
            .node(
                ShelfNode::new("slow", slow)
                    .inputs(["ms"])
                    .timeout(Duration::from_secs(60)),
            );
        Some(shelf)
    }

    async fn stop(&self) {
        seen("stop hook");
    }

    /// Works for ever, and takes a second to clean up.
    #[node(timeout = "10min")]
    async fn work(&self, call: Call) -> Result<()> {
        let working = async {
            let _held = Held("work dropped");
            pending::<Result<()>>().await
        };
        let clean_up = async {
            seen("cleans up");
            sleep(Duration::from_secs(1)).await;
            seen("clean");
            Ok(())
        };
        call.clean_up_after(working, clean_up).await.map(drop)
    }

    /// Is through at once, and takes a second to clean up.
    #[node]
    async fn quick(&self, call: Call, fails: bool, dirty: bool) -> Result<Option<i64>> {
        let work = async {
            match fails {
                true => Err(Error::unavailable("the work failed")),
                false => Ok(7),
            }
        };
        let clean_up = async {
            sleep(Duration::from_secs(1)).await;
            seen("clean");
            match dirty {
                true => Err(Error::unavailable("it is stuck")),
                false => Ok(()),
            }
        };
        call.clean_up_after(work, clean_up).await
    }

    /// Hears that it has to end, and says so.
    #[node]
    async fn heeds(&self, call: Call) -> bool {
        assert!(!call.is_cancelled());
        call.cancelled().await;
        call.is_cancelled()
    }

    /// Heeds nothing any more.
    #[node]
    async fn heeded(&self, call: Call) {
        let _held = Held("dropped");
        call.until_cancelled(async {}).await;
        pending().await
    }

    /// How far it is.
    #[node]
    fn tells(&self, call: Call) {
        call.progress(0.25, "a quarter");
    }
}

fn started() -> testing::Running<Device> {
    SEEN.take();
    testing::start(json!({})).unwrap()
}

#[test]
fn what_has_to_end_is_dropped_and_then_cleaned_up() {
    let device = started();
    let call = device.begin("work", ()).unwrap();
    device.run_for(Duration::from_secs(5));
    call.cancel();
    call.cancel();
    call.finish().unwrap();
    assert_eq!(SEEN.take(), ["work dropped", "cleans up", "clean"]);
}

#[test]
fn a_stop_waits_for_the_cleaning_up_and_the_hook_comes_after() {
    let device = started();
    let call = device.begin("work", ()).unwrap();
    device.run_for(Duration::from_secs(5));
    device.stop();
    assert!(call.is_done());
    let expected = ["work dropped", "cleans up", "clean", "stop hook"];
    assert_eq!(SEEN.take(), expected);
}

#[test]
fn cleaning_up_follows_work_that_is_done_and_work_that_fails() {
    let device = started();
    let given = |fails: bool, dirty: bool| {
        let inputs = json!({ "fails": fails, "dirty": dirty });
        let answer = device.call("quick", inputs);
        assert_eq!(SEEN.take(), ["clean"]);
        match answer {
            Ok(outputs) => outputs.one::<i64>().unwrap().to_string(),
            Err(error) => error.message().to_owned(),
        }
    };
    assert_eq!(given(false, false), "7");
    assert_eq!(given(true, false), "the work failed");
    assert_eq!(given(false, true), "cleaning up: it is stuck");
    assert_eq!(given(true, true), "cleaning up: it is stuck");
}

#[test]
fn cleaning_up_goes_on_when_the_call_is_cancelled_in_the_middle_of_it() {
    let device = started();
    let inputs = json!({ "fails": false, "dirty": false });
    let call = device.begin("quick", inputs).unwrap();
    device.run_for(Duration::from_millis(500));
    call.cancel();
    assert_eq!(call.finish().unwrap().one::<i64>().unwrap(), 7);
    assert_eq!(SEEN.take(), ["clean"]);
}

#[test]
fn whoever_waits_for_the_end_is_not_dropped_and_whoever_did_before_is() {
    let device = started();
    let heeds = device.begin("heeds", ()).unwrap();
    let heeded = device.begin("heeded", ()).unwrap();
    device.run_for(Duration::from_secs(1));
    heeds.cancel();
    heeded.cancel();
    assert!(heeds.finish().unwrap().one::<bool>().unwrap());
    let error = heeded.finish().unwrap_err();
    assert_eq!(error.message(), "the call was cancelled");
    assert_eq!(SEEN.take(), ["dropped"]);
}

#[test]
fn a_call_that_was_never_polled_again_hears_it_all_the_same() {
    SEEN.take();
    type C = One<Device>;
    C::begin("{}").unwrap();
    let mut call = Task::new(C::call(call_of(4, "heeds"), vec![]));
    assert!(call.poll().is_none());
    C::cancel(5);
    assert!(!call.is_woken(), "that is another one");
    C::cancel(4);
    assert!(call.is_woken());
    assert!(call.poll().unwrap().is_ok());
}

#[test]
fn a_closure_on_a_shelf_takes_the_call_too() {
    let device = started();
    let who = device.call("calls/who", json!({ "text": "it is" }));
    assert_eq!(who.unwrap().one::<String>().unwrap(), "it is node");
    let list = One::<Device>::get_nodeshelf().unwrap();
    let inputs: Vec<_> = list[0]
        .nodes
        .iter()
        .map(|node| (node.inputs.len(), node.timeout_ms))
        .collect();
    assert_eq!(inputs, [(1, None), (1, Some(60_000))]);

    let waits = |ms: u32, cancelled: bool| {
        let call = device.begin("calls/slow", json!({ "ms": ms })).unwrap();
        device.run_for(Duration::from_millis(10));
        if cancelled {
            call.cancel();
        }
        call.finish().unwrap().one::<bool>().unwrap()
    };
    assert!(waits(20, false));
    assert!(!waits(20_000, true));
}

#[test]
fn progress_is_of_the_call_and_the_call_of_the_node() {
    let bench = Bench::new();
    let device = bench.start::<Device>(json!({})).unwrap();
    device.call("tells", ()).unwrap();
    assert_eq!(bench.progress(), [(0.25, "a quarter".to_owned())]);
    crate::host::take_asked();
    let info = CallInfo {
        id: 11,
        node: "tells".to_owned(),
        caller: None,
    };
    super::run(One::<Device>::call(info, vec![])).unwrap();
    let asked = crate::host::take_asked();
    assert_eq!(asked, ["progress(11, 0.25, \"a quarter\")"]);
}

#[test]
fn a_node_declares_how_long_its_calls_take() {
    let classes = One::<Device>::describe();
    let timeout = |name: &str| {
        let methods = &classes[0].methods;
        let method = methods.iter().find(|method| method.name == name).unwrap();
        (method.timeout_ms, method.inputs.len())
    };
    assert_eq!(timeout("work"), (Some(600_000), 0));
    assert_eq!(timeout("quick"), (None, 2));
}
