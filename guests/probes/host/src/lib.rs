//! Probes what every guest gets: the loop, calls that overlap, the interface `host`, values of every
//! type, configuration that can be refused, shelves, state, and a start that can fail.

use std::time::Duration;

use external_worker::prelude::*;
use external_worker::serde_json::Value;

/// Settings of the probe.
#[config]
pub struct ProbeConfig {
    /// How long a turn of the loop waits in the host.
    #[config(default = 0, le = 3_600_000)]
    turn_ms: u32,
    /// A turn fails.
    #[config(default = false)]
    fail_turns: bool,
    /// `start` fails.
    #[config(default = false)]
    fail_start: bool,
    /// `start` takes a day.
    #[config(default = false)]
    slow_start: bool,
    /// `save` fails.
    #[config(default = false)]
    fail_save: bool,
    /// `save` takes a day.
    #[config(default = false)]
    slow_save: bool,
    /// `stop` panics.
    #[config(default = false)]
    panic_stop: bool,
    /// Any number but 13, which `update_config` refuses.
    #[config(default = 1, ge = 0, le = 100)]
    number: i64,
    /// Not for others.
    #[config(default = "", export = false)]
    token: String,
    /// Secrets in a list.
    #[config(default)]
    servers: Vec<Server>,
}

/// One of a list.
#[config]
pub struct Server {
    /// Anybody may know it.
    host: String,
    /// Not for others.
    #[config(default = "", export = false)]
    password: String,
}

/// See the crate.
pub struct Probe {
    turns: State<i64>,
    applied: State<i64>,
    memory: State<String>,
    driven: State<i64>,
}

#[external_worker(id = "probe", config = ProbeConfig, loop_delay_ms = 1, export_exclude = ["number"])]
impl Probe {
    async fn start(context: Context<ProbeConfig>) -> Result<Self> {
        if context.config().fail_start {
            return Err(Error::unavailable("the configuration says so"));
        }
        if context.config().slow_start {
            sleep(Duration::from_secs(24 * 3600)).await;
        }
        Ok(Self {
            turns: State::new(0),
            applied: State::new(context.config().number),
            memory: State::default(),
            driven: State::new(0),
        })
    }

