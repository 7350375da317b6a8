//! A worker under test: started, called, configured, saved and stopped as in its component.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ErrorCode;
use crate::prelude::*;
use crate::testing::{self, Bench};

#[config]
struct TickerConfig {
    #[config(default = 1.0, ge = 0.05, le = 3600.0)]
    interval_s: f64,
}

#[derive(Default)]
struct Ticker {
    ticks: State<u32>,
    seen: State<Vec<f64>>,
}

#[external_worker(id = "ticker", config = TickerConfig)]
impl Ticker {
    async fn r#loop(&self) -> Result<()> {
        let interval = self.config().interval_s;
        self.set_loop_delay(Duration::from_secs_f64(interval));
        self.ticks.update(|ticks| *ticks += 1);
        if interval > 100.0 {
            return Err(Error::unavailable("too slow"));
        }
        self.emit("tick", self.ticks.get())
    }
    fn update_config(&self) -> Result<()> {
        self.seen.update(|seen| seen.push(self.config().interval_s));
        if self.config().interval_s == 7.0 {
            return Err(Error::invalid_config("not seven"));
        }
        self.skip_loop_delay();
        Ok(())
    }
    fn save(&self) -> Vec<u8> {
        self.ticks.get().to_le_bytes().into()
    }
    fn restore(&self, state: Vec<u8>) -> Result<()> {
        let ticks = state.try_into().map_err(|_| "not a count")?;
        self.ticks.set(u32::from_le_bytes(ticks));
        Ok(())
    }
    fn stop(&self) {
        log::info!("stopped after {}", self.ticks.get());
    }
    #[node]
    async fn wait(&self, seconds: f64) -> bool {
        self.sleep_until_configured(Duration::from_secs_f64(seconds))
            .await
    }
    #[node(default_io_options = {"item": {"value_options": {"options": []}}})]
    fn offer(&self, item: String) -> Result<()> {
        for node in Self::OFFER.nodes() {
            node.input("item")
                .update_value_options(json!({"options": [item]}))?;
        }
        Self::OFFER.nodeclass().input("item").set_default(item)
    }
    fn get_nodeshelf(&self) -> Option<Shelf> {
        let node = ShelfNode::new("add", |me: &Self, n: u32| {
            me.ticks.update(|ticks| {
                *ticks += n;
                *ticks
            })
        });
        let later = async |me: &Self| {
            sleep(Duration::from_millis(5)).await;
            me.ticks.get()
        };
        Some(
            Shelf::new("more")
                .node(node.inputs(["n"]))
                .subshelf(Shelf::new("slow").node(ShelfNode::new("later", later))),
        )
    }
}

fn ticker() -> testing::Running<Ticker> {
    testing::start(json!({})).unwrap()
}

#[test]
fn the_loop_turns_with_its_pauses_and_a_new_configuration_ends_one() {
    let ticker = ticker();
    assert_eq!(ticker.run_for(Duration::from_millis(3500)).ended, 4);
    assert_eq!(ticker.events().len(), 4);
    ticker.configure(json!({"interval_s": 60})).unwrap();
    let turns = ticker.run_for(Duration::from_millis(100));
    assert_eq!(turns.ended, 1, "the pause has ended");
    assert_eq!(ticker.run_for(Duration::from_secs(59)).ended, 0);
    assert_eq!(ticker.run_for(Duration::from_secs(2)).ended, 1);

    ticker.configure(json!({"interval_s": 101})).unwrap();
    assert_eq!(ticker.turn().unwrap_err().message(), "too slow");
    ticker.pause();
    assert!(ticker.is_paused());
    assert_eq!(ticker.run_for(Duration::from_secs(500)).ended, 0);
    ticker.resume_in(Duration::from_secs(3));
    assert_eq!(ticker.run_for(Duration::from_secs(4)).errors.len(), 1);
    assert!(!ticker.stops());
    ticker.stop_self();
    assert!(ticker.stops());
}

#[test]
fn the_configuration_is_completed_checked_and_kept_when_refused() {
    let wrong = testing::start::<Ticker>(json!({"interval_s": 0.01}))
        .err()
        .unwrap();
    assert_eq!(wrong.code(), ErrorCode::InvalidConfig);
    assert_eq!(
        wrong.message(),
        "the configuration is not valid: interval_s is 0.01, and has to be at least 0.05"
    );
    let ticker = ticker();
    assert_eq!(ticker.config().interval_s, 1.0);
    ticker.configure(json!({"interval_s": 7})).unwrap_err();
    ticker.configure(json!({"interval": 7})).unwrap_err();
    assert_eq!(ticker.config().interval_s, 1.0);
    assert_eq!(ticker.seen.get(), [7.0], "the hook saw what it refused");
}

