//! Clients of what external workers keep by themselves: a file in the folder of one, which outlives everything, and the
//! state that one saves when it is ended well.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::crowd::Cast;
use crate::line::{Line, Run};

const PAUSE: Duration = Duration::from_millis(100);
/// Runs that are tried until one says what there is.
const TRIES: u32 = 600;

/// Has a file grow by a byte for each call. What a call answered is in the file after everything.
pub fn count(mut line: Line<'_>, cast: &Cast) {
    let (mut acknowledged, mut asked) = (0, 0);
    while !line.stage.is_over() {
        let is_new = !line.is_open();
        if !line.connect() {
            return;
        }
        if is_new {
            check_count(&mut line, cast, &mut acknowledged, &mut asked);
        }
        asked += 1;
        match line.trigger(&cast.bump) {
            Run::Out(out) => {
                acknowledged = number(&out);
                line.stage.tally.count("acknowledged bytes of files");
            }
            Run::Failed(why) => line.stage.tally.failed("refused bytes of files", &why),
            Run::Gone => {}
        }
        sleep(PAUSE);
    }
    check_count(&mut line, cast, &mut acknowledged, &mut asked);
}

fn check_count(line: &mut Line<'_>, cast: &Cast, acknowledged: &mut i64, asked: &mut i64) {
    let Some(out) = say(line, &cast.count) else {
        return;
    };
    let is = number(&out);
    line.stage.tally.check();
    if is < *acknowledged || (*asked > 0 && is > *asked) {
        let name = &line.tenant.name;
        line.stage.lost(format_args!(
            "{name}: its file has {is} bytes; {acknowledged} were acknowledged, {asked} asked for"
        ));
    }
    (*acknowledged, *asked) = (is, is);
}

/// What a node says, however often that has to be asked; `None`: nothing, which is said.
fn say(line: &mut Line<'_>, node: &str) -> Option<Vec<u8>> {
    let mut why = String::new();
    for _ in 0..TRIES {
        if !line.connect() {
            return None;
        }
        match line.trigger(node) {
            Run::Out(out) => return Some(out),
            Run::Failed(problem) => why = problem,
            Run::Gone => {}
        }
        sleep(PAUSE);
    }
    let name = &line.tenant.name;
    line.stage
        .wrong(format_args!("{name}: the node {node} says nothing: {why}"));
    None
}

fn number(out: &[u8]) -> i64 {
    out.try_into().map_or(-1, i64::from_be_bytes)
}

/// Has an external worker remember a text, which it saves when it is ended well.
pub fn remember(mut line: Line<'_>, cast: &Cast) {
    let mut n = 0_u64;
    // What it says that it remembers, and what was done to its tenant before it said so.
    let mut known: Option<(String, u32)> = None;
    while !line.stage.is_over() {
        let is_new = !line.is_open();
        if !line.connect() {
            return;
        }
        if is_new {
            // Also where nothing is known: what is set before its module is there, it does not hear.
            let Some(out) = say(&mut line, &cast.recall) else {
                return;
            };
            if let Some((text, harm)) = &known {
                check_memory(&line, &out, text, *harm);
            }
        }
        n += 1;
        let (text, harm) = (format!("text {n}"), line.tenant.harm.load(SeqCst));
        // An end between what is asked and what is said leaves either.
        known = None;
        let set = json!({ "nid": cast.remember, "ioid": "text", "value": text });
        line.say("set_io_value", set);
        if recalls(&mut line, cast, &text) {
            line.stage.tally.count("acknowledged states");
            known = Some((text, harm));
        }
        sleep(PAUSE * 5);
    }
}

/// Whether it comes to say that text on this connection.
fn recalls(line: &mut Line<'_>, cast: &Cast, text: &str) -> bool {
    for _ in 0..TRIES {
        match line.trigger(&cast.recall) {
            Run::Out(out) if out == text.as_bytes() => return true,
            Run::Out(_) | Run::Failed(_) => sleep(PAUSE),
            Run::Gone => return false,
        }
    }
    let name = &line.tenant.name;
    line.stage.wrong(format_args!(
        "{name}: it does not come to remember {text:?}"
    ));
    false
}

fn check_memory(line: &Line<'_>, out: &[u8], text: &str, harm: u32) {
    if line.tenant.harm.load(SeqCst) != harm {
        // A state is saved by who is ended well, and by nobody else.
        return;
    }
    line.stage.tally.check();
    if out != text.as_bytes() {
        let (name, out) = (&line.tenant.name, String::from_utf8_lossy(out));
        line.stage.lost(format_args!(
            "{name}: it remembers {out:?}, and not {text:?}"
        ));
    }
}
