//! A Worker against the simplest thing that behaves as it should: random sequences of what clients,
//! guests and operators do, each step followed by a look at everything that can be seen. A sequence
//! that ends in a difference is made as short as it gets, and printed with the seed that it is from.

use std::collections::BTreeMap;
use std::sync::Arc;

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::nodespace::Value;
use external_worker_host::worker::{NewInstance, Worker, WorkerEvent};
use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::sync::broadcast;

use crate::worker::Site;

/// Set to a number, it is the sequence that is tried besides the usual ones.
const SEED: &str = "EWH_MODEL_SEED";
const CLASS: &str = "probe";
const SEQUENCES: u64 = 24;
const STEPS: usize = 50;
/// Fewer uuids than what sequences add: some are taken, some are free again.
const UUIDS: [&str; 4] = [
    "00000000000000000000000000000000",
    "0123456789abcdef0123456789abcdef",
    "11111111111111111111111111111111",
    "ffffffffffffffffffffffffffffffff",
];
/// The methods that every external worker here has a node of.
const METHODS: [&str; 4] = ["applied", "recall", "remember", "give_up"];
/// What a client says, and what the name is then; `None`: the one that it has by default.
const NAMES: [(&str, Option<&str>); 4] = [
    ("Mine", Some("Mine")),
    ("  a\u{1b}b \n", Some("a\u{fffd}b")),
    ("", None),
    ("\u{202e}", Some("\u{fffd}")),
];

/// One thing that is done. Numbers beside a uuid say which of a table.
#[derive(Debug, Clone, Copy)]
enum Step {
    Add(usize, Number),
    Call(usize, usize),
    Configure(usize, Number),
    Rename(usize, usize),
    Pause(usize),
    Resume(usize),
    Turn(usize),
    Kill(usize),
    Restart(usize),
    SetDefault(usize, usize),
    Remove(usize),
    Save,
    Reload,
}

/// A value for the field `number` of the probe's configuration.
#[derive(Debug, Clone, Copy)]
enum Number {
    /// Any but 13, which the guest refuses when it is running.
    Valid(i64),
    TooLarge,
    OfAnotherType,
    /// The field has another name, which is left out.
    Misspelled,
}

impl Number {
    fn config(self) -> Json {
        match self {
            Self::Valid(number) => json!({ "number": number }),
            Self::TooLarge => json!({ "number": 101 }),
            Self::OfAnotherType => json!({ "number": "7" }),
            Self::Misspelled => json!({ "nmuber": 7 }),
        }
    }
}

/// An external worker as it should be.
#[derive(Debug, Clone)]
struct One {
    name: String,
    number: i64,
    /// What the guest keeps, which a trap loses and nothing else.
    text: String,
    /// Of the node of `remember`.
    default: Option<String>,
    paused: bool,
    /// Traps since it was started; `None`: it is down.
    traps: Option<u32>,
}

/// Of the policy that nobody wrote: see `Budget`.
const RESTARTS: u32 = 3;

type Model = BTreeMap<&'static str, One>;

/// Numbers that follow from the first one.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn number(&mut self) -> Number {
        match self.below(8) {
            0 => Number::Valid(13),
            1 => Number::TooLarge,
            2 => Number::OfAnotherType,
            3 => Number::Misspelled,
            _ => Number::Valid(self.below(101) as i64),
        }
    }

    fn step(&mut self) -> Step {
        let who = self.below(UUIDS.len());
        match self.below(100) {
            0..20 => Step::Add(who, self.number()),
            20..36 => Step::Call(who, self.below(1000)),
            36..54 => Step::Configure(who, self.number()),
            54..60 => Step::Rename(who, self.below(NAMES.len())),
            60..65 => Step::Pause(who),
            65..70 => Step::Resume(who),
            70..74 => Step::Turn(who),
            74..79 => Step::Kill(who),
            79..83 => Step::Restart(who),
            83..88 => Step::SetDefault(who, self.below(1000)),
            88..93 => Step::Remove(who),
            93..96 => Step::Save,
            _ => Step::Reload,
        }
    }
}

