//! A client that adds and removes nodes and external workers, changes a configuration and names, and looks after each
//! end of its connection whether what it was told is done is done.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::line::{Answer, Line};
use crate::writer::refused;

const PAUSE: Duration = Duration::from_millis(100);
/// Nodes that it has at the same time.
const NODES: usize = 12;
/// External workers of its own that it has at the same time.
const WORKERS: usize = 2;
/// Rounds between two looks at what is there though nothing happened.
const LOOKS_EVERY: u64 = 50;
/// Numbers that the probe takes; it refuses 13, and 99 it changes.
const NUMBERS: u64 = 12;

/// What it knows.
struct Built<'a> {
    uuid: &'a str,
    /// Nodes of its external worker, oldest first, and those that it was told are gone.
    nodes: Vec<String>,
    no_nodes: BTreeSet<String>,
    /// The same of external workers.
    workers: Vec<String>,
    no_workers: BTreeSet<String>,
    /// The number that it was told, and those asked for after that.
    numbers: Vec<u64>,
    /// What others have, as it was at the first look: whatever else comes up was asked for here, without an answer.
    others: Option<BTreeSet<String>>,
}

/// Builds until the soak is over.
pub fn build(mut line: Line<'_>, uuid: &str) {
    let mut built = Built {
        uuid,
        nodes: Vec::new(),
        no_nodes: BTreeSet::new(),
        workers: Vec::new(),
        no_workers: BTreeSet::new(),
        numbers: Vec::new(),
        others: None,
    };
    let mut round = 0;
    while !line.stage.is_over() {
        let is_new = !line.is_open();
        if !line.connect() {
            return;
        }
        if (is_new || round % LOOKS_EVERY == 0) && built.check(&mut line).is_none() {
            continue;
        }
        match round % 8 {
            0 if round % 64 == 0 => built.change_workers(&mut line),
            1 | 5 => built.configure(&mut line, round / 4 % NUMBERS),
            _ => built.change_nodes(&mut line),
        }
        round += 1;
        sleep(PAUSE);
    }
    while line.connect() && built.check(&mut line).is_none() && !line.is_open() {}
}

