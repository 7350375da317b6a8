//! A make-believe test bench: what a worker can do without any grant.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use external_worker::prelude::*;
use external_worker::serde::{Deserialize, Serialize};
use external_worker::serde_json;
use external_worker::timeout;

/// How the bench is set up.
///
/// The doc comment of a field is its description in the form that a user sees, its type decides the
/// kind of the field, and the options are its bounds. The host checks all of that before the worker
/// sees a configuration, and fills in the defaults.
#[config]
#[derive(Debug)]
pub struct BenchConfig {
    /// Seconds between two turns of the loop.
    #[config(default = 1.0, ge = 0.05, lt = 3600.0, title = "Interval")]
    interval_s: f64,

    /// How many samples are kept.
    #[config(default = 100, gt = 0, le = 10_000)]
    keep: usize,

    /// Letters and digits that stand on the bench.
    #[config(
        default = "bench-1",
        min_length = 1,
        max_length = 20,
        pattern = "^[a-z0-9-]+$"
    )]
    label: String,

    /// A secret: `export = false` keeps it out of everything that leaves this machine.
    #[config(export = false)]
    token: Option<String>,

    /// A secret by its name in `export_exclude` below.
    #[config(default)]
    password: String,

    /// Lists, nested structs and enums work too.
    #[config(default)]
    channels: Vec<Channel>,

    /// How samples are made.
    #[config(default = Wave::Sine)]
    wave: Wave,
}

/// One input of the bench.
#[config]
#[derive(Debug)]
pub struct Channel {
    /// What it is called on the shelf.
    name: String,
    /// Samples are multiplied by this.
    #[config(default = 1.0)]
    gain: f64,
}

/// The form of the signal.
#[config]
#[derive(Debug)]
pub enum Wave {
    /// Up and down, smoothly.
    Sine,
    /// Up, and at once down again.
    Saw,
}

/// The type of an input that offers a few names. A variant travels in snake case ("fast") unless it
/// says otherwise.
#[derive(NodeEnum, Clone, Copy, Debug)]
pub enum Mode {
    Fast,
    #[node_enum(value = "safe-and-slow")]
    Safe,
}

/// Anything that serde knows can travel as `Json<T>`.
#[derive(Serialize, Deserialize)]
#[serde(crate = "external_worker::serde")]
pub struct Summary {
    count: usize,
    mean: f64,
}

/// The worker. The loop and any number of calls interleave wherever one of them waits, so what
/// changes is in `State` (short, synchronous looks at it) or in `Lock` (one task at a time, across
/// as many `.await`s as it needs).
pub struct Bench {
    samples: State<Vec<f64>>,
    phase: State<f64>,
    mode: State<Option<Mode>>,
    /// Stands for an instrument that answers one question at a time.
    instrument: Lock<u32>,
}

/// A test bench that needs no hardware.
///
/// This comment is the description of the class.
#[external_worker(
    id = "bench",
    title = "Test bench",
    config = BenchConfig,
    export_exclude = ["password"],
    loop_delay_ms = 500,
    ui_schema = {"password": {"ui:widget": "password"}, "token": {"ui:widget": "password"}},
)]
impl Bench {
    /// Makes the worker and acquires what it needs. An error is told to whoever added the worker,
    /// and no instance comes to be. Without this hook, `Default` makes the worker.
    async fn start(ctx: Context<BenchConfig>) -> Result<Self> {
        let config = ctx.config();
        if config.channels.len() > 16 {
            return Err(Error::invalid_config("the bench has 16 channels at most"));
        }
        // Both facades end up in the host's log, with this instance's name beside them.
        log::info!("{} starts as {}", config.label, ctx.uuid());
        tracing::debug!(
            channels = config.channels.len(),
            name = &*ctx.name(),
            "configured"
        );
        sleep(Duration::from_millis(1)).await;
        Ok(Self {
            samples: State::default(),
            phase: State::new(0.0),
            mode: State::new(None),
            instrument: Lock::new(0),
        })
    }