fn sequence(seed: u64) -> Vec<Step> {
    let mut dice = Dice(seed);
    (0..STEPS).map(|_| dice.step()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_does_what_the_simplest_model_of_it_does() {
    // One that nobody tried before, besides those that everybody does.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let given = std::env::var(SEED).ok();
    let fresh = given.map_or(now.unwrap().as_nanos() as u64, |seed| seed.parse().unwrap());
    for seed in (0..SEQUENCES).chain([fresh]) {
        let steps = sequence(seed);
        if let Err(difference) = try_all(&steps).await {
            let (steps, difference) = shortest(steps, difference).await;
            panic!("{difference}\nafter {steps:?}\nTo repeat it: {SEED}={seed}");
        }
    }
}

/// As few of the steps as still end in a difference.
async fn shortest(mut steps: Vec<Step>, mut difference: String) -> (Vec<Step>, String) {
    let mut length = steps.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + length).min(steps.len()));
            match try_all(&fewer).await {
                Err(still) => (steps, difference) = (fewer, still),
                Ok(()) => at += length,
            }
        }
        length /= 2;
    }
    (steps, difference)
}

/// Does all of it in a Worker of its own, and says where that differs from the model.
async fn try_all(steps: &[Step]) -> Result<(), String> {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let mut run = Run {
        site,
        model: Model::new(),
    };
    for (at, step) in steps.iter().enumerate() {
        let done = async {
            run.take(*step).await?;
            run.look().await
        };
        let done = tokio::time::timeout(PATIENCE, done).await;
        let done = done.unwrap_or_else(|_| Err("it comes to no end".to_owned()));
        done.map_err(|difference| format!("step {at}, {step:?}: {difference}"))?;
    }
    run.site.worker.close(PATIENCE).await.unwrap();
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    if is == should {
        return Ok(());
    }
    Err(format!("{what} is {is:?} and should be {should:?}"))
}

struct Run {
    site: Site,
    model: Model,
}

impl Run {
    fn worker(&self) -> &Worker {
        &self.site.worker
    }