impl Built<'_> {
    fn change_nodes(&mut self, line: &mut Line<'_>) {
        if self.nodes.len() >= NODES {
            let oldest = self.nodes.remove(0);
            match line.ask("remove_node", json!({ "id": oldest })) {
                Answer::Is(_) => {
                    self.no_nodes.insert(oldest);
                    line.stage.tally.count("acknowledged removals of nodes");
                }
                Answer::Refused(why) => refused(line, "remove_node", &why),
                Answer::Gone => {}
            }
            return;
        }
        let class = format!("probe.{}.echo", self.uuid);
        match line.ask("add_node", json!({ "id": class })) {
            Answer::Is(node) => {
                self.nodes.extend(node["id"].as_str().map(str::to_owned));
                line.stage.tally.count("acknowledged nodes");
            }
            Answer::Refused(why) => refused(line, "add_node", &why),
            Answer::Gone => {}
        }
    }

    fn change_workers(&mut self, line: &mut Line<'_>) {
        if self.workers.len() >= WORKERS {
            let oldest = self.workers.remove(0);
            let of_it = json!({ "worker_id": oldest, "class_id": "probe" });
            match line.ask("remove_external_worker", of_it) {
                Answer::Is(_) => {
                    self.no_workers.insert(oldest);
                    line.stage.tally.count("acknowledged removals of workers");
                }
                Answer::Refused(why) => refused(line, "remove_external_worker", &why),
                Answer::Gone => {}
            }
            return;
        }
        let asked = json!({ "module": "probe", "cls_module": "probe", "cls_name": "probe" });
        match line.ask("add_external_worker", asked) {
            Answer::Is(added) => {
                self.workers
                    .extend(added["uuid"].as_str().map(str::to_owned));
                line.stage.tally.count("acknowledged workers");
            }
            Answer::Refused(why) => refused(line, "add_external_worker", &why),
            Answer::Gone => {}
        }
    }

    fn configure(&mut self, line: &mut Line<'_>, number: u64) {
        let config = json!({ "number": number });
        let update = json!({ "worker_id": self.uuid, "class_id": "probe", "config": config });
        self.numbers.push(number);
        match line.ask("update_external_worker", update) {
            Answer::Is(_) => {
                self.numbers = vec![number];
                line.stage.tally.count("acknowledged configurations");
            }
            Answer::Refused(why) => refused(line, "update_external_worker", &why),
            Answer::Gone => {}
        }
    }

    /// Compares with what there is. `None`: the connection is gone once more.
    fn check(&mut self, line: &mut Line<'_>) -> Option<()> {
        let nodes = line.insist("get_nodes", &json!({}))?;
        let nodes = nodes.as_array()?.iter();
        let nodes = nodes.filter_map(|node| node["id"].as_str().map(str::to_owned));
        let nodes: BTreeSet<_> = nodes.collect();
        self.compare(line, "node", &nodes, &self.nodes, &self.no_nodes);
        // Its answer waits until the class is known again: a tenant serves before its modules are there.
        self.check_number(line)?;
        let workers = uuids_in(&line.insist("get_worker_dependencies", &json!({}))?);
        self.compare(
            line,
            "external worker",
            &workers,
            &self.workers,
            &self.no_workers,
        );
        self.take_over(nodes, workers);
        Some(())
    }

    /// What there is, is from then on what is known.
    fn take_over(&mut self, nodes: BTreeSet<String>, workers: BTreeSet<String>) {
        self.no_nodes.clear();
        self.no_workers.clear();
        let all = || nodes.union(&workers).cloned().collect();
        let others = self.others.get_or_insert_with(all);
        let new = |ids: &BTreeSet<String>, known: &mut Vec<String>| {
            known.retain(|id| ids.contains(id));
            let new = ids.iter().filter(|id| !others.contains(*id));
            let new: Vec<_> = new.filter(|id| !known.contains(id)).cloned().collect();
            known.extend(new);
        };
        new(&nodes, &mut self.nodes);
        new(&workers, &mut self.workers);
    }

    fn check_number(&mut self, line: &mut Line<'_>) -> Option<()> {
        let of_it = json!({ "worker_id": self.uuid, "class_id": "probe" });
        let form = line.insist("get_external_worker_config", &of_it)?;
        let is = form["formData"]["number"].as_u64();
        if !self.numbers.is_empty() {
            line.stage.tally.check();
            if !is.is_some_and(|is| self.numbers.contains(&is)) {
                let (name, numbers) = (&line.tenant.name, &self.numbers);
                line.stage.lost(format_args!(
                    "{name}: the number is {is:?}, and was one of {numbers:?}"
                ));
            }
            self.numbers = is.into_iter().collect();
        }
        Some(())
    }

    fn compare(
        &self,
        line: &Line<'_>,
        what: &str,
        there: &BTreeSet<String>,
        told: &[String],
        gone: &BTreeSet<String>,
    ) {
        let name = &line.tenant.name;
        for id in told {
            line.stage.tally.check();
            if !there.contains(id) {
                line.stage.lost(format_args!(
                    "{name}: the {what} {id}, which was acknowledged"
                ));
            }
        }
        for id in gone {
            line.stage.tally.check();
            if there.contains(id) {
                line.stage
                    .lost(format_args!("{name}: the removal of the {what} {id}"));
            }
        }
    }
}

/// All uuids in an answer, wherever they are.
fn uuids_in(json: &Json) -> BTreeSet<String> {
    match json {
        Json::String(text) if is_uuid(text) => [text.clone()].into(),
        Json::Array(all) => all.iter().flat_map(uuids_in).collect(),
        Json::Object(all) => {
            let keys = all.keys().filter(|key| is_uuid(key)).cloned();
            keys.chain(all.values().flat_map(uuids_in)).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok()
}