#[test]
fn a_call_that_waits_is_ended_by_a_configuration_or_a_cancel() {
    let ticker = ticker();
    let waits = |seconds: f64| ticker.begin("wait", json!({"seconds": seconds})).unwrap();
    let (long, cancelled) = (waits(1e6), waits(1e6));
    testing::advance(Duration::from_secs(10));
    assert!(!long.is_done());
    ticker.configure(json!({"interval_s": 7})).unwrap_err();
    testing::advance(Duration::from_secs(1));
    assert!(!long.is_done(), "a configuration that was refused is none");
    cancelled.cancel();
    assert_eq!(
        cancelled.finish().unwrap_err().message(),
        "the call was cancelled"
    );
    ticker.configure(json!({})).unwrap();
    assert!(long.finish().unwrap().one::<bool>().unwrap());
    assert!(!waits(3.0).finish().unwrap().one::<bool>().unwrap());
    assert_eq!(testing::now(), Duration::from_secs(14));
}

#[test]
fn nodes_and_shelf_are_reached_by_name() {
    let ticker = ticker();
    assert_eq!(ticker.shelf(), ["more/add", "more/slow/later"]);
    let sum = ticker.call("more/add", json!({"n": 3})).unwrap();
    assert_eq!(sum.get::<u32>("out").unwrap(), 3);
    assert_eq!(sum.json().unwrap(), json!({"out": 3}));
    sum.get::<u32>("sum").unwrap_err();
    let later = ticker.call("more/slow/later", ()).unwrap();
    assert_eq!(later.one::<u32>().unwrap(), 3);

    ticker.call("offer", json!({"item": "a"})).unwrap();
    let options = ticker.input("offer", "item").value_options;
    assert_eq!(options, Some(json!({"options": ["a"]})));
    assert_eq!(
        ticker.new_input("offer", "item").default,
        Some(Some(json!("a")))
    );
    let unknown = ticker.call("nothing", json!({})).unwrap_err();
    assert_eq!(unknown.message(), "there is no node \"nothing\"");
    ticker.call("offer", json!([1])).unwrap_err();
    let typed = [("item", crate::Value::Integer(1))];
    ticker.call("offer", typed).unwrap_err();
}

#[test]
fn state_goes_over_a_restart_and_stop_is_the_last() {
    let ticker = ticker();
    ticker.turn().unwrap();
    ticker.turn().unwrap();
    let ticker = ticker.restart().unwrap();
    assert_eq!(ticker.ticks.get(), 2);
    assert_eq!(ticker.log()[0].text, "stopped after 2");
    let another = Bench::start::<Ticker>(ticker.bench(), json!({}))
        .err()
        .unwrap();
    assert_eq!(another.code(), ErrorCode::Busy);
    let bench = ticker.bench().clone();
    drop(ticker);
    bench.restore::<Ticker>(json!({}), b"?").err().unwrap();
    let ticker = bench.restore::<Ticker>(json!({}), &[9, 0, 0, 0]).unwrap();
    assert_eq!(ticker.ticks.get(), 9);
}

struct Loose;

#[external_worker(id = "loose")]
impl Loose {
    fn start() -> Self {
        Self
    }
    async fn r#loop(&self) {
        std::future::pending().await
    }
    #[node]
    async fn spin(&self) {
        loop {
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                std::task::Poll::<()>::Pending
            })
            .await;
        }
    }
}

#[test]
fn what_would_never_end_fails_the_test() {
    let fails = |test: &dyn Fn()| {
        let failed = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
        let text = failed.downcast::<String>().map(|text| *text);
        text.unwrap_or_else(|other| (*other.downcast::<&str>().unwrap()).to_owned())
    };
    let loose = testing::start::<Loose>(json!({})).unwrap();
    assert_eq!(loose.run_for(Duration::from_secs(5)).ended, 0);
    assert!(fails(&|| drop(loose.turn())).contains("would wait for ever"));
    assert!(fails(&|| drop(loose.call("spin", ()))).contains("round and round"));
    let nested = || testing::block_on(async { testing::advance(Duration::ZERO) });
    assert!(fails(&nested).contains("use .await there"));
    loose.stop();
    let gone = testing::start::<Loose>(json!({})).unwrap();
    let next = testing::start::<Loose>(json!({})).unwrap();
    assert!(fails(&|| drop(gone.shelf())).contains("this worker has gone"));
    drop(gone);
    assert!(next.shelf().is_empty(), "it goes on");
}