    /// Takes a step in both.
    async fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Add(who, number) => self.add(UUIDS[who], number).await,
            Step::Call(who, text) => self.call(UUIDS[who], &format!("text {text}")).await,
            Step::Configure(who, number) => self.configure(UUIDS[who], number).await,
            Step::Rename(who, name) => self.rename(UUIDS[who], NAMES[name]).await,
            Step::Pause(who) => self.set_paused(UUIDS[who], true),
            Step::Resume(who) => self.set_paused(UUIDS[who], false),
            Step::Turn(who) => self.turn(UUIDS[who]).await,
            Step::Kill(who) => self.kill(UUIDS[who]).await,
            Step::Restart(who) => self.restart(UUIDS[who]).await,
            Step::SetDefault(who, text) => self.set_default(UUIDS[who], &format!("default {text}")),
            Step::Remove(who) => {
                let removed = self.worker().remove_instance(UUIDS[who], CLASS).await;
                let was_there = self.model.remove(UUIDS[who]).is_some();
                same("removed", removed.is_ok(), was_there)
            }
            Step::Save => self
                .worker()
                .saved()
                .await
                .map_err(|error| error.to_string()),
            Step::Reload => self.reload().await,
        }
    }

    async fn add(&mut self, uuid: &'static str, number: Number) -> Result<(), String> {
        let new = NewInstance {
            uuid: Some(uuid.to_owned()),
            name: None,
            config: Some(number.config()),
        };
        let added = self
            .worker()
            .add_instance("probe", CLASS, new)
            .await
            .is_ok();
        let number = match number {
            Number::Valid(number) => Some(number),
            Number::Misspelled => Some(1),
            Number::TooLarge | Number::OfAnotherType => None,
        };
        let number = number.filter(|_| !self.model.contains_key(uuid));
        same("added", added, number.is_some())?;
        let Some(number) = number else { return Ok(()) };
        let one = One {
            name: format!("Probe({uuid})"),
            number,
            text: String::new(),
            default: None,
            paused: false,
            traps: Some(0),
        };
        self.model.insert(uuid, one);
        for method in METHODS {
            let class = format!("{CLASS}.{uuid}.{method}");
            let new = external_worker_host::nodespace::NewNode {
                id: Some(format!("{uuid}-{method}")),
                ..Default::default()
            };
            let node = self.worker().nodespace().add_node(&class, new);
            node.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Gives the guest a text to keep.
    async fn call(&mut self, uuid: &str, text: &str) -> Result<(), String> {
        let node = format!("{uuid}-remember");
        let graph = self.worker().nodespace();
        let value = Some(Value::Text(text.to_owned()));
        let set = graph.set_value(&node, "text", value, false).is_ok();
        same("the input is set", set, self.model.contains_key(uuid))?;
        if !set {
            return Ok(());
        }
        graph.node_idle(&node).await;
        let failed = self.has_failed(&node)?;
        let one = self.one(uuid);
        if one.traps.is_some() {
            one.text = text.to_owned();
        }
        same("the call failed", failed, one.traps.is_none())
    }

    async fn configure(&mut self, uuid: &str, number: Number) -> Result<(), String> {
        let config = Some(number.config());
        let updated = self.worker().update_instance(uuid, CLASS, None, config);
        let updated = updated.await.is_ok();
        let is_up = self.is_up(uuid);
        let fits = match number {
            Number::Valid(number) => number != 13,
            // What is merged is the number that it has, and the guest is asked again.
            Number::Misspelled => self.model.get(uuid).is_some_and(|one| one.number != 13),
            Number::TooLarge | Number::OfAnotherType => false,
        };
        same("configured", updated, fits && is_up)?;
        if let (Number::Valid(number), true) = (number, updated) {
            self.one(uuid).number = number;
        }
        Ok(())
    }

    async fn rename(
        &mut self,
        uuid: &str,
        (said, name): (&str, Option<&str>),
    ) -> Result<(), String> {
        let renamed = self.worker().update_instance(uuid, CLASS, Some(said), None);
        let renamed = renamed.await.is_ok();
        same("renamed", renamed, self.model.contains_key(uuid))?;
        if renamed {
            let default = format!("Probe({uuid})");
            self.one(uuid).name = name.map_or(default, str::to_owned);
        }
        Ok(())
    }

    fn set_paused(&mut self, uuid: &str, paused: bool) -> Result<(), String> {
        let set = if paused {
            self.worker().pause_instance(uuid, CLASS)
        } else {
            self.worker().resume_instance(uuid, CLASS)
        };
        same("paused or resumed", set.is_ok(), self.is_up(uuid))?;
        if set.is_ok() {
            self.one(uuid).paused = paused;
        }
        Ok(())
    }

    /// Its loop turns, or rests.
    async fn turn(&mut self, uuid: &str) -> Result<(), String> {
        if !self.is_up(uuid) {
            return Ok(());
        }
        let paused = self.one(uuid).paused;
        let graph = self.worker().nodespace();
        let turns = self.site.node(CLASS, uuid, "turns");
        let wait = self.site.node(CLASS, uuid, "wait");
        let waited = async |ms| {
            let value = Some(Value::Integer(ms));
            graph.set_value(&wait, "ms", value, false).unwrap();
            graph.node_idle(&wait).await;
            self.site.run(&turns).await
        };
        // A turn that was under way may end.
        let before = waited(10).await;
        let mut after = waited(11).await;
        while !paused && after == before {
            after = waited(12).await;
        }
        graph.remove_node(&turns).unwrap();
        graph.remove_node(&wait).unwrap();
        same("a turn ended", after != before, !paused)
    }

    /// The guest traps.
    async fn kill(&mut self, uuid: &'static str) -> Result<(), String> {
        let Some(traps) = self.model.get(uuid).and_then(|one| one.traps) else {
            return Ok(());
        };
        let mut events = self.worker().subscribe();
        let node = format!("{uuid}-give_up");
        self.worker().nodespace().trigger(&node).unwrap();
        self.worker().nodespace().node_idle(&node).await;
        same("the call failed", self.has_failed(&node)?, true)?;
        // It is down; or it starts again, and then it is there.
        changed(&mut events).await;
        if traps < RESTARTS {
            changed(&mut events).await;
        }
        let one = self.one(uuid);
        one.traps = Some(traps + 1).filter(|traps| *traps <= RESTARTS);
        one.text.clear();
        Ok(())
    }

    async fn restart(&mut self, uuid: &'static str) -> Result<(), String> {
        let mut events = self.worker().subscribe();
        let restarted = self.worker().restart_instance(uuid, CLASS).await;
        same(
            "restarted",
            restarted.is_ok(),
            self.model.contains_key(uuid),
        )?;
        if restarted.is_ok() {
            changed(&mut events).await;
            let one = self.one(uuid);
            one.traps = Some(one.traps.unwrap_or(0));
        }
        Ok(())
    }

    fn set_default(&mut self, uuid: &str, text: &str) -> Result<(), String> {
        let default = Some(Value::Text(text.to_owned()));
        let node = format!("{uuid}-remember");
        let graph = self.worker().nodespace();
        // A client that makes a value the default has it saved; here nothing but the default is set.
        let set = graph.set_default(&node, "text", default).is_ok();
        same("the default is set", set, self.model.contains_key(uuid))?;
        if set {
            self.one(uuid).default = Some(text.to_owned());
        }
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), String> {
        self.site.reopen_in_place().await;
        for one in self.model.values_mut() {
            // What is down starts anew.
            one.traps = Some(0);
        }
        Ok(())
    }

    fn one(&mut self, uuid: &str) -> &mut One {
        self.model.get_mut(uuid).expect("the model has it")
    }

    fn is_up(&self, uuid: &str) -> bool {
        self.model.get(uuid).is_some_and(|one| one.traps.is_some())
    }

    fn has_failed(&self, node: &str) -> Result<bool, String> {
        let status = self.worker().nodespace().status(node);
        let status = status.map_err(|error| error.to_string())?;
        Ok(status.error.is_some())
    }

    /// Everything that can be seen is as the model has it.
    async fn look(&self) -> Result<(), String> {
        let state = json!(self.worker().modules());
        let instances = &state[0]["worker_classes"][0]["instances"];
        let uuids = instances.as_array().into_iter().flatten();
        let uuids: Vec<_> = uuids.filter_map(|one| one["uuid"].as_str()).collect();
        same("what is there", uuids, self.model.keys().copied().collect())?;
        let graph = self.worker().nodespace();
        let mut nodes: Vec<_> = graph.node_ids().iter().map(ToString::to_string).collect();
        nodes.sort();
        let all = self.model.keys();
        let all = all.flat_map(|uuid| METHODS.map(|method| format!("{uuid}-{method}")));
        let mut all: Vec<_> = all.collect();
        all.sort();
        same("the nodes", nodes, all)?;
        for (uuid, one) in &self.model {
            self.look_at(uuid, one).await?;
        }
        Ok(())
    }

    async fn look_at(&self, uuid: &str, one: &One) -> Result<(), String> {
        let is_up = one.traps.is_some();
        let seen = self.site.seen(uuid).ok_or("it is not seen")?;
        same("its name", &seen["name"], &json!(one.name))?;
        same("whether it runs", &seen["running"], &json!(is_up))?;
        let form = self.worker().form(uuid, CLASS);
        let form = json!(form.map_err(|error| error.to_string())?);
        same(
            "its number",
            &form["formData"]["number"],
            &json!(one.number),
        )?;
        let graph = self.worker().nodespace();
        let input = json!(graph.io(&format!("{uuid}-remember"), "text").unwrap());
        let default = one.default.as_deref().unwrap_or("<NoValue>");
        same("the default", &input["default"], &json!(default))?;
        for (method, should) in [("applied", json!(one.number)), ("recall", json!(one.text))] {
            let node = format!("{uuid}-{method}");
            let out = self.site.run(&node).await;
            same("that the call fails", self.has_failed(&node)?, !is_up)?;
            if is_up {
                same(method, out, should)?;
            }
        }
        Ok(())
    }
}

/// Waits until the Worker says that an external worker changed.
async fn changed(events: &mut broadcast::Receiver<Arc<WorkerEvent>>) {
    external_worker_tests::wait_for(events, |event| match event {
        WorkerEvent::Worker { event, .. } if event == "external_worker_update" => Some(()),
        _ => None,
    })
    .await;
}
