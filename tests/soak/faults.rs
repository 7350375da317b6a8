//! What is done to the host: one thing after the other, in an order that the seed decides, each until everybody it
//! concerned is served again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::clients::pulse;
use crate::crowd::{Cast, SMALL_DISK, STEADY};
use crate::devices::{Port, Service};
use crate::disk::Disk;
use crate::host::{Called, Host, has_own_clocks, send};
use crate::line::{Answer, Line};
use crate::random::Random;
use crate::stage::{LIMIT, Stage, Tenant};

/// How long the host may take to end well.
const ENDS: Duration = LIMIT;
/// How long a full disk is waited for to be noticed by who writes.
const NOTICES: Duration = Duration::from_secs(10);
/// Bytes of a value that a disk has to have room for.
const BALLAST: usize = 256 * 1024;
/// Clocks that a host is started with, in seconds ahead: an hour, a month, more than a year.
const AHEAD: [u64; 3] = [3_600, 30 * 86_400, 400 * 86_400];

/// What there is to be broken.
pub struct Machine {
    pub called: Called,
    pub host: Host,
    pub ports: Vec<Port>,
    pub service: Service,
    pub disk: Disk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    KillTenant,
    EndTenant,
    StopTenant,
    StopHost,
    KillHost,
    Upgrade,
    Clock,
    FullDisk,
    Unplug,
    KillService,
}

const ALL: [Fault; 10] = [
    Fault::KillTenant,
    Fault::EndTenant,
    Fault::StopTenant,
    Fault::StopHost,
    Fault::KillHost,
    Fault::Upgrade,
    Fault::Clock,
    Fault::FullDisk,
    Fault::Unplug,
    Fault::KillService,
];

impl Fault {
    fn kind(self) -> &'static str {
        match self {
            Self::KillTenant => "SIGKILL of a tenant's process",
            Self::EndTenant => "SIGTERM of a tenant's process",
            Self::StopTenant => "clock jump: SIGSTOP of a tenant",
            Self::StopHost => "clock jump: SIGSTOP of the host",
            Self::KillHost => "SIGKILL of the host",
            Self::Upgrade => "SIGTERM of the host, an upgrade",
            Self::Clock => "clock jump: host on another clock",
            Self::FullDisk => "full disk",
            Self::Unplug => "unplugged serial port",
            Self::KillService => "SIGKILL of a service",
        }
    }

    fn ends_host(self) -> bool {
        matches!(self, Self::KillHost | Self::Upgrade | Self::Clock)
    }
}

/// Who injects them.
pub struct Injector<'a> {
    pub stage: &'a Arc<Stage>,
    pub casts: &'a [Cast],
    pub machine: Machine,
    pub random: Random,
    /// The longest pause between two.
    pub longest_pause: Duration,
}

