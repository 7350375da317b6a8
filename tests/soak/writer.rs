//! A client that sets values at many nodes at once, and knows of each what it was told is done: that has to be there
//! whenever it looks, whatever happened meanwhile.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::line::{Answer, Line};

/// Rounds between two looks at what is there though nothing happened.
const LOOKS_EVERY: u64 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of one value: it was told the one, and asked for the other after that.
struct Lane<'a> {
    node: &'a str,
    acknowledged: u64,
    asked: u64,
}

/// Sets values until the soak is over, and looks whenever the connection was gone, and at the end.
pub fn write(mut line: Line<'_>, nodes: &[String]) {
    let lane = |node| Lane {
        node,
        acknowledged: 0,
        asked: 0,
    };
    let mut lanes: Vec<_> = nodes.iter().map(|node| lane(node)).collect();
    let mut rounds = 0;
    while !line.stage.is_over() {
        let is_new = !line.is_open();
        if !line.connect() {
            return;
        }
        if is_new || rounds % LOOKS_EVERY == 0 {
            check(&mut line, &mut lanes);
        }
        change(&mut line, &mut lanes);
        rounds += 1;
        sleep(PAUSE);
    }
    check(&mut line, &mut lanes);
}

fn change(line: &mut Line<'_>, lanes: &mut [Lane<'_>]) {
    let ask = |lane: &mut Lane<'_>| {
        lane.asked += 1;
        json!({ "nid": lane.node, "ioid": "value", "value": lane.asked, "set_default": true })
    };
    let asked: Vec<_> = lanes.iter_mut().map(ask).collect();
    for (lane, answer) in lanes.iter_mut().zip(line.ask_all("set_io_value", &asked)) {
        match answer {
            Answer::Is(set) if set == lane.asked => {
                lane.acknowledged = lane.asked;
                line.stage.tally.count("acknowledged values");
            }
            Answer::Is(set) => {
                let asked = lane.asked;
                let name = &line.tenant.name;
                line.stage.wrong(format_args!(
                    "{name}: asked to set {asked}, and {set} is said to be set"
                ));
            }
            Answer::Refused(why) => refused(line, "set_io_value", &why),
            Answer::Gone => {}
        }
    }
}

/// Nothing is refused but where the disk is full, and by a process that ends.
pub fn refused(line: &Line<'_>, what: &str, why: &str) {
    let stage = line.stage;
    stage.tally.failed("refused changes", why);
    let by_disk = why.starts_with("it was not saved") && line.tenant.is_full.load(SeqCst);
    let by_end = ["the worker is stopping", "the Worker is closing"].contains(&why);
    if !by_disk && !by_end {
        let name = &line.tenant.name;
        stage.wrong(format_args!("{name}: {what} was refused: {why}"));
    }
}

/// Compares with what there is, which is from then on what is known.
fn check(line: &mut Line<'_>, lanes: &mut [Lane<'_>]) {
    for lane in lanes {
        let get = json!({ "nid": lane.node, "ioid": "value" });
        let Some(value) = line.insist("get_io_value", &get) else {
            return;
        };
        if lane.asked == 0 {
            continue;
        }
        let is = value.as_u64().unwrap_or(0);
        line.stage.tally.check();
        if is < lane.acknowledged || is > lane.asked {
            line.stage.lost(lane_lost(line, lane, &value));
        }
        (lane.acknowledged, lane.asked) = (is, is);
    }
}

fn lane_lost(line: &Line<'_>, lane: &Lane<'_>, value: &Json) -> String {
    format!(
        "{}: the value of node {} is {value}; {} was acknowledged, {} asked for",
        line.tenant.name, lane.node, lane.acknowledged, lane.asked
    )
}