    async fn r#loop(&self) -> Result<()> {
        let config = self.config();
        sleep(Duration::from_millis(config.turn_ms.into())).await;
        self.turns.update(|turns| *turns += 1);
        if config.fail_turns {
            Err(Error::internal("the turn failed"))
        } else {
            Ok(())
        }
    }

    fn update_config(&self) -> Result<()> {
        let number = self.config().number;
        if number == 13 {
            return Err(Error::invalid_config("13 brings bad luck"));
        }
        if number == 99 {
            // What is nearly the most is the most.
            return self.choose(100);
        }
        self.applied.set(number);
        Ok(())
    }

    fn get_nodeshelf(&self) -> Option<Shelf> {
        let more = Shelf::new("more").node(ShelfNode::new("double", |x: i64| x * 2).inputs(["x"]));
        let shelf = Shelf::new("extras")
            .description("more of it")
            .subshelf(more);
        (self.applied.get() > 0).then_some(shelf)
    }

    async fn save(&self) -> Result<Vec<u8>> {
        let config = self.config();
        if config.fail_save {
            return Err(Error::unavailable("the configuration forbids it"));
        }
        if config.slow_save {
            sleep(Duration::from_secs(24 * 3600)).await;
        }
        Ok(self.memory.get().into_bytes())
    }

    fn restore(&self, state: Vec<u8>) -> Result<()> {
        let memory = String::from_utf8(state).map_err(|_| "the state is no text")?;
        log::info!(
            "restored {} bytes at turn {}",
            memory.len(),
            self.turns.get()
        );
        self.memory.set(memory);
        Ok(())
    }

    fn stop(&self) {
        log::info!("stopped");
        assert!(!self.config().panic_stop, "the probe does not want to go");
    }

    /// Keeps a text as the state of this instance.
    #[node]
    fn remember(&self, text: String) {
        self.memory.set(text);
    }

    /// Keeps a long text.
    #[node]
    fn fill(&self, bytes: u32) {
        self.memory.set("x".repeat(bytes as usize));
    }

    /// The text that it keeps.
    #[node(trigger_on_call = false)]
    fn recall(&self) -> String {
        self.memory.get()
    }

    /// Chooses the number itself.
    #[node(trigger_on_call = false)]
    fn choose(&self, number: i64) -> Result<()> {
        let config = ProbeConfig::clone(&self.config());
        self.set_config(ProbeConfig { number, ..config })?;
        self.applied.set(number);
        Ok(())
    }

    /// The name that it has now.
    #[node(trigger_on_call = false)]
    fn called(&self) -> String {
        self.name().to_string()
    }

    /// Panics.
    #[node(trigger_on_call = false)]
    fn give_up(&self) {
        panic!("the probe gave up");
    }

    /// Turns of the loop that ended.
    #[node]
    fn turns(&self) -> i64 {
        self.turns.get()
    }

    /// The number that was applied last.
    #[node]
    fn applied(&self) -> i64 {
        self.applied.get()
    }

    /// Waits in the host.
    #[node]
    async fn wait(&self, ms: u32) -> u32 {
        sleep(Duration::from_millis(ms.into())).await;
        ms
    }

    /// Waits for longer than other calls may, and whatever happens cleans up for `clean_ms`.
    #[node(timeout = "10min")]
    async fn hold(&self, call: Call, ms: u32, clean_ms: u32) -> Result<()> {
        let held = async {
            call.progress(0.5, "held");
            sleep(Duration::from_millis(ms.into())).await;
            Ok(())
        };
        let clean_up = async {
            sleep(Duration::from_millis(clean_ms.into())).await;
            log::info!("cleaned up");
            Ok(())
        };
        call.clean_up_after(held, clean_up).await.map(drop)
    }

    /// The value at the input of its nodes and its class, as JSON.
    #[node(trigger_on_call = false)]
    fn seen(&self) -> Result<Value> {
        let class = Self::DRIVE.nodeclass();
        let class: Option<f64> = class.input("rpm").value()?;
        let nodes = Self::DRIVE.nodes();
        let nodes = nodes.iter().map(|node| node.value("rpm"));
        let nodes: Vec<Option<f64>> = nodes.collect::<Result<_>>()?;
        Ok(json!({ "class": class, "nodes": nodes }))
    }

    /// Shows a value at the input of the nodes of `drive`, and reads at once what is there.
    #[node(trigger_on_call = false)]
    fn show(&self, rpm: f64, class: bool, trigger: bool) -> Result<Value> {
        let trigger = if trigger { Trigger::Yes } else { Trigger::No };
        for node in Self::DRIVE.nodes() {
            node.set_value("rpm", rpm, trigger)?;
        }
        if class {
            Self::DRIVE
                .nodeclass()
                .input("rpm")
                .set_value(rpm, trigger)?;
        }
        self.seen()
    }

    /// Does nothing, as fast as it can.
    #[node]
    fn noop(&self) {}

    /// Gives back any value.
    #[node]
    fn echo(&self, value: Value) -> Value {
        value
    }

    /// Gives back bytes.
    #[node]
    fn echo_bytes(&self, value: Bytes) -> Bytes {
        value
    }

    /// Gives back an array.
    #[node]
    fn echo_array(&self, value: NdArray<f64>) -> NdArray<f64> {
        value
    }

    /// Emits an event.
    #[node(trigger_on_call = false)]
    fn shout(&self, event: String, data: Value) -> Result<()> {
        self.emit(&event, data)
    }

    /// Logs a line.
    #[node]
    fn say(&self, text: String) {
        log::info!("{text}");
    }

    /// Sets value, default and options of all nodes of `pick`, and of its class; says how many nodes.
    #[node(trigger_on_call = false)]
    fn refresh(&self, options: Vec<String>) -> Result<i64> {
        let nodes = Self::PICK.nodes();
        for node in &nodes {
            let item = node.input("item");
            item.update_value_options(json!({ "options": options }))?;
            item.set_value(options.first().cloned(), Trigger::Yes)?;
        }
        let class = Self::PICK.nodeclass();
        class
            .input("item")
            .update_value_options(json!({ "options": options }))?;
        class.input("item").set_default(options.last().cloned())?;
        Ok(nodes.len() as i64)
    }

    /// Picks one of the options.
    #[node(default_io_options = { "item": { "value_options": { "options": [] } } })]
    fn pick(&self, item: String) -> String {
        item
    }

    /// Drives a device that takes whole numbers, and shows what it took; says how often it did.
    #[node]
    fn drive(&self, rpm: f64) -> Result<i64> {
        self.driven.update(|driven| *driven += 1);
        for node in Self::DRIVE.nodes() {
            node.set_value("rpm", rpm.round(), Trigger::No)?;
        }
        Ok(self.driven.get())
    }

    /// Has no inputs, so calling it triggers its nodes.
    #[node]
    fn status(&self) -> String {
        "ok".to_owned()
    }

    /// Calls `status` as the author's own code would.
    #[node(trigger_on_call = false)]
    fn call_status(&self) -> String {
        self.status()
    }

    /// Pauses the loop, for `ms` or for good.
    #[node(trigger_on_call = false)]
    fn rest(&self, ms: Option<u32>) {
        match ms {
            Some(ms) => self.resume_in(Duration::from_millis(ms.into())),
            None => self.pause(),
        }
    }

    /// Changes the delay of the loop.
    #[node(trigger_on_call = false)]
    fn slow_down(&self, ms: u32) {
        self.set_loop_delay(Duration::from_millis(ms.into()));
    }

    /// Stops itself.
    #[node(trigger_on_call = false)]
    fn leave(&self) {
        self.stop_self();
    }

    /// Fails as expected.
    #[node]
    fn fail(&self) -> Result<i64> {
        Err(Error::unavailable("not today"))
    }
}

export!(Probe; state);