impl Injector<'_> {
    /// Goes on until `end`, and until there was one of each; from `half` on the host lives, and the steady tenant, so
    /// that their memory is watched for long.
    pub fn inject_until(&mut self, half: Instant, end: Instant) {
        let mut deck = self.deck(false);
        let mut had_all = false;
        while Instant::now() < end || !had_all {
            let is_second = had_all && Instant::now() >= half;
            let Some(fault) = deck.pop() else {
                had_all = true;
                deck = self.deck(is_second);
                continue;
            };
            if is_second && Fault::ends_host(fault) {
                continue;
            }
            self.pause();
            self.inject(fault, is_second);
            if let Some(ended) = self.machine.host.has_ended() {
                self.stage
                    .wrong(format_args!("the host ended by itself: {ended}"));
                return;
            }
            if self.stage.is_lossy() {
                println!("something is lost: nothing more is broken, so that it can be looked at");
                return;
            }
        }
    }

    fn deck(&mut self, is_second: bool) -> Vec<Fault> {
        let mut deck = ALL.to_vec();
        deck.retain(|fault| !(is_second && fault.ends_host()));
        if !has_own_clocks() {
            deck.retain(|fault| *fault != Fault::Clock);
        }
        self.random.shuffle(&mut deck);
        deck
    }

    fn pause(&mut self) {
        let longest = u64::try_from(self.longest_pause.as_millis()).unwrap();
        self.stage.does("a pause between two faults");
        sleep(Duration::from_millis(self.random.within(500..longest)));
    }

    fn inject(&mut self, fault: Fault, spares_steady: bool) {
        let at = self.stage.begun.elapsed().as_secs();
        let ends_one = matches!(fault, Fault::KillTenant | Fault::EndTenant);
        let on = self.choose(spares_steady && ends_one);
        println!("{at:>6} s  {}", self.told(fault, on));
        let took = match fault {
            Fault::KillTenant => self.end_tenant(on, libc::SIGKILL),
            Fault::EndTenant => self.end_tenant(on, libc::SIGTERM),
            Fault::StopTenant => self.stop_tenant(on),
            Fault::StopHost => self.stop(self.machine.host.pid()),
            Fault::KillHost => self.end_host(libc::SIGKILL, None),
            Fault::Upgrade => self.end_host(libc::SIGTERM, None),
            Fault::Clock => {
                let ahead = *self.random.one_of(&AHEAD);
                self.end_host(libc::SIGTERM, Some(ahead))
            }
            Fault::FullDisk => self.fill_disk(),
            Fault::Unplug => self.unplug(on),
            Fault::KillService => self.kill_service(),
        };
        self.stage.tally.fault(fault.kind(), took);
    }

    fn told(&self, fault: Fault, on: usize) -> String {
        let concerns_one = matches!(
            fault,
            Fault::KillTenant | Fault::EndTenant | Fault::StopTenant | Fault::Unplug
        );
        match concerns_one {
            true => format!("{}: {}", fault.kind(), self.stage.tenants[on].name),
            false => fault.kind().to_owned(),
        }
    }

    /// One of the tenants.
    fn choose(&mut self, spares_steady: bool) -> usize {
        loop {
            let on = self.random.below(self.stage.tenants.len() as u64) as usize;
            if !spares_steady || self.stage.tenants[on].name != STEADY {
                return on;
            }
        }
    }

    fn end_tenant(&mut self, on: usize, signal: i32) -> Duration {
        let begin = Instant::now();
        self.signal_end(on, signal);
        self.serves_again(on);
        begin.elapsed()
    }

    /// Ends the process of a tenant, and waits until there is another.
    fn signal_end(&mut self, on: usize, signal: i32) {
        let tenant = &self.stage.tenants[on];
        let Some(place) = tenant.place() else {
            return;
        };
        let begins = tenant.begins.load(SeqCst);
        tenant.begins_again(signal == libc::SIGKILL);
        send(signal, place.pid);
        let what = format!("another process of {}", tenant.name);
        self.stage
            .until(&what, LIMIT, || tenant.begins.load(SeqCst) > begins);
    }

    /// A process that is stopped finds that time went on without it.
    fn stop_tenant(&mut self, on: usize) -> Duration {
        let Some(place) = self.stage.tenants[on].place() else {
            return Duration::ZERO;
        };
        self.stop(place.pid)
    }

    fn stop(&mut self, pid: u32) -> Duration {
        send(libc::SIGSTOP, pid);
        sleep(Duration::from_millis(self.random.within(2_000..8_000)));
        let begin = Instant::now();
        send(libc::SIGCONT, pid);
        self.all_serve_again();
        begin.elapsed()
    }

    /// Ends the host and starts it on the same data.
    fn end_host(&mut self, signal: i32, ahead: Option<u64>) -> Duration {
        let begin = Instant::now();
        let is_kill = signal == libc::SIGKILL;
        let tenants = self.stage.tenants.iter();
        tenants.for_each(|it| it.begins_again(is_kill));
        let code = self.machine.host.end(signal, ENDS, self.stage);
        if !is_kill && code != Some(0) {
            self.stage
                .wrong(format_args!("the host ended with {code:?} after SIGTERM"));
        }
        self.machine.host = Host::start(&self.machine.called, self.stage, ahead);
        self.all_serve_again();
        begin.elapsed()
    }

    fn fill_disk(&mut self) -> Duration {
        let on = crate::crowd::TENANTS
            .iter()
            .position(|name| *name == SMALL_DISK);
        let on = on.unwrap();
        let (stage, cast) = (self.stage, &self.casts[on]);
        let tenant = &stage.tenants[on];
        // From now on until it is free again, what is said to be done may be refused.
        tenant.harm.fetch_add(1, SeqCst);
        tenant.is_full.store(true, SeqCst);
        self.machine.disk.fill(tenant);
        // What is in the database has room there, so it may take a while until something has none.
        stage.does("a refusal on the full disk");
        let begin = Instant::now();
        while begin.elapsed() < NOTICES && !is_refused(stage, tenant, cast) {}
        // It serves, though nothing can be kept; also after its process is gone.
        self.serves_again(on);
        if self.random.below(2) == 0 {
            self.signal_end(on, libc::SIGKILL);
            self.serves_again(on);
        }
        sleep(Duration::from_millis(self.random.within(1_000..4_000)));
        let begin = Instant::now();
        self.machine.disk.free(tenant);
        stage.until(
            "a change that is saved, on the disk with room",
            LIMIT,
            || {
                let mut line = Line::new(stage, tenant);
                line.connect() && matches!(ballast(&mut line, cast, 1), Answer::Is(_))
            },
        );
        tenant.is_full.store(false, SeqCst);
        self.serves_again(on);
        begin.elapsed()
    }

    fn unplug(&mut self, on: usize) -> Duration {
        let (stage, tenant) = (self.stage, &self.stage.tenants[on]);
        self.machine.ports[on].unplug();
        sleep(Duration::from_millis(self.random.within(1_000..5_000)));
        let begin = Instant::now();
        self.machine.ports[on].plug_in();
        let answers = tenant.serial.load(SeqCst);
        stage.until("the instrument that was plugged in again", LIMIT, || {
            tenant.serial.load(SeqCst) > answers
        });
        begin.elapsed()
    }

    fn kill_service(&mut self) -> Duration {
        let stage = self.stage;
        self.machine.service.kill();
        sleep(Duration::from_millis(self.random.within(1_000..5_000)));
        let begin = Instant::now();
        self.machine.service.start(stage);
        let answers = stage.tenants.iter().map(|it| it.service.load(SeqCst));
        let answers: Vec<_> = answers.collect();
        stage.until("the service that was started again", LIMIT, || {
            let mut both = stage.tenants.iter().zip(&answers);
            both.all(|(tenant, before)| tenant.service.load(SeqCst) > *before)
        });
        begin.elapsed()
    }

    fn serves_again(&mut self, on: usize) {
        let tenant = &self.stage.tenants[on];
        self.stage
            .does(format_args!("a call that {} answers", tenant.name));
        let mut line = Line::new(self.stage, tenant);
        pulse(&mut line, &self.casts[on].pulse, LIMIT);
    }

    /// Every tenant answers a call.
    pub fn all_serve_again(&mut self) {
        let (stage, host) = (self.stage, &mut self.machine.host);
        stage.until("all tenants to be served", LIMIT, || {
            host.has_ended().is_some() || stage.tenants.iter().all(|it| it.place().is_some())
        });
        if host.has_ended().is_none() {
            (0..self.casts.len()).for_each(|on| self.serves_again(on));
        }
    }
}

fn is_refused(stage: &Stage, tenant: &Tenant, cast: &Cast) -> bool {
    let mut line = Line::new(stage, tenant);
    line.connect() && matches!(ballast(&mut line, cast, BALLAST), Answer::Refused(_))
}

/// Sets a long text, each time another one.
fn ballast(line: &mut Line<'_>, cast: &Cast, bytes: usize) -> Answer {
    let text = format!("{:?}{}", line.stage.begun.elapsed(), "x".repeat(bytes));
    let set = json!({ "nid": cast.ballast, "ioid": "value", "value": text, "set_default": true });
    line.ask("set_io_value", set)
}

/// The tenants file: all of them below `data`, at any port.
pub fn list_tenants(dir: &Path) {
    let tenant = |name| format!("[[tenant]]\nname = \"{name}\"\nport = 0\n");
    let list: String = crate::crowd::TENANTS.iter().map(tenant).collect();
    std::fs::write(dir.join("tenants.toml"), list).unwrap();
}
