//! Clients that behave: they call nodes and use devices, and check each answer. How long their calls take is what the
//! soak says of the host's speed.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::{Scope, sleep};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crowd::Cast;
use crate::line::{Line, Run};
use crate::random::Random;
use crate::stage::{LIMIT, Stage, Tenant};
use crate::{builder, keeper, rude, writer};

/// Between two calls: who calls without a pause measures itself.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two uses of a device.
const DEVICE_PAUSE: Duration = Duration::from_millis(200);

/// Has all clients of a tenant begin; they end when the soak is over.
pub fn begin<'scope>(
    scope: &'scope Scope<'scope, '_>,
    stage: &'scope Stage,
    tenant: &'scope Tenant,
    cast: &'scope Cast,
    random: &mut Random,
) {
    let line = move || Line::new(stage, tenant);
    for node in &cast.callers {
        scope.spawn(move || call(line(), node));
    }
    scope.spawn(move || writer::write(line(), &cast.lanes));
    scope.spawn(move || builder::build(line(), &cast.built));
    scope.spawn(move || keeper::remember(line(), cast));
    scope.spawn(move || keeper::count(line(), cast));
    scope.spawn(move || use_serial(line(), cast));
    scope.spawn(move || use_service(line(), &cast.incr));
    let poking = random.apart();
    scope.spawn(move || rude::poke(line(), cast, poking));
    let (stalling, dropping) = (random.apart(), random.apart());
    scope.spawn(move || rude::stall(line(), stalling));
    scope.spawn(move || rude::drop_in_the_middle(line(), dropping));
    scope.spawn(move || rude::come_and_go(line()));
}

/// Calls a node, each time with another number, which has to come out.
fn call(mut line: Line<'_>, node: &str) {
    let mut n = 1_i64 << 40;
    while !line.stage.is_over() {
        if !line.is_open() && !pulse(&mut line, node, LIMIT) {
            return;
        }
        n += 1;
        let set = json!({ "nid": node, "ioid": "value", "value": n });
        let begin = Instant::now();
        let body = n.to_be_bytes();
        match line.run(("set_io_value", set), node, |out| out == body) {
            Run::Out(_) => line.stage.tally.called(begin.elapsed()),
            Run::Failed(why) => line.stage.tally.failed("calls that failed", &why),
            Run::Gone => {}
        }
        sleep(PAUSE);
    }
}

/// Calls a node of a tenant until it is answered, as who comes anew: a tenant serves before its modules are there, and
/// until then its nodes are there, and do nothing. `false`: it never is.
pub fn pulse(line: &mut Line<'_>, node: &str, limit: Duration) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < limit.min(line.stage.limit()) && line.connect() {
        match line.trigger(node) {
            Run::Out(_) => return true,
            Run::Failed(_) => sleep(PAUSE),
            Run::Gone => {}
        }
    }
    let (name, within) = (&line.tenant.name, limit.as_secs());
    line.stage
        .wrong(format_args!("{name} answered no call for {within} s"));
    false
}

/// Asks the instrument at the serial port, and opens the port again where it does not answer.
fn use_serial(mut line: Line<'_>, cast: &Cast) {
    let mut is_open = false;
    while !line.stage.is_over() && line.connect() {
        if !is_open {
            line.say("trigger_node", json!({ "nid": cast.open }));
        }
        let tally = &line.stage.tally;
        is_open = match line.trigger(&cast.ask) {
            Run::Out(answer) => {
                let named = answer.windows(11).any(|part| part == b"THERMOMETER");
                if named {
                    line.tenant.serial.fetch_add(1, SeqCst);
                    tally.count("answers of serial ports");
                }
                named
            }
            Run::Failed(why) => {
                tally.failed("failed uses of serial ports", &why);
                line.say("trigger_node", json!({ "nid": cast.close }));
                false
            }
            Run::Gone => false,
        };
        sleep(DEVICE_PAUSE);
    }
}

/// Counts at the service.
fn use_service(mut line: Line<'_>, incr: &str) {
    while !line.stage.is_over() && line.connect() {
        match line.trigger(incr) {
            Run::Out(_) => {
                line.tenant.service.fetch_add(1, SeqCst);
                line.stage.tally.count("answers of services");
            }
            Run::Failed(why) => line.stage.tally.failed("failed uses of services", &why),
            Run::Gone => {}
        }
        sleep(DEVICE_PAUSE);
    }
}