    /// One turn of the loop. It runs right after the start and then again a while after its end; an
    /// error is logged, and the next turn waits longer.
    async fn r#loop(&self) -> Result<()> {
        let config = self.config();
        let phase = self.phase.update(|phase| {
            *phase = (*phase + 0.1) % std::f64::consts::TAU;
            *phase
        });
        let sample = match config.wave {
            Wave::Sine => phase.sin(),
            Wave::Saw => phase / std::f64::consts::TAU,
        };
        let count = self.samples.update(|samples| {
            samples.push(sample);
            let surplus = samples.len().saturating_sub(config.keep);
            samples.drain(..surplus);
            samples.len()
        });
        // Tells the clients; the data is anything that serde knows.
        self.emit("sampled", json!({ "count": count, "last": sample }))?;
        // A call from the worker's own code: `count` has no input, so its nodes in the graph run.
        self.count();
        Ok(())
    }

    /// A new configuration was accepted by the host. An error leaves the old one in force.
    async fn update_config(&self) -> Result<()> {
        let config = self.config();
        self.set_loop_delay(Duration::from_secs_f64(config.interval_s));
        self.refresh_items(&config.channels)?;
        // The shelf depends on the configuration: clients read it again.
        self.emit_nodes_update()
    }

    /// Before a restart, or before a new version of the component takes over: what shall not be lost.
    /// Write down what another version can read.
    fn save(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.samples.get())?)
    }

    /// Right after `start`, before the first turn and call. An error makes the start fail.
    fn restore(&self, state: Vec<u8>) -> Result<()> {
        self.samples.set(serde_json::from_slice(&state)?);
        Ok(())
    }

    /// Further nodes, here one for each channel. Inputs and outputs come from the closure's types.
    fn get_nodeshelf(&self) -> Option<Shelf> {
        let config = self.config();
        if config.channels.is_empty() {
            return None;
        }
        // Anything can stand in a configuration; a node has a name of its own, that can be read.
        let is_name = |name: &str| {
            let is_letter = |c: char| c.is_alphanumeric() || " _-.".contains(c);
            (1..=64).contains(&name.len()) && name.chars().all(is_letter)
        };
        let mut names = BTreeSet::new();
        let channels = config
            .channels
            .iter()
            .filter(|channel| is_name(&channel.name) && names.insert(&channel.name))
            .fold(Shelf::new("channels"), |shelf, channel| {
                let gain = channel.gain;
                let node = ShelfNode::new(&*channel.name, move |sample: f64| sample * gain)
                    .title(format!("Channel {}", channel.name))
                    .description("Multiplies a sample by the gain of the channel.")
                    .inputs(["sample"])
                    .outputs(["scaled"])
                    .io_options(
                        "sample",
                        json!({"default": 1.0, "value_options": {"step": 0.1}}),
                    )
                    .render_options(json!({"data": {"src": "scaled"}}));
                shelf.node(node)
            });
        // A closure may be async, return several values, and fail.
        let slow = ShelfNode::new("later", async |text: String, ms: Option<u16>| {
            sleep(Duration::from_millis(ms.unwrap_or(10).into())).await;
            if text.is_empty() {
                Err("there is no text")
            } else {
                Ok((text.len(), text))
            }
        });
        let slow = slow.inputs(["text", "ms"]).outputs(["length", "same"]);
        Some(
            Shelf::new("extras")
                .description("What depends on the configuration.")
                .node(slow)
                .subshelf(channels),
        )
    }

    /// Releases everything. The loop and open calls have ended before; what is dropped with the
    /// worker need not be named.
    async fn stop(&self) {
        log::info!("{} samples are gone", self.samples.with(Vec::len));
    }

    /// How many samples there are.
    ///
    /// The name, the description and the types of a node are those of its method.
    #[node]
    fn count(&self) -> usize {
        self.samples.with(Vec::len)
    }

    /// The samples as an array, which is what n-d data travels as.
    #[node(
        title = "All samples",
        outputs = [{"name": "samples", "description": "The oldest first."}],
        default_render_options = {"data": {"src": "samples"}},
    )]
    fn samples(&self) -> NdArray<f64> {
        self.samples.get().into()
    }

    /// Every option of an input: a tuple has several outputs.
    #[node(
        name = "Run",
        description = "Runs the bench.",
        inputs = [{"name": "times", "description": "How often."}],
        outputs = [{"name": "done"}, {"name": "summary", "hidden": true}],
        default_io_options = {
            "times": {"value_options": {"min": 1, "max": 10}, "does_trigger": false},
            "mode": {"render_options": {"type": "select"}},
            "note": {"hidden": true, "required": false},
        },
        trigger_on_call = false,
    )]
    async fn run(
        &self,
        #[default(1)] times: u8,
        /// How careful to be.
        #[default(Mode::Safe)]
        mode: Mode,
        #[default("")] note: &str,
    ) -> Result<(bool, Json<Summary>)> {
        self.mode.set(Some(mode));
        for _ in 0..times {
            // Nobody else uses the instrument meanwhile; the loop goes on.
            let mut uses = self.instrument.lock().await;
            *uses += 1;
            let pause = match mode {
                Mode::Fast => Duration::from_millis(1),
                Mode::Safe => Duration::from_millis(20),
            };
            timeout(Duration::from_secs(1), async {
                sleep(pause).await;
                Ok(())
            })
            .await?;
        }
        if !note.is_empty() {
            log::info!("note: {note}");
        }
        let summary = self.samples.with(|samples| Summary {
            count: samples.len(),
            mean: samples.iter().sum::<f64>() / samples.len().max(1) as f64,
        });
        Ok((true, Json(summary)))
    }

    /// Offers what `refresh_items` has found.
    #[node(default_io_options = {"item": {"value_options": {"options": []}}})]
    fn pick(&self, item: String) -> String {
        item
    }

    /// Every type that can travel.
    #[node]
    #[expect(clippy::too_many_arguments, reason = "one of each")]
    fn types(
        &self,
        int: i64,
        float: f64,
        flag: bool,
        text: String,
        raw: Bytes,
        list: Vec<i64>,
        set: BTreeSet<String>,
        dict: BTreeMap<String, f64>,
        maybe: Option<i64>,
        array: NdArray<f32>,
        any: Json<Vec<(String, i64)>>,
    ) -> String {
        format!(
            "{int} {float} {flag} {text} {} {list:?} {set:?} {dict:?} {maybe:?} {:?} {:?}",
            raw.len(),
            array.shape(),
            any.0,
        )
    }

    /// Stops the loop for a while, or for ever.
    #[node]
    fn rest(&self, seconds: Option<u16>) {
        self.pause();
        if let Some(seconds) = seconds {
            self.resume_in(Duration::from_secs(seconds.into()));
        }
    }

    /// Ends this instance from within.
    #[node]
    fn finish(&self, sure: bool) {
        if sure {
            self.stop_self();
        }
    }

    /// `Self::PICK` is the method `pick` as a node: the nodes there are, and the class of those that
    /// will be made.
    fn refresh_items(&self, channels: &[Channel]) -> Result<()> {
        let names: Vec<&str> = channels
            .iter()
            .map(|channel| channel.name.as_str())
            .collect();
        let options = json!({ "options": names });
        for node in Self::PICK.nodes() {
            log::debug!("refreshing {}", node.id());
            node.input("item").update_value_options(&options)?;
            if let Some(first) = names.first() {
                node.input("item").set_default(*first)?;
            }
        }
        Self::PICK
            .nodeclass()
            .input("item")
            .update_value_options(&options)
    }
}
