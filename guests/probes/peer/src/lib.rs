//! The twin of `tests/peer/plugin`: classes that behave alike in Python and here, so that this host
//! and the Python Worker can be compared from outside. Change both or neither.

use std::collections::BTreeMap;

use external_worker::prelude::*;

/// One field of each kind that a settings form has.
#[config]
pub struct DemoConfig {
    /// poll interval
    #[config(default = 1.0, ge = 0.05)]
    interval_s: f64,
    #[config(default = "s3cr3t")]
    token: String,
    #[config(default = "x", export = false)]
    hidden: String,
    #[config(default = ConfigMode::A)]
    mode: ConfigMode,
}

/// A choice in the settings form.
#[config]
pub enum ConfigMode {
    #[serde(rename = "a")]
    A,
    #[serde(rename = "b")]
    B,
}

/// A choice on a node.
#[derive(NodeEnum, Clone, Copy)]
pub enum Level {
    Lo,
    Hi,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Lo => "lo",
            Self::Hi => "hi",
        }
    }
}

/// Counts its turns.
#[derive(Default)]
pub struct DemoWorker {
    turns: State<i64>,
}

#[external_worker(
    id = "demo_worker",
    title = "Demo Worker",
    config = DemoConfig,
    export_exclude = ["token"]
)]
impl DemoWorker {
    async fn r#loop(&self) -> Result<()> {
        self.turns.update(|turns| *turns += 1);
        Ok(())
    }

    fn get_nodeshelf(&self) -> Option<Shelf> {
        let double = ShelfNode::new("demo_shelf_node", |x: f64| x * 2.0)
            .title("Shelf Node")
            .inputs(["x"])
            .io_options("x", json!({"default": 1.0}));
        Some(Shelf::new("extras").description("dynamic").node(double))
    }

    /// Adds two numbers.
    #[node]
    fn add(&self, a: i64, #[default(5)] b: i64) -> Result<i64> {
        a.checked_add(b)
            .ok_or_else(|| Error::invalid_input("the sum is too large"))
    }

    #[node]
    fn get_count(&self) -> i64 {
        self.turns.get()
    }

    #[node(
        description = "explicit description",
        outputs = [{"name": "status", "type": "str"}],
        default_io_options = {"mode": {"value_options": {"options": ["fast", "safe"]}}},
        default_render_options = {"data": {"src": "status", "type": "text"}}
    )]
    async fn run(
        &self,
        #[default("safe")] mode: String,
        #[default(Level::Lo)] level: Level,
        gain: Option<f64>,
    ) -> String {
        let gain = gain.map_or_else(|| "None".to_owned(), |gain| format!("{gain:?}"));
        format!("{mode}-{}-{gain}", level.name())
    }
}

/// Costs as little as a worker can.
#[derive(Default)]
pub struct BenchWorker;

#[external_worker(id = "bench_worker")]
impl BenchWorker {
    async fn r#loop(&self) {}

    #[node]
    fn inc(&self, a: i64) -> i64 {
        a.saturating_add(1)
    }

    #[node]
    fn noop(&self) -> i64 {
        1
    }
}

/// Gives and takes what does not fit into an integer, and fails.
#[derive(Default)]
pub struct ValueWorker;

#[external_worker(id = "value_worker", title = "Value Worker")]
impl ValueWorker {
    #[node]
    fn negate(&self, flag: bool) -> bool {
        !flag
    }

    /// As many letters.
    #[node]
    fn text(&self, count: u32) -> String {
        "x".repeat(count as usize)
    }

    /// As many zeros.
    #[node]
    fn blob(&self, count: u32) -> Bytes {
        vec![0; count as usize].into()
    }

    #[node]
    fn reverse(&self, items: Vec<i64>) -> Vec<i64> {
        items.into_iter().rev().collect()
    }

    #[node]
    fn table(&self, rows: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        rows
    }

    #[node(outputs = [{"name": "whole"}, {"name": "rest"}])]
    fn divide(&self, a: i64, b: i64) -> Result<(i64, i64)> {
        match (a.checked_div_euclid(b), a.checked_rem_euclid(b)) {
            (Some(whole), Some(rest)) => Ok((whole, rest)),
            _ => Err(Error::invalid_input("division by zero")),
        }
    }

    #[node]
    fn fail(&self, why: String) -> Result<i64> {
        Err(Error::unavailable(why))
    }
}

export!(DemoWorker, BenchWorker, ValueWorker);
